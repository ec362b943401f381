"""Truths about settings that cannot act: which are said, and which are not."""

from typing import Any

import pytest

from bench.planning.idle_settings import idle_settings
from bench.planning.study import from_config


def warnings(**training: Any) -> list[str]:
    study = {
        "datasets": [{"small": {"dataset": "gamma_poisson", "n_cells": 100}}],
        "tasks": ["held_out_cells"],
        "training": {"max_epochs": 10, "batch_size": 50, **training},
        "runs": {"a": {"variant": "pvae"}},
    }
    found = from_config(study, "mine")
    assert not found.findings
    return idle_settings(found)


@pytest.mark.parametrize(
    ("training", "words"),
    [
        ({"patience": 10}, "runs.a.patience is 10: no replicate stops early"),
        ({"patience": 60}, "with max_epochs 10"),
        ({"restart_epochs": 10}, "there is no restart"),
        ({"lr_decay": 0.5}, "the first decay would follow after 100 epochs"),
        ({"kl_warmup_steps": 21}, "training has at most 20 steps"),
        ({"kl_warmup_steps": 11, "batch_size": 0}, "training has at most 10 steps"),
    ],
)
def test_a_setting_that_cannot_act_is_said(training: dict[str, Any], words: str) -> None:
    [line] = warnings(**training)
    assert words in line


@pytest.mark.parametrize(
    "training",
    [
        {},
        {"patience": 9},
        {"patience": 0},
        {"restart_epochs": 9},
        {"lr_decay": 0.5, "lr_decay_epochs": 9},
        {"lr_decay_epochs": 100},
        {"kl_warmup_steps": 20},
    ],
)
def test_a_default_and_a_setting_that_acts_are_not_said(training: dict[str, Any]) -> None:
    assert warnings(**training) == []


def test_a_dataset_of_unknown_size_gives_no_warning_about_steps() -> None:
    study = {
        "datasets": ["pbmc3k"],
        "tasks": ["held_out_cells"],
        "runs": {"a": {"variant": "pvae", "kl_warmup_steps": 10**6}},
    }
    assert idle_settings(from_config(study, "mine")) == []


def test_the_runs_of_a_sweep_are_said_one_by_one() -> None:
    lines = warnings(patience=[3, 10, 20])
    assert [line.split(":")[0] for line in lines] == [
        "runs.a.patience is 10",
        "runs.a.patience is 20",
    ]
