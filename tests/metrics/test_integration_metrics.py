"""Truths and chances: batch mixing, purity and clusters against loops, extremes and brute force."""

from itertools import permutations
from math import log

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.catalogue import metric
from bench.core.metric import NotApplicable
from bench.core.problem import Problem
from bench.metrics._scoring import score_all
from bench.metrics.kmeans import assigned_share
from bench.parts.scoring import derived
from bench.parts.scoring.derived import DERIVED, Derived, with_derived
from bench.parts.scoring.neighbours import frequency_entropy, nearest, neighbour_entropy

MIXING = (
    "batch_entropy",
    "batch_entropy.normalised",
    "batch_entropy.relative",
    "batch_entropy_within_type",
    "batch_entropy.as_published",
)
OF_TYPES = ("knn_purity", "kmeans.nmi", "kmeans.ari", "silhouette_cell_type", "kmeans.accuracy")
N_CELLS = 600


def value(name: str, latent: NDArray, batch: NDArray, cell_type: NDArray) -> float:
    return metric(name).value(Derived({"latent": latent, "batch": batch, "cell_type": cell_type}))


def labelled(n_batches: int = 2, n_types: int = 3) -> tuple[NDArray, NDArray]:
    """Batches and types of N_CELLS cells, independent of each other."""
    rng = np.random.default_rng(1)
    batch = np.array([f"b{b}" for b in rng.integers(n_batches, size=N_CELLS)])
    return batch, np.array([f"t{t}" for t in rng.integers(n_types, size=N_CELLS)])


def one_hot(labels: NDArray, jitter: float = 0.01) -> NDArray:
    codes = np.unique(labels, return_inverse=True)[1]
    noise = np.random.default_rng(2).normal(scale=jitter, size=(len(codes), codes.max() + 1))
    return np.eye(codes.max() + 1)[codes] + noise


def test_neighbours_are_the_nearest_others() -> None:
    points = np.random.default_rng(0).normal(size=(40, 3))
    points[7] = points[3]
    found = nearest(points, 6)
    index, distance = found.index, found.distance
    apart = np.sqrt(((points[:, None] - points) ** 2).sum(-1))
    np.fill_diagonal(apart, np.inf)
    np.testing.assert_allclose(distance, np.sort(apart, axis=1)[:, :6], atol=1e-7)
    np.testing.assert_array_equal(index[[3, 7], 0], [7, 3])
    assert not (index == np.arange(40)[:, None]).any()
    assert nearest(points, 90).index.shape == (40, 39)


def test_a_single_cell_has_no_neighbours() -> None:
    with pytest.raises(NotApplicable):
        nearest(np.zeros((1, 2)))


@pytest.mark.parametrize("n_batches", [2, 3, 7])
def test_entropy_is_the_double_loop(n_batches: int) -> None:
    batch, kinds = labelled(n_batches)
    latent = np.random.default_rng(3).normal(size=(N_CELLS, 4))
    each = []
    for i in range(N_CELLS):
        apart = ((latent - latent[i]) ** 2).sum(1)
        apart[i] = np.inf
        around = batch[np.argsort(apart)[:50]]
        shares = [np.mean(around == b) for b in np.unique(batch)]
        each.append(-sum(p * log(p) for p in shares if p > 0))
    entropy = float(np.mean(each))
    assert value("batch_entropy", latent, batch, kinds) == pytest.approx(entropy, rel=1e-12)
    found = value("batch_entropy.normalised", latent, batch, kinds)
    assert found == pytest.approx(entropy / log(n_batches), rel=1e-12)
    counted = np.unique(batch, return_counts=True)[1] / N_CELLS
    found = value("batch_entropy.relative", latent, batch, kinds)
    assert found == pytest.approx(entropy / -(counted * np.log(counted)).sum(), rel=1e-12)


def test_the_published_entropy_is_a_sample_of_the_sound_one() -> None:
    """Chance: it averages 5,000 cells of spread 0.014; 0.002 is beyond nine standard errors."""
    batch, kinds = labelled()
    latent = np.random.default_rng(3).normal(size=(N_CELLS, 4))
    sound, published = (
        value(n, latent, batch, kinds) for n in ("batch_entropy", "batch_entropy.as_published")
    )
    assert published == pytest.approx(sound, abs=0.002)
    assert published != sound


@pytest.mark.parametrize("name", MIXING)
def test_batches_apart_have_no_entropy(name: str) -> None:
    batch, kinds = labelled()
    assert value(name, one_hot(batch), batch, kinds) == 0


@pytest.mark.parametrize("name", MIXING)
def test_batches_mixed_by_chance_come_close_to_the_maximum(name: str) -> None:
    """Chance: below 1 by chi2_1 / (2 k log 2) per neighbourhood of k cells, here at least 25.  Even
    if only N / k of them were independent, the bound would fail with a probability under 1e-6."""
    batch, kinds = labelled()
    latent = np.random.default_rng(4).normal(size=(N_CELLS, 3))
    most = log(2) if name in ("batch_entropy", "batch_entropy.as_published") else 1.0
    found = value(name, latent, batch, kinds) / most
    assert 0.88 < found < 1.01


