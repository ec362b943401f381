"""Truths: of degenerate cells every metric gives a number within its bounds, or a reason."""

import math
from typing import Any

import numpy as np
import pytest

from bench.catalogue import metric, metric_names
from bench.metrics._scoring import score_all
from tests.metrics.degenerate import CASES, arrays, problem

SCIB = [name for name in metric_names() if name.startswith("scib.")]
OTHERS = [name for name in metric_names() if name not in SCIB]


def reasons(names: list[str], case: dict[str, Any]) -> dict[str, str]:
    """Metric -> why it has no score; every other one has a number within its bounds."""
    cards = {name: metric(name) for name in names}
    scored = score_all(cards, arrays(**case), problem(**case))
    assert {row["metric"] for row in (*scored.scores, *scored.unscored)} == set(names)
    for row in scored.scores:
        lowest, highest = cards[row["metric"]].bounds
        assert math.isfinite(row["value"])
        assert lowest - 1e-6 <= row["value"] <= highest + 1e-6
    failed = [row for row in scored.unscored if row["status"] != "not_applicable"]
    assert not failed
    return {row["metric"]: row["reason"] for row in scored.unscored}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_every_metric_is_a_number_within_its_bounds_or_not_applicable(case: dict[str, Any]) -> None:
    assert all(reasons(OTHERS, case).values())


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_scib_is_a_number_within_its_bounds_or_not_applicable(case: dict[str, Any]) -> None:
    assert all(reasons(SCIB, case).values())


def test_neighbours_of_a_latent_without_content_mean_nothing() -> None:
    found = reasons(OTHERS, CASES["a constant latent"])
    for name in ("knn_purity", "batch_entropy", "batch_entropy_within_type"):
        assert "all cells are at one place" in found[name]
    assert "kmeans.nmi" not in found


def test_cells_without_any_label_leave_nothing_to_score() -> None:
    found = reasons(OTHERS, CASES["no cell with a label"])
    assert found["knn_purity"] == "no scored cell has a label for cell_type"
    assert found["batch_entropy"] == "no scored cell has a label for batch"
    assert found["batch_entropy_within_type"].endswith("for batch, cell_type")
    assert "elbo" not in found


@pytest.mark.slow
def test_a_value_beyond_the_bounds_of_a_scib_score_is_a_failure_with_the_value() -> None:
    case: dict[str, Any] = {"n_cells": 5}
    cards = {name: metric(name) for name in ("scib.ilisi", "scib.batch")}
    scored = score_all(cards, arrays(**case), problem(**case))
    assert not scored.scores
    reasons = {row["metric"]: row["reason"] for row in scored.unscored}
    assert {row["status"] for row in scored.unscored} == {"failed"}
    assert reasons["scib.ilisi"] == "returned -2, outside its own bounds of 0 to 1"
    assert "is -2, outside its own bounds of 0 to 1" in reasons["scib.batch"]


def test_arrays_of_genes_lose_no_entry_with_the_cells() -> None:
    from bench.parts.scoring.labelled_cells import LabelledCells

    given = {
        "gene_variance": np.arange(3),
        "x": np.arange(3),
        "batch": np.array(["a", "unknown", "b"]),
    }
    found = LabelledCells(given, ["batch"]).arrays({"batch", "gene_variance", "x"})
    np.testing.assert_array_equal(found["gene_variance"], [0, 1, 2])
    np.testing.assert_array_equal(found["x"], [0, 2])
