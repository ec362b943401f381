"""Curves: shares of a mask stand apart from the terms of the loss, in their own unit."""

from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from bench.parts.nn.treatment_posteriors import mask_shares
from bench.reports import curves
from bench.reports._leaderboards import leaderboards
from bench.reports._page import compose
from bench.results.tables import Results, read

StudyFolder = Callable[..., Path]
MEANS = {
    "sams": ("models", "sams_vae", "competitor", 0.8, 0.01),
    "cpa": ("models", "cpa_vae", "competitor", 0.7, 0.01),
    "mean": ("baselines", "mean", "floor", 0.0, 0.0),
}


@pytest.fixture
def masked(study_folder: StudyFolder) -> Results:
    """A study of one run with a mask, of which ever more entries are decided, and one without."""
    folder = study_folder(
        datasets=("thinning_example",), tasks=("thinned_counts",), means=MEANS, n_epochs=30
    )
    run = folder / "runs/thinning_example/thinned_counts/1/sams"
    for path in run.glob("*/curve.parquet"):
        curve = pd.read_parquet(path)
        like = curve[curve["term"] == "kl_z"]
        on, off = like["epoch"] / 100, like["epoch"] / 50
        more = [like.assign(term="mask_on", value=on), like.assign(term="mask_off", value=off)]
        more.append(like.assign(term="mask_likely", value=0.5 + 0.001 * like["seed"]))
        # Of the loss, whatever its name: nats.
        more.append(like.assign(term="mask_rate", value=3.0))
        pd.concat([curve, *more]).to_parquet(path)
    return read(folder)


def panel(results: Results) -> curves.TrainingCurves:
    [found] = curves.panels(results, leaderboards(results))
    return found


def drawn(spec: dict[str, Any]) -> pd.DataFrame:
    [text] = spec["datasets"].values()
    return pd.read_csv(StringIO(text))


def title(spec: dict[str, Any]) -> str:
    return str(spec["layer"][-1]["encoding"]["y"]["title"])


def test_shares_are_no_terms_of_the_loss(masked: Results) -> None:
    found = panel(masked)
    assert list(found.terms) == ["bound", "kl_z", "mask_rate", "reconstruction"]
    assert list(found.masks) == list(curves.MASKS.values())
    assert {title(spec) for spec in found.terms.values()} == {"nats per cell"}
    assert {title(spec) for spec in found.masks.values()} == {"share of the mask"}


def test_the_shares_are_those_that_models_watch() -> None:
    watched = mask_shares(torch.zeros(2, 3), torch.ones(2))
    assert {"mask_decided", *watched} == set(curves.MASKS)


def test_decided_is_on_and_off_together(masked: Results) -> None:
    table = drawn(panel(masked).masks["decided either way"])
    assert set(table["run"]) == {"sams"}
    # A mask belongs to no cells: it is drawn once.
    assert set(table["part"]) == {"validation"}
    early = table[table["epoch"] <= 10]
    np.testing.assert_allclose(early["mean"], 0.03 * early["epoch"], rtol=1e-4)


def test_an_axis_of_shares_stays_between_zero_and_one_and_is_not_all_noise() -> None:
    for low, high in ((-0.2, 0.0), (0.999, 1.3), (0.4, 0.401), (0.0, 1.0), (-1.0, 2.0)):
        ends = curves._within_one(low, high)
        assert 0 <= ends[0] < ends[1] <= 1
        assert ends[1] - ends[0] >= curves.NARROWEST - 1e-9
        assert ends[0] <= max(low, 0) + 1e-9
        assert ends[1] >= min(high, 1) - 1e-9


def test_the_page_has_the_figure_where_a_run_has_a_mask(
    masked: Results, study_folder: StudyFolder
) -> None:
    assert "How decided the masks are" in compose(masked)
    assert "How decided the masks are" not in compose(read(study_folder(n_epochs=10)))