def test_mixing_types_raises_entropy_over_all_cells_and_not_within_types() -> None:
    """Each type in its own mixture of batches, batches apart within it."""
    batch, kinds = labelled()
    apart = one_hot(batch) + 3 * one_hot(kinds) @ np.ones((3, 1))
    assert value("batch_entropy_within_type", apart, batch, kinds) == 0
    confounded = np.where(batch == "b0", "t0", "t1")
    confounded[::10] = "t2"
    blob = np.random.default_rng(5).normal(size=(N_CELLS, 3))
    assert value("batch_entropy.relative", blob, batch, confounded) > 0.9
    assert value("batch_entropy_within_type", blob, batch, confounded) > 0.8
    only = np.where(batch == "b0", "t0", "t1")
    with pytest.raises(NotApplicable):
        value("batch_entropy_within_type", blob, batch, only)


@pytest.mark.parametrize("name", OF_TYPES)
def test_types_apart_are_the_best_and_types_mixed_the_worst(name: str) -> None:
    batch, kinds = labelled()
    best = value(name, one_hot(kinds), batch, kinds)
    blob = np.random.default_rng(4).normal(size=(N_CELLS, 3))
    half = value(name, blob + one_hot(kinds), batch, kinds)
    worst = value(name, blob, batch, kinds)
    assert best == pytest.approx(1, abs=0.03)
    assert best > half > worst


@pytest.mark.parametrize("name", [*MIXING, *OF_TYPES])
def test_the_order_of_cells_does_not_matter(name: str) -> None:
    """But for the published entropy, whose pools are drawn by place."""
    batch, kinds = labelled()
    latent = one_hot(kinds, 0.2)
    order = np.random.default_rng(0).permutation(N_CELLS)
    one = value(name, latent, batch, kinds)
    other = value(name, latent[order], batch[order], kinds[order])
    exact = name != "batch_entropy.as_published"
    assert one == pytest.approx(other, abs=1e-9 if exact else 0.004)


@pytest.mark.parametrize("name", [*MIXING, *OF_TYPES])
def test_scores_lie_within_their_bounds(name: str) -> None:
    batch, kinds = labelled()
    lowest, highest = metric(name).bounds
    for latent in (one_hot(batch), one_hot(kinds), one_hot(kinds, 9.0)):
        found = value(name, latent, batch, kinds)
        assert type(found) is float
        assert lowest <= found <= highest


def test_purity_is_the_double_loop_and_weighs_types_alike() -> None:
    batch, kinds = labelled(n_types=4)
    kinds[:550] = "t0"
    latent = np.random.default_rng(3).normal(size=(N_CELLS, 2))
    index = nearest(latent, 30).index
    of_types = []
    for kind in np.unique(kinds):
        cells = np.flatnonzero(kinds == kind)
        of_types.append(np.mean([np.mean(kinds[index[i]] == kind) for i in cells]))
    found = value("knn_purity", latent, batch, kinds)
    assert found == pytest.approx(np.mean(of_types), rel=1e-12)


def test_the_best_assignment_is_found() -> None:
    rng = np.random.default_rng(0)
    kinds, clusters = rng.integers(4, size=50), rng.integers(4, size=50)
    best = max(np.mean(np.array(names)[clusters] == kinds) for names in permutations(range(4)))
    assert assigned_share(clusters, kinds) == pytest.approx(best)
    assert assigned_share(np.zeros(50, dtype=int), kinds) == np.bincount(kinds).max() / 50


def test_a_batch_of_one_cell_is_a_batch_like_others() -> None:
    batch, kinds = labelled()
    batch[5] = "alone"
    latent = np.random.default_rng(3).normal(size=(N_CELLS, 3))
    for name in set(MIXING) - {"batch_entropy.as_published"}:
        assert np.isfinite(value(name, latent, batch, kinds))


@pytest.mark.parametrize("n_batches", [1, 3])
def test_what_does_not_apply_says_why_and_is_no_failure(n_batches: int) -> None:
    batch, kinds = labelled(n_batches)
    problem = Problem(
        counts=None,  # type: ignore[arg-type]
        role=np.zeros(N_CELLS, dtype=np.int8),
        scored_rows=np.arange(N_CELLS),
        labels={"batch": batch, "cell_type": kinds},
    )
    metrics = {name: metric(name) for name in MIXING}
    good, bad = score_all(metrics, {"latent": one_hot(batch)}, problem)
    left = {3: set(MIXING) - {"batch_entropy.as_published"}, 1: {"batch_entropy"}}
    assert {row["metric"] for row in good} == left[n_batches]
    assert {row["metric"] for row in bad} == set(MIXING) - left[n_batches]
    for row in bad:
        assert row["status"] == "not_applicable"
        assert row["reason"]


def test_one_label_has_no_entropy_to_relate_to() -> None:
    with pytest.raises(NotApplicable):
        frequency_entropy(np.array(["a", "a"]))
    assert neighbour_entropy(np.array([[1], [0]]), np.array(["a", "a"])).tolist() == [0, 0]


def test_neighbours_are_searched_once_for_all_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    searched = []
    monkeypatch.setattr(derived, "nearest", lambda x: searched.append(1) or nearest(x))
    arrays = Derived({"latent": np.arange(10.0).reshape(5, 2)})
    for name in ("neighbour_index", "neighbour_distance", "neighbours", "neighbour_index"):
        assert arrays[name] is not None
    assert searched == [1]


def test_the_plan_knows_what_can_be_derived() -> None:
    both = with_derived({"latent", "batch"})
    assert {"neighbour_index", "neighbour_distance"} <= both
    assert not {"clusters", "scib"} & both
    everything = {"latent", "batch", "cell_type", "known_type", "uncorrected"}
    assert with_derived(everything) >= set(DERIVED)
    assert with_derived({"library"}) == {"library"}
