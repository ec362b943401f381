"""Truths: scores of classification against scikit-learn's, at their extremes, and of probes."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn import metrics as theirs
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from bench.catalogue import metric, metric_names
from bench.core.metric import NotApplicable
from bench.core.problem import for_selection
from bench.metrics._scoring import score_all
from bench.metrics.log_loss import FLOOR
from bench.parts.scoring.derived import Derived
from tests.conftest import posed

Arrays = dict[str, NDArray[Any]]

SCORES = (
    *("accuracy", "balanced_accuracy", "macro_f1"),
    *("log_loss", "expected_calibration_error", "auroc"),
)
OF_TYPES = [name for name in metric_names() if "true_type" in metric(name).needs]
PROBES = ("knn", "logistic")
KINDS = np.array(["a", "b", "c", "d"])
N_LABELLED, N_HIDDEN = 40, 500
KNOWN = np.concatenate([np.repeat(KINDS, N_LABELLED // len(KINDS)), np.full(N_HIDDEN, "")])


def types(seed: int = 0) -> NDArray[np.str_]:
    """The type of every cell: labels tell the truth, hidden cells are of unequal types."""
    drawn = np.random.default_rng(seed).choice(KINDS, N_HIDDEN, p=[0.55, 0.3, 0.1, 0.05])
    return np.concatenate([KNOWN[KNOWN != ""], drawn])


def said(true_type: NDArray, strength: float = 1.0, seed: int = 1) -> Arrays:
    """Probabilities that lean to the truth by ``strength``, with all that metrics are given."""
    noise = np.random.default_rng(seed).normal(size=(len(true_type), len(KINDS)))
    return given(softmax(strength * (true_type[:, None] == KINDS) + noise, axis=1), true_type)


def given(probability: NDArray, true_type: NDArray, known: NDArray = KNOWN) -> Arrays:
    sources = ("class_probability", "class_probability_plugin", "knn_probability")
    arrays = dict.fromkeys((*sources, "logistic_probability"), probability)
    return {**arrays, "known_type": known, "true_type": true_type}


def scored(name: str, arrays: Arrays) -> float:
    return metric(name).value(arrays)


def goodness(name: str, arrays: Arrays) -> float:
    return scored(name, arrays) * metric(name).sign


def calibration_error(true: NDArray, probability: NDArray) -> float:
    """The definition as a loop."""
    top, total = probability.max(1), 0.0
    right = KINDS[probability.argmax(1)] == true
    for low in np.arange(15) / 15:
        inside = (top > low) & (top <= low + 1 / 15)
        if inside.any():
            total += inside.mean() * abs(right[inside].mean() - top[inside].mean())
    return total


THEIRS = {
    "accuracy": lambda true, p: theirs.accuracy_score(true, KINDS[p.argmax(1)]),
    "balanced_accuracy": lambda true, p: theirs.balanced_accuracy_score(true, KINDS[p.argmax(1)]),
    "macro_f1": lambda true, p: theirs.f1_score(true, KINDS[p.argmax(1)], average="macro"),
    "log_loss": lambda true, p: theirs.log_loss(true, p, labels=KINDS),
    "expected_calibration_error": calibration_error,
    "auroc": lambda true, p: theirs.roc_auc_score(true, p, multi_class="ovr", labels=KINDS),
}


@pytest.mark.parametrize("seed", range(3))
def test_hidden_cells_are_scored_as_scikit_learn_does(seed: int) -> None:
    """By every view alike: each is given the same probabilities here."""
    arrays, hidden = said(types(seed), seed=seed), KNOWN == ""
    found = {name: scored(name, arrays) for name in OF_TYPES}
    true, probability = arrays["true_type"][hidden], arrays["class_probability"][hidden]
    expected = {name: THEIRS[name.partition(".")[0]](true, probability) for name in OF_TYPES}
    assert found == pytest.approx(expected, rel=1e-12)


def test_there_is_one_of_each_for_every_source_of_probabilities() -> None:
    probes = {f"{name}.{probe}" for probe in PROBES for name in SCORES}
    assert set(OF_TYPES) == {*SCORES, *probes, "accuracy.plugin", "balanced_accuracy.plugin"}


def test_every_view_takes_probabilities_of_its_own() -> None:
    sources = {"": "class_", "plugin": "class_", "knn": "knn_", "logistic": "logistic_"}
    for name in OF_TYPES:
        view = name.partition(".")[2]
        array = f"{sources[view]}probability{'_plugin' if view == 'plugin' else ''}"
        assert metric(name).needs == {array, "known_type", "true_type"}, name


def test_one_float_within_bounds_comes_out() -> None:
    for name in OF_TYPES:
        value, (lowest, highest) = scored(name, said(types())), metric(name).bounds
        assert type(value) is float, name
        assert lowest <= value <= highest, name


def test_nothing_of_labelled_cells_matters() -> None:
    arrays = said(types())
    told = KNOWN != ""
    probability = arrays["class_probability"].copy()
    probability[told] = np.random.default_rng(5).dirichlet(np.ones(4), told.sum())
    other = given(probability, np.where(told, "nonsense", arrays["true_type"]))
    for name in OF_TYPES:
        assert scored(name, other) == scored(name, arrays), name


def test_the_order_of_cells_does_not_matter_and_inputs_are_left_alone() -> None:
    arrays, again = said(types()), said(types())
    order = np.random.default_rng(2).permutation(len(KNOWN))
    shuffled = {name: values[order] for name, values in arrays.items()}
    one, other = ({n: scored(n, a) for n in OF_TYPES} for a in (arrays, shuffled))
    assert one == pytest.approx(other, rel=1e-12)
    for name, values in arrays.items():
        np.testing.assert_array_equal(values, again[name])


def test_the_truth_is_perfect() -> None:
    true = types()
    arrays = given((true[:, None] == KINDS).astype(float), true)
    best = {name: metric(name).bounds[1 if metric(name).sign > 0 else 0] for name in SCORES}
    assert {name: scored(name, arrays) for name in SCORES} == best


@pytest.mark.parametrize("name", [n for n in SCORES if n != "expected_calibration_error"])
def test_who_knows_more_scores_higher(name: str) -> None:
    """Chance: 500 cells, with steps that move every score by more than ten standard errors."""
    true = types()
    steps = [goodness(name, said(true, s)) for s in (0.0, 1.5, 3.0, 6.0)]
    assert np.all(np.diff(steps) > 0)


def test_the_most_frequent_type_alone_is_accurate_and_finds_one_type() -> None:
    true = types()
    majority = given(np.tile([1.0, 0, 0, 0], (len(true), 1)), true)
    values = {name: scored(name, majority) for name in SCORES}
    assert values["accuracy"] == (true[KNOWN == ""] == "a").mean() > 0.45
    assert values["balanced_accuracy"] == 0.25
    assert values["macro_f1"] < 0.25
    assert values["auroc"] == 0.5
    assert values["log_loss"] == pytest.approx((1 - values["accuracy"]) * -np.log(FLOOR))
    assert values["expected_calibration_error"] == pytest.approx(1 - values["accuracy"])


def test_frequencies_said_of_every_cell_are_calibrated_and_rank_nothing() -> None:
    true = types()
    shares = (true[KNOWN == ""][:, None] == KINDS).mean(0)
    arrays = given(np.tile(shares, (len(true), 1)), true)
    assert scored("expected_calibration_error", arrays) == pytest.approx(0)
    assert scored("auroc", arrays) == 0.5
    entropy = -(shares * np.log(shares)).sum()
    assert scored("log_loss", arrays) == pytest.approx(entropy)


def test_overconfidence_costs_calibration_and_likelihood_and_no_accuracy() -> None:
    true = types()
    modest = said(true)
    sharp = given(softmax(20 * np.log(modest["class_probability"]), axis=1), true)
    for name in ("accuracy", "balanced_accuracy", "macro_f1"):
        assert scored(name, sharp) == scored(name, modest)
    for name in ("log_loss", "expected_calibration_error"):
        assert goodness(name, sharp) < goodness(name, modest)


def test_a_type_nobody_was_told_counts_as_wrong_and_costs_the_floor() -> None:
    true = types()
    new = np.flatnonzero(KNOWN == "")[:50]
    true[new] = "zz"
    perfect = given((true[:, None] == KINDS).astype(float), true)
    perfect["class_probability"][new] = [1.0, 0, 0, 0]
    values = {name: scored(name, perfect) for name in SCORES}
    assert values["accuracy"] == pytest.approx(0.9)
    assert values["balanced_accuracy"] == pytest.approx(4 / 5)
    assert values["log_loss"] == pytest.approx(-0.1 * np.log(FLOOR))
    assert values["macro_f1"] < 4 / 5
    assert 0.99 > values["auroc"] > 0.9


def test_a_known_type_that_no_scored_cell_is_of_does_not_count() -> None:
    true = np.where((types() == "d") & (KNOWN == ""), "a", types())
    arrays = given((true[:, None] == KINDS).astype(float), true)
    for name in ("balanced_accuracy", "macro_f1", "auroc"):
        assert scored(name, arrays) == 1


def test_where_nothing_hidden_is_scored_there_is_no_score() -> None:
    told = KNOWN != ""
    arrays = {name: values[told] for name, values in said(types()).items()}
    for name in OF_TYPES:
        with pytest.raises(NotApplicable):
            scored(name, arrays)


def test_a_ranking_needs_two_types() -> None:
    true = np.where(KNOWN == "", "a", KNOWN)
    with pytest.raises(NotApplicable):
        scored("auroc", said(true))


def test_what_is_no_probability_fails_and_is_no_score() -> None:
    true = types()
    broken = said(true)["class_probability"].copy()
    broken[-1, 0] = np.nan
    for name in OF_TYPES:
        with pytest.raises(ValueError, match="finite"):
            scored(name, given(broken, true))
        with pytest.raises(ValueError, match="4 known types"):
            scored(name, given(broken[:, :3], true))


def test_probabilities_in_single_precision_are_scored_without_a_warning() -> None:
    """Also of a single known type; warnings are errors here."""
    true, single = types(), np.where(KNOWN == "", "", "a")
    arrays = said(true)
    rounded = given(arrays["class_probability"].astype(np.float32), true)
    one, other = ({n: scored(n, a) for n in SCORES} for a in (arrays, rounded))
    assert one == pytest.approx(other, rel=1e-4)
    alone = given(np.ones((len(true), 1)), true, single)
    assert scored("accuracy", alone) == (true[KNOWN == ""] == "a").mean()
    assert scored("log_loss", alone) > 0


# Probes


def latent(true_type: NDArray, apart: float = 6.0) -> NDArray[np.float32]:
    """Types on axes of their own, ``apart`` standard deviations long."""
    noise = np.random.default_rng(3).normal(size=(len(true_type), 6))
    noise[:, :4] += apart * (true_type[:, None] == KINDS)
    return (noise * [1, 1, 1, 1, 1e-3, 0]).astype(np.float32)


def probe(name: str, points: NDArray, known: NDArray = KNOWN) -> NDArray:
    return Derived({"latent": points, "known_type": known})[f"{name}_probability"]


@pytest.mark.parametrize("name", PROBES)
def test_a_probe_finds_types_that_are_apart_and_none_that_are_not(name: str) -> None:
    """Chance: types ten sigma from each other, or a latent that knows nothing of them, where one in
    four of 500 cells is found with a standard error of 0.03; eight of these are allowed."""
    true = types()
    for apart, low, high in ((10.0, 0.99, 1.0), (0.0, 0.0, 0.5)):
        arrays = given(probe(name, latent(true, apart)), true)
        assert low <= scored(f"balanced_accuracy.{name}", arrays) <= high


@pytest.mark.parametrize("name", PROBES)
def test_a_probe_gives_probabilities_of_types_in_their_order(name: str) -> None:
    found = probe(name, latent(types()))
    assert found.shape == (len(KNOWN), 4)
    np.testing.assert_allclose(found.sum(1), 1)
    np.testing.assert_array_equal(KINDS[found[KNOWN != ""].argmax(1)], KNOWN[KNOWN != ""])


@pytest.mark.parametrize("name", PROBES)
def test_a_probe_is_fitted_to_labelled_cells_alone(name: str) -> None:
    points = latent(types(), 2.0)
    spoilt = points.copy()
    spoilt[-200:] = np.random.default_rng(8).normal(scale=100, size=(200, 6))
    np.testing.assert_array_equal(probe(name, points)[:-200], probe(name, spoilt)[:-200])


def test_k_nearest_neighbours_are_five_and_weigh_by_distance() -> None:
    points, told = latent(types(), 1.0).astype(float), KNOWN != ""
    apart = np.sqrt(((points[~told][:, None] - points[told]) ** 2).sum(-1))
    near = np.argsort(apart, axis=1)[:, :5]
    weight = 1 / np.take_along_axis(apart, near, 1)
    votes = np.stack([(weight * (KNOWN[told][near] == kind)).sum(1) for kind in KINDS], 1)
    expected = votes / votes.sum(1, keepdims=True)
    np.testing.assert_allclose(probe("knn", points)[~told], expected, rtol=1e-9)


def test_fewer_labelled_cells_than_neighbours_all_vote() -> None:
    known = np.array(["a", "b", "", ""])
    found = probe("knn", np.array([[0.0], [2.0], [0.5], [1.0]]), known)
    np.testing.assert_allclose(found, [[1, 0], [0, 1], [0.75, 0.25], [0.5, 0.5]])


def test_logistic_regression_does_not_feel_the_scale_of_an_axis() -> None:
    points = latent(types(), 2.0).astype(float)
    rescaled = points * [1, 100, 1, 0.01, 1, 1] + 5
    np.testing.assert_allclose(probe("logistic", points), probe("logistic", rescaled), atol=1e-6)
    told = KNOWN != ""
    flat = np.where(points[told].std(0) > 0, points[told].std(0), 1)
    standard = (points - points[told].mean(0)) / flat
    peer = LogisticRegression(max_iter=500).fit(standard[told], KNOWN[told])
    np.testing.assert_allclose(probe("logistic", points), peer.predict_proba(standard), atol=1e-9)


def test_probes_score_every_latent_of_a_problem_and_of_a_search(small_data) -> None:
    problem = posed(small_data, "few_labels", per_class=3, validation=0.2, selection_per_class=2)
    shelf = {name: metric(name) for name in OF_TYPES if name.endswith(PROBES)}
    for seen in (problem, for_selection(problem)):
        points = latent(np.array(["a", "b", "c"])[seen.scored_rows % 3], 9.0)
        good, bad = score_all(shelf, {"latent": points}, seen)
        assert not bad
        values = {row["metric"]: row["value"] for row in good}
        assert values.keys() == shelf.keys()
        assert values["accuracy.knn"] == values["accuracy.logistic"] == 1


def test_neighbours_vote_as_in_scikit_learn() -> None:
    points, told = latent(types(), 2.0).astype(float), KNOWN != ""
    peer = KNeighborsClassifier(5, weights="distance").fit(points[told], KNOWN[told])
    np.testing.assert_array_equal(probe("knn", points), peer.predict_proba(points))
