"""A new readout is one file: it is offered to whoever can what it asks of, and no file changes."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import bench.readouts
from bench import catalogue
from bench.catalogue import card
from bench.core.problem import Problem
from bench.core.seeds import numpy_generator
from bench.planning.plan import make_plan
from bench.planning.plan_record import Plan
from bench.planning.study import from_config
from bench.training.cells import facts_of
from tests.conftest import open_replicate

TOTALS = '''"""Expected number of counts of every scored cell."""

from dataclasses import dataclass

import numpy as np

from bench.core.readout import Readout
from bench.parts.nn.latents import at_mean


@dataclass(frozen=True, kw_only=True)
class Config:
    """Nothing to choose."""


def of_variant(fitted, problem, config):
    parts = []
    for cells in fitted.minibatches(problem.scored_rows):
        latents = at_mean(fitted.module.infer(cells))
        parts.append(fitted.module.generate(latents, cells).mean.sum(-1).cpu().numpy())
    return {"total": np.concatenate(parts)}


def of_baseline(fitted, problem, config):
    return {"total": fitted.answer("counts")(problem.scored_rows).sum(1)}


READOUT = Readout(
    label="totals",
    config=Config,
    of="counts",
    arrays=frozenset({"total"}),
    of_variant=of_variant,
    of_baseline=of_baseline,
    reference="a test",
)
'''

VALUES = {"sams_vae_normal"}
"""Variants of real numbers, which none of these data are."""

WINGED = """
from dataclasses import dataclass
from bench.core.variant import Variant

@dataclass(frozen=True, kw_only=True)
class Config:
    pass

VARIANT = Variant(label="own", needs=frozenset({"counts", "observed"}), config=Config,
                  can=frozenset({"bound", "wings"}), build=lambda facts, config: None,
                  reference="a test")
"""


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A shelf of readouts that is the package's own until a file is written there."""
    root = tmp_path / "bench"
    (root / "readouts").mkdir(parents=True)
    for file in (catalogue.ROOT / "readouts").glob("*.py"):
        (root / "readouts" / file.name).symlink_to(file)
    for kind in set(catalogue.CARDS) - {"readouts"}:
        (root / kind).symlink_to(catalogue.ROOT / kind)
    monkeypatch.setattr(catalogue, "ROOT", root)
    monkeypatch.setattr(bench.readouts, "__path__", [str(root / "readouts")])
    yield root / "readouts"
    sys.modules.pop("bench.readouts.totals", None)


def plan(**study: Any) -> Plan:
    """Of a study that names totals, which no task asks for."""
    return make_plan(from_config({"readouts": {"totals": {}}} | study, "mine"))


def rows_of_everyone() -> list[dict[str, Any]]:
    """The planned runs of all variants of counts and of all baselines that apply, on two data."""
    variants = {name: card("models", name).needs for name in catalogue.names("models")}
    told = {name for name, needs in variants.items() if "perturbation" in needs} - VALUES
    cells = plan(
        datasets=["batched_gamma_poisson"],
        tasks=["held_out_cells", "few_labels", "integration"],
        runs={name: {"variant": name} for name in sorted(set(variants) - told - VALUES)},
        baselines=["mean", "nmf", "oracle", "pca", "shuffled", "linear_svm", "label_spreading"],
    )
    perturbed = plan(
        datasets=["svae_simulation"],
        tasks=["unseen_combinations"],
        runs={name: {"variant": name} for name in sorted(told)},
        baselines=["additive_effects", "rank_one"],
    )
    return [*cells.runs, *perturbed.runs]


def test_a_readout_on_the_shelf_is_asked_of_all_who_can_what_it_asks_of(shelf: Path) -> None:
    (shelf / "totals.py").write_text(TOTALS)
    asked, offered = {}, set()
    for row in rows_of_everyone():
        able = "counts" in card(row["shelf"], row["model"]).can
        asked[row["model"]] = able
        assert ("totals" in row["readouts"]) == able, row["model"]
        offered |= {row["model"]} if "totals" in row["readouts"] else set()
    assert offered == {name for name, able in asked.items() if able}
    assert {"nbvae", "sams_vae", "scanvi", "mean", "nmf"} <= offered
    assert {"bce_vae", "cpa_adversarial", "shuffled", "linear_svm"} <= set(asked) - offered


@pytest.mark.parametrize("without", ["of_variant", "of_baseline"])
def test_what_has_no_function_for_a_kind_is_not_asked_of_it(shelf: Path, without: str) -> None:
    text = TOTALS.replace(f"    {without}={without},\n", "")
    (shelf / "totals.py").write_text(text)
    kinds = {row["shelf"] for row in rows_of_everyone() if "totals" in row["readouts"]}
    assert kinds == ({"baselines"} if without == "of_variant" else {"models"})


def test_an_ability_that_nobody_has_heard_of_needs_no_other_file(
    shelf: Path, tmp_path: Path
) -> None:
    (shelf / "totals.py").write_text(TOTALS.replace('of="counts"', 'of="wings"'))
    winged = tmp_path / "winged.py"
    winged.write_text(WINGED)
    made = plan(
        datasets=["gamma_poisson"],
        tasks=["held_out_cells"],
        runs={"winged": {"variant": str(winged)}, "nbvae": {"variant": "nbvae"}},
        baselines=["mean"],
    )
    assert {row["run"] for row in made.runs if "totals" in row["readouts"]} == {"winged"}


def test_what_it_returns_is_read_out_of_both_kinds(
    shelf: Path, problems: dict[str, Problem]
) -> None:
    (shelf / "totals.py").write_text(TOTALS)
    readout, problem = card("readouts", "totals"), problems["held_out_cells"]
    variant = card("models", "pvae")
    config = variant.config(n_latent=2, n_hidden=4)
    state = variant.build(facts_of(problem), config).state_dict()
    with torch.no_grad():
        fitted = open_replicate(problem, variant, config, state, 0, "totals")
        found = readout.of_variant(fitted, problem, readout.config())["total"]
    baseline = card("baselines", "rank_one")
    answered = baseline.fit(problem, baseline.config(), numpy_generator("test"))
    expected = answered.answer("counts")(problem.scored_rows).sum(1)
    other = readout.of_baseline(answered, problem, readout.config())["total"]
    np.testing.assert_array_equal(other, expected)
    assert found.shape == other.shape == (len(problem.scored_rows),)
    assert (found > 0).all()
