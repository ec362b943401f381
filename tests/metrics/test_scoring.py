"""What becomes of a metric that fails, and of the others."""

import errno
from typing import Any

import numpy as np
import pytest

from bench.core.metric import Metric, NotApplicable
from bench.core.problem import Problem
from bench.metrics._scoring import score_all


def raises(error: BaseException) -> Any:
    def score(elbo_per_cell: np.ndarray) -> float:
        raise error

    return score


def spoils(elbo_per_cell: np.ndarray) -> float:
    elbo_per_cell *= 0
    return 0.0


def mean(elbo_per_cell: np.ndarray) -> float:
    return float(elbo_per_cell.mean())


def shelf(first: Any) -> dict[str, Metric]:
    shared: Any = {"better": "higher", "bounds": (-9.0, 1.0), "unit": "nats", "reference": "-"}
    scores = {"first": first, "second": mean}
    return {name: Metric(label=name, score=score, **shared) for name, score in scores.items()}


@pytest.fixture
def problem(problems: dict[str, Problem]) -> Problem:
    return problems["held_out_cells"]


@pytest.mark.parametrize(
    ("score", "status", "reason"),
    [
        (spoils, "failed", "ValueError: output array is read-only"),
        (raises(SystemExit(0)), "failed", "SystemExit: 0"),
        (raises(NotApplicable("one batch")), "not_applicable", "one batch"),
        (lambda elbo_per_cell: 1.5, "failed", "returned 1.5, outside its own bounds of -9 to 1"),
        (lambda elbo_per_cell: float("nan"), "failed", "returned nan"),
    ],
)
def test_a_metric_that_fails_costs_no_other(
    problem: Problem, score: Any, status: str, reason: str
) -> None:
    """Nor does one that writes into what all of them are given."""
    values = np.full(len(problem.scored_rows), -3.0)
    good, [bad] = score_all(shelf(score), {"elbo_per_cell": values}, problem)
    assert good == [{"metric": "second", "value": -3.0}]
    assert bad == {"metric": "first", "status": status, "reason": reason}
    assert (values == -3).all()


@pytest.mark.parametrize("error", [MemoryError(), OSError(errno.ENOSPC, "No space left")])
def test_the_machines_faults_are_no_scores(problem: Problem, error: BaseException) -> None:
    with pytest.raises(type(error)):
        score_all(shelf(raises(error)), {"elbo_per_cell": np.zeros(3)}, problem)
