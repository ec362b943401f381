"""Truths: what classifiers of labelled cells find, against scikit-learn and by hand."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import LinearSVC

from bench.baselines import linear_svm
from bench.catalogue import card, metric, names
from bench.core.problem import TEST, TRAIN, Problem
from bench.core.seeds import numpy_generator
from bench.parts.counts.log_counts import embedded, log_counts, logs_of

CLASSIFYING = [n for n in names("baselines") if "known_type" in card("baselines", n).needs]
COMPETING = [n for n in CLASSIFYING if card("baselines", n).role == "competitor"]


def posed(type_sd: float = 1.0, n_cells: int = 400, **config: Any) -> Problem:
    dataset, task = card("data", "batched_gamma_poisson"), card("tasks", "few_labels")
    size = dataset.config(n_cells=n_cells, n_genes=60, type_sd=type_sd, batch_sd=0.2)
    settings = task.config(**{"per_class": 5, **config})
    return task.problem_of(dataset.load(size, {}), settings, 1, numpy_generator("test"))


@pytest.fixture(scope="module")
def problem() -> Problem:
    return posed()


def found(name: str, problem: Problem, **config: Any) -> NDArray:
    baseline = card("baselines", name)
    result = baseline.fit(problem, baseline.config(**config), np.random.default_rng(0))
    return result.answer("classes")(np.arange(len(problem.role)))


def share_found(probability: NDArray, problem: Problem) -> float:
    rows = problem.scored_rows
    given = {
        "class_probability": probability[rows],
        "known_type": problem.labels["known_type"][rows],
    }
    return metric("balanced_accuracy").value({**given, "true_type": problem.targets["true_type"]})


def known_of(problem: Problem) -> tuple[NDArray, NDArray]:
    """(cell,) whether the type is told; the types told."""
    known = problem.labels["known_type"]
    return known != "", known[known != ""]


@pytest.mark.parametrize("form", [{}, {"test": 0.2}, {"test_batch": "batch_1"}])
@pytest.mark.parametrize("name", COMPETING)
def test_types_that_differ_are_found_in_every_form(name: str, form: dict[str, Any]) -> None:
    problem = posed(**form)
    assert share_found(found(name, problem), problem) > 0.9


@pytest.mark.parametrize("name", COMPETING)
def test_types_that_do_not_differ_are_not_found(name: str) -> None:
    """Chance: one in five, with a standard error of 0.022 over 320 cells; six are allowed."""
    problem = posed(type_sd=0.0)
    assert share_found(found(name, problem), problem) < 0.2 + 6 * 0.022


def test_the_majority_is_the_share_of_labels_and_finds_one_type(problem: Problem) -> None:
    even = found("majority_class", problem)
    np.testing.assert_allclose(even, 0.2)
    assert share_found(even, problem) == 0.2
    known = problem.labels["known_type"].copy()
    known[np.flatnonzero(known == "type_0")[:3]] = "type_3"
    uneven = found("majority_class", replace(problem, labels={"known_type": known}))
    np.testing.assert_allclose(uneven, np.tile([2, 5, 5, 8, 5], (400, 1)) / 25)
    assert share_found(uneven, replace(problem, labels={"known_type": known})) == 0.2


def test_the_depth_cells_are_brought_to_is_that_of_those_that_may_be_fitted() -> None:
    problem = posed(test=0.3)
    counts, rows = problem.counts, problem.fitting_rows()
    plain = log_counts(counts[rows]).toarray()
    np.testing.assert_allclose(logs_of(problem)[rows].toarray(), plain)
    size = counts.sum(1).A1 if hasattr(counts.sum(1), "A1") else counts.sum(1)
    held_out = problem.rows(TEST)
    expected = np.log1p(counts[held_out].toarray() * np.median(size[rows]) / size[held_out, None])
    np.testing.assert_allclose(logs_of(problem)[held_out].toarray(), expected)


def test_components_are_those_of_cells_that_may_be_fitted() -> None:
    problem = posed(test=0.3)
    rows, logs = problem.fitting_rows(), logs_of(problem).toarray()
    centre = logs[rows].mean(0)
    axes = np.linalg.svd(logs[rows] - centre, full_matrices=False)[2][:4]
    points = embedded(problem, 4, np.random.default_rng(0))
    np.testing.assert_allclose(np.abs(points), np.abs((logs - centre) @ axes.T), atol=1e-6)


def test_logistic_regression_is_scikit_learns(problem: Problem) -> None:
    logs, (told, kinds) = logs_of(problem).toarray(), known_of(problem)
    peer = LogisticRegression(C=0.1, max_iter=1000).fit(logs[told], kinds)
    mine = found("logistic_regression", problem, strength=0.1)
    np.testing.assert_allclose(mine, peer.predict_proba(logs), atol=1e-4)


def test_neighbours_vote_among_components(problem: Problem) -> None:
    points, (told, kinds) = embedded(problem, 8, np.random.default_rng(0)), known_of(problem)
    peer = KNeighborsClassifier(3, weights="distance").fit(points[told], kinds)
    mine = found("knn_pca", problem, n_components=8, n_neighbours=3)
    np.testing.assert_array_equal(mine, peer.predict_proba(points))


def test_a_support_vector_machine_names_what_its_margins_name(problem: Problem) -> None:
    logs, (told, kinds) = logs_of(problem), known_of(problem)
    peer = LinearSVC(max_iter=100_000, random_state=0).fit(logs[told], kinds)
    named = np.unique(kinds)[found("linear_svm", problem).argmax(1)]
    assert (named == peer.predict(logs)).mean() > 0.99


def test_the_temperature_makes_margins_calibrated() -> None:
    """Scaling by cross-validation beats the margins as they are, in either direction."""
    problem = posed(type_sd=0.4, per_class=10)
    logs, (told, kinds) = logs_of(problem), known_of(problem)
    machine = LinearSVC(max_iter=100_000, random_state=0)
    heat = linear_svm.temperature(machine, logs[told], kinds)
    margins = machine.fit(logs[told], kinds).decision_function(logs)[problem.scored_rows]
    hidden = problem.labels["known_type"][problem.scored_rows] == ""
    right = problem.targets["true_type"][:, None] == np.unique(kinds)

    def loss(t: float) -> float:
        return float(-np.log(softmax(margins / t, 1)[hidden][right[hidden]]).mean())

    assert loss(heat) < min(loss(heat * 3), loss(heat / 3))


def test_margins_of_a_type_with_a_single_label_stay_as_they_are() -> None:
    kinds, logs = np.array(["a", "b", "b"]), np.eye(3)
    assert linear_svm.temperature(LinearSVC(), logs, kinds) == 1
    np.testing.assert_array_equal(
        linear_svm.of_every_type(np.array([1.0, -3])), [[-0.5, 0.5], [1.5, -1.5]]
    )


def test_a_forest_has_other_trees_for_every_seed(problem: Problem) -> None:
    baseline = card("baselines", "random_forest")
    one, other = (
        baseline.fit(problem, baseline.config(n_trees=20), np.random.default_rng(seed))
        for seed in (0, 1)
    )
    every_cell = np.arange(len(problem.role))
    assert not np.array_equal(*(f.answer("classes")(every_cell) for f in (one, other)))


def test_labels_spread_through_hidden_cells() -> None:
    """Two chains of cells, one label each at an end: distance misleads, the graph does not."""
    problem = chains()
    spread = found("label_spreading", problem, n_components=2, n_neighbours=5, clamping=0.9)
    near = found("knn_pca", problem, n_components=2)
    assert share_found(spread, problem) == 1
    assert share_found(near, problem) < 0.9


def chains() -> Problem:
    """A chain of gene 0 against 1, and one beside it; the second's label is at its other end."""
    step = np.arange(60)
    one = np.stack([20 + 5 * step, 400 - 5 * step, np.full(60, 20)], 1)
    two = one + np.array([0, 0, 60])
    kinds = np.repeat(["a", "b"], 60)
    known = np.full(120, "", dtype="<U1")
    known[0], known[119] = "a", "b"
    return Problem(
        counts=csr_matrix(np.concatenate([one, two])),
        role=np.full(120, TRAIN, dtype=np.int8),
        scored_rows=np.arange(120),
        labels={"known_type": known},
        targets={"true_type": kinds},
    )


def test_a_cell_no_label_reaches_may_be_of_every_type_alike() -> None:
    problem = chains()
    known = np.full(120, "", dtype="<U1")
    known[[0, 1]] = "a", "b"
    role = problem.role.copy()
    role[119] = TEST
    alone = replace(problem, labels={"known_type": known}, role=role)
    probability = found("label_spreading", alone, n_components=2, n_neighbours=4)
    np.testing.assert_allclose(probability[[90, 118, 119]], 0.5)
    assert probability[0, 0] > 0.5
