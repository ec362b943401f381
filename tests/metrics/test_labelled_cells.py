"""Truths: cells without a label count neither as a type nor as a batch, and nobody sees them."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from bench.catalogue import card, metric, metric_names
from bench.core.dataset import UNKNOWN, CountData
from bench.core.problem import Problem
from bench.core.seeds import numpy_generator
from bench.metrics._scoring import score_all
from bench.parts.splits.remarks import remarks

NAMES = [
    name
    for name in metric_names()
    if metric(name).needs & {"batch", "cell_type", "clusters"} and not name.startswith("scib")
]


@pytest.fixture(scope="module")
def data() -> CountData:
    """240 cells of three types that counts tell apart; every fourth has no label."""
    rng = np.random.default_rng(0)
    kind, profile = rng.integers(3, size=240), rng.gamma(1, 4, (3, 30))
    hidden = np.arange(240) % 4 == 0
    return CountData(
        counts=csr_matrix(rng.poisson(profile[kind])),
        cell_names=np.array([f"c{n}" for n in range(240)]),
        gene_names=np.array([f"g{n}" for n in range(30)]),
        labels={
            "cell_type": np.where(hidden, UNKNOWN, np.array(["T", "B", "M"])[kind]),
            "batch": rng.choice(["a", "b"], 240),
        },
    )


def posed(data: CountData) -> Problem:
    task = card("tasks", "integration")
    return task.problem_of(data, task.config(), 1, numpy_generator("test"))


def latent(problem: Problem, name: str) -> dict[str, Any]:
    baseline = card("baselines", name)
    fitted = baseline.fit(problem, baseline.config(), numpy_generator("test", name))
    return {"latent": fitted.answer("latent")(problem.scored_rows)}


def values(problem: Problem, readouts: dict[str, Any]) -> dict[str, float]:
    scored = score_all({name: metric(name) for name in NAMES}, readouts, problem)
    return {row["metric"]: row["value"] for row in scored.scores}


def only(problem: Problem, readouts: dict[str, Any], keep: Any) -> tuple[Problem, dict[str, Any]]:
    """The problem with these cells scored and no others."""
    targets = {name: array[keep] for name, array in problem.targets.items()}
    rows = problem.scored_rows[keep]
    return replace(problem, scored_rows=rows, targets=targets), {
        name: array[keep] for name, array in readouts.items()
    }


@pytest.mark.parametrize("label", ["cell_type", "batch"])
def test_scores_are_those_of_the_labelled_cells_alone(data: CountData, label: str) -> None:
    hidden = np.arange(240) % 4 == 0
    whole = {"cell_type": np.repeat(["T", "B", "M"], 80), "batch": data.labels["batch"]}
    labels = whole | {label: np.where(hidden, UNKNOWN, whole[label])}
    problem = posed(replace(data, labels=labels))
    found = latent(problem, "pca")
    kept = values(*only(problem, found, ~hidden))
    of_all = values(problem, found)
    for name in NAMES:
        if label in metric(name).needs or (label == "cell_type" and name.startswith("kmeans")):
            assert of_all.get(name) == kept.get(name)


def test_purity_is_that_of_three_types_and_not_of_four(data: CountData) -> None:
    problem = posed(data)
    found = latent(problem, "pca")
    as_a_type = replace(
        problem,
        labels={k: np.char.replace(v, UNKNOWN, "fourth") for k, v in problem.labels.items()},
    )
    assert values(as_a_type, found)["knn_purity"] < 0.75
    assert values(problem, found)["knn_purity"] > 0.9


@pytest.mark.parametrize("name", ["cell_type_onehot", "shuffled_within_type"])
def test_ceilings_of_types_give_unlabelled_cells_no_type(data: CountData, name: str) -> None:
    problem = posed(data)
    found = latent(problem, name)
    scores = values(problem, found)
    assert scores["knn_purity"] > 0.9
    unlabelled = problem.labels["cell_type"] == UNKNOWN
    if name == "cell_type_onehot":
        assert found["latent"].shape == (240, 3)
        assert np.abs(found["latent"][unlabelled]).max() < 0.1
    else:
        baseline = latent_before_shuffling(problem)
        np.testing.assert_array_equal(found["latent"][unlabelled], baseline[unlabelled])


def latent_before_shuffling(problem: Problem) -> Any:
    from bench.parts.counts.log_counts import embedded

    return embedded(problem, 10, numpy_generator("test", "shuffled_within_type"))


def test_baselines_of_batches_leave_cells_without_one_as_they_are(data: CountData) -> None:
    hidden = np.arange(240) % 4 == 0
    labels = data.labels | {"batch": np.where(hidden, UNKNOWN, data.labels["batch"])}
    problem = posed(replace(data, labels=labels))
    assert latent(problem, "batch_onehot")["latent"].shape == (240, 2)
    plain = latent(problem, "harmony")["latent"]
    from bench.parts.counts.log_counts import embedded

    before = embedded(problem, 10, numpy_generator("test", "harmony"))
    np.testing.assert_array_equal(plain[hidden], before[hidden])
    assert (plain[~hidden] != before[~hidden]).any()


def test_a_label_that_no_cell_shares_with_another_is_nothing_to_integrate(data: CountData) -> None:
    from bench.core.errors import UserError

    one = np.where(np.arange(240) % 2 == 0, "same", UNKNOWN)
    with pytest.raises(UserError) as refusal:
        posed(replace(data, labels=data.labels | {"batch": one}))
    assert [finding.place for finding in refusal.value.findings] == ["batch"]


def test_cells_without_a_label_are_counted(data: CountData) -> None:
    assert list(unlabelled(data)) == [
        "60 of 240 scored cells have no cell_type; metrics that need it leave them out"
    ]
    whole = {"cell_type": np.repeat(["T", "B", "M"], 80), "batch": data.labels["batch"]}
    assert not list(unlabelled(replace(data, labels=whole)))


def unlabelled(data: CountData) -> Iterator[str]:
    return (one for one in remarks(data, posed(data)) if "scored cells" in one)
