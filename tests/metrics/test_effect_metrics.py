"""Truths and chances: metrics of effects against loops, extremes, closed forms and permutations."""

from itertools import permutations
from math import sqrt

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import pearsonr
from sklearn.metrics import r2_score

from bench.catalogue import metric
from bench.core.metric import NotApplicable
from bench.metrics.effect_r2 import determinations
from bench.parts.scoring.cell_distances import (
    SCALES,
    e_distance,
    median_squared_distance,
    spaced,
    squared_mmd,
)
from bench.parts.scoring.effect_scores import correlations, mean_rank, on_strongest
from bench.parts.scoring.latent_matching import mask_counts, matched_correlations

RANKS = ("effect_rank.rmse", "effect_rank.cosine", "effect_discrimination")


def value(name: str, effect: NDArray, data_effect: NDArray, **more: NDArray) -> float:
    given = {"effect": effect, "data_effect": data_effect, **more}
    given.setdefault("target_gene", np.zeros(effect.shape, dtype=bool))
    given |= {f"{key}_as_published": given[key] for key in ("effect", "data_effect")}
    given["counterfactual_effect"] = effect
    return metric(name).value(given)


def effects(n: int = 9, genes: int = 60, seed: int = 0) -> tuple[NDArray, NDArray]:
    """Predictions, and what was observed, of perturbations of different strengths."""
    rng = np.random.default_rng(seed)
    observed = rng.gamma(1.0, size=(n, 1)) * rng.normal(size=(n, genes))
    return observed + 0.7 * rng.normal(size=observed.shape), observed


def test_published_scores_are_of_one_long_vector() -> None:
    predicted, observed = effects()
    one, other = predicted.ravel(), observed.ravel()
    found = value("effect_pearson.as_published", predicted, observed)
    assert found == pytest.approx(pearsonr(one, other)[0], rel=1e-12)
    found = value("effect_r2.as_published", predicted, observed)
    assert found == pytest.approx(r2_score(other, one), rel=1e-12)


def test_published_scores_on_strong_genes_are_of_one_long_vector() -> None:
    predicted, observed = effects()
    strong = [sorted(range(60), key=lambda j: -abs(row[j]))[:20] for row in observed]
    one = np.concatenate([row[genes] for row, genes in zip(predicted, strong, strict=True)])
    other = np.concatenate([row[genes] for row, genes in zip(observed, strong, strict=True)])
    found = value("effect_pearson.top20_as_published", predicted, observed)
    assert found == pytest.approx(pearsonr(one, other)[0], rel=1e-12)
    found = value("effect_r2.top20_as_published", predicted, observed)
    assert found == pytest.approx(r2_score(other, one), rel=1e-12)


@pytest.mark.parametrize("n_genes", [20, 60])
def test_scores_of_each_perturbation_are_those_of_others_code(n_genes: int) -> None:
    predicted, observed = effects()
    parts = list(zip(*on_strongest(predicted, observed, n_genes), strict=True))
    r = [pearsonr(one, other)[0] for one, other in parts]
    r2 = [r2_score(other, one) for one, other in parts]
    views = (".top20", ".top20_spread") if n_genes == 20 else ("", ".spread")
    for name, each in (("effect_pearson", r), ("effect_r2", r2)):
        found = value(f"{name}{views[0]}", predicted, observed)
        assert found == pytest.approx(np.median(each), rel=1e-10)
        spread = value(f"{name}{views[1]}", predicted, observed)
        quartiles = np.percentile(each, [25, 75])
        assert spread == pytest.approx(quartiles[1] - quartiles[0], rel=1e-10)


def test_strong_perturbations_rule_the_published_scores_alone() -> None:
    """One strong perturbation foretold, four weak ones turned round."""
    _, observed = effects(5)
    observed[0] *= 100
    predicted = np.vstack([observed[:1], -observed[1:]])
    assert value("effect_pearson.as_published", predicted, observed) > 0.99
    assert value("effect_pearson", predicted, observed) == pytest.approx(-1)


@pytest.mark.parametrize("name", ["effect_pearson", "effect_rmse"])
def test_counterfactual_effects_are_scored_alike_and_by_themselves(name: str) -> None:
    predicted, observed = effects()
    assert value(f"{name}.counterfactual", predicted, observed) == value(name, predicted, observed)
    assert "effect" not in metric(f"{name}.counterfactual").needs


def test_a_perfect_copy() -> None:
    _, observed = effects(genes=120)
    perfect = {
        **dict.fromkeys(("effect_pearson", "effect_pearson.top20", "effect_r2"), 1),
        **dict.fromkeys(("effect_r2.top20", "effect_cosine", "effect_discrimination"), 1),
        **dict.fromkeys(("effect_jaccard.20", "effect_jaccard.50", "effect_mode_collapse"), 1),
        **dict.fromkeys(("effect_rmse", "effect_rank.rmse", "effect_rank.cosine"), 0),
        **dict.fromkeys(("effect_pearson.spread", "effect_r2.spread"), 0),
        **dict.fromkeys(("effect_pearson.top20_spread", "effect_r2.top20_spread"), 0),
        **dict.fromkeys(("effect_pearson.as_published", "effect_r2.as_published"), 1),
    }
    found = {name: value(name, observed.copy(), observed) for name in perfect}
    assert found == pytest.approx(perfect, abs=1e-12)
    beyond = value("effect_pearson.centroid", observed, observed, mean_training_effect=observed[0])
    assert beyond == pytest.approx(1)


@pytest.mark.parametrize("same", [0.0, 0.1, 1e6])
def test_one_number_for_all_genes_says_nothing(same: float) -> None:
    """Nor does it where means and single precision round."""
    _, observed = effects(genes=101)
    predicted = np.full(observed.shape, same, dtype=np.float32)
    assert value("effect_pearson", predicted, observed) == 0
    assert value("effect_pearson.top20", predicted, observed) == 0
    assert value("effect_pearson.as_published", predicted, observed) == 0
    assert not correlations(observed, predicted).any()
    assert not determinations(observed, predicted).any()


def test_no_effect_points_nowhere_and_moves_no_gene() -> None:
    _, observed = effects()
    nothing = np.zeros(observed.shape)
    assert value("effect_cosine", nothing, observed) == 0
    assert value("effect_jaccard.20", nothing, observed) == 0
    assert value("effect_rmse", nothing, observed) == pytest.approx(
        np.mean([sqrt(np.mean(row**2)) for row in observed])
    )


@pytest.mark.parametrize("name", RANKS)
def test_one_prediction_for_all_perturbations_ranks_as_chance(name: str) -> None:
    """Exactly, and also where it is close to the best constant, so that its error is small."""
    _, observed = effects()
    constant = np.tile(observed.mean(0), (len(observed), 1)).astype(np.float32)
    target = np.random.default_rng(2).random(observed.shape) < 0.1
    found = value(name, constant, observed, target_gene=target)
    assert found == pytest.approx(0.5, abs=1e-12)
    assert value("effect_mode_collapse", constant, observed) == 0
    error = value("effect_rmse", constant, observed)
    noisy = value(
        "effect_rmse", observed + np.random.default_rng(1).normal(size=observed.shape), observed
    )
    assert error < 2 * noisy


@pytest.mark.parametrize("name", RANKS)
def test_labels_permuted_rank_as_chance(name: str) -> None:
    """Chance: the mean of 2,000 independent values in [0, 1], each of mean 1/2, is off by 0.065
    with a probability of at most 2 exp(-2 x 2000 x 0.065^2) = 1e-7 (Hoeffding)."""
    predicted, observed = effects(6, 15)
    rng = np.random.default_rng(3)
    values = [value(name, predicted[rng.permutation(6)], observed) for _ in range(2000)]
    assert np.mean(values) == pytest.approx(0.5, abs=0.065)
    right = value(name, predicted, observed)
    assert (right > 0.7) if name == "effect_discrimination" else (right < 0.3)


def test_ranks_are_counted_among_predictions() -> None:
    predicted, observed = effects(7, 20)
    by_error, by_cosine = [], []
    for p in range(7):
        errors = [sqrt(np.mean((predicted[q] - observed[p]) ** 2)) for q in range(7)]
        cosines = [
            predicted[q]
            @ observed[p]
            / sqrt((predicted[q] @ predicted[q]) * (observed[p] @ observed[p]))
            for q in range(7)
        ]
        by_error.append(sum(errors[q] < errors[p] for q in range(7)) / 6)
        by_cosine.append(sum(cosines[q] > cosines[p] for q in range(7)) / 6)
    assert value("effect_rank.rmse", predicted, observed) == pytest.approx(np.mean(by_error))
    assert value("effect_rank.cosine", predicted, observed) == pytest.approx(np.mean(by_cosine))
    assert 0 < np.mean(by_error) < 0.5


def test_discrimination_is_counted_among_truths_without_the_targets_of_both() -> None:
    predicted, observed = effects(7, 20)
    target = np.random.default_rng(4).random((7, 20)) < 0.2
    found = []
    for p in range(7):
        nearer = 0
        for q in set(range(7)) - {p}:
            keep = ~(target[p] | target[q])
            own, other = (np.abs(predicted[p] - observed[k])[keep].sum() for k in (p, q))
            nearer += other < own
        found.append(1 - nearer / 6)
    given = value("effect_discrimination", predicted, observed, target_gene=target)
    assert given == pytest.approx(np.mean(found))
    assert given != value("effect_discrimination", predicted, observed)


def test_knowing_targets_alone_does_not_discriminate() -> None:
    """Right on the gene that is knocked down, and nothing else said; or nothing at all said."""
    knocked_down, target = -10 * np.eye(6), np.eye(6, dtype=bool)
    observed = knocked_down + np.random.default_rng(5).normal(size=(6, 6)) * (1 - np.eye(6))
    assert value("effect_discrimination", knocked_down, observed) == 1
    for predicted in (knocked_down, 0 * knocked_down):
        found = value("effect_discrimination", predicted, observed, target_gene=target)
        assert found == pytest.approx(0.5)


def test_ties_share_their_ranks() -> None:
    assert mean_rank(np.array([[1.0, 1.0, 2.0], [0.0, 3.0, 3.0], [5.0, 5.0, 5.0]])) == (
        pytest.approx(np.mean([0.5, 1.5, 1.0]) / 2)
    )
    assert mean_rank(np.array([[1.0, 1.0 + 1e-13], [1.0, 1.0 - 1e-13]])) == 0.5


def test_cosines_see_directions_and_errors_see_sizes() -> None:
    _, observed = effects()
    assert value("effect_cosine", 3 * observed, observed) == pytest.approx(1)
    assert value("effect_cosine", -observed, observed) == pytest.approx(-1)
    assert value("effect_rmse", observed + 0.25, observed) == pytest.approx(0.25)
    assert value("effect_r2", 2 * observed - observed.mean(1, keepdims=True), observed) == (
        pytest.approx(0)
    )


def test_jaccard_counts_genes_of_either_direction() -> None:
    """Of 20 genes 15 are right in one perturbation, 5 in the other: 15 / 25 and 5 / 35."""
    observed, predicted = np.full((2, 60), 0.1), np.full((2, 60), 0.1)
    observed[:, :20] = -5
    predicted[0, 5:25], predicted[1, 15:35] = 3, -3
    found = value("effect_jaccard.20", predicted, observed)
    assert found == pytest.approx((15 / 25 + 5 / 35) / 2)


@pytest.mark.parametrize("k", [20, 50])
def test_jaccard_says_nothing_of_few_genes(k: int) -> None:
    predicted, observed = effects(genes=k)
    with pytest.raises(NotApplicable):
        value(f"effect_jaccard.{k}", predicted, observed)


def test_a_shift_shared_by_all_counts_for_the_plain_correlation_only() -> None:
    """Predictions of nothing but the shift, and a little noise of their own.

    Chance: a correlation of 400 independent pairs is beyond 0.3 with a probability below 1e-8, and
    a median of nine is beyond it only if five are."""
    rng = np.random.default_rng(6)
    shift = 3 * rng.normal(size=400)
    observed = shift + rng.normal(size=(9, 400))
    predicted = shift + 0.1 * rng.normal(size=observed.shape)
    assert value("effect_pearson", predicted, observed) > 0.9
    beyond = value("effect_pearson.centroid", predicted, observed, mean_training_effect=shift)
    assert abs(beyond) < 0.3


@pytest.mark.parametrize("factor", [0.0, 0.5, 2.0])
def test_the_mode_collapse_index_is_a_ratio_of_diversities(factor: float) -> None:
    _, observed = effects()
    predicted = 7.0 + factor * observed
    assert value("effect_mode_collapse", predicted, observed) == pytest.approx(factor, abs=1e-12)
    with pytest.raises(NotApplicable):
        value("effect_mode_collapse", observed, np.ones(observed.shape))


@pytest.mark.parametrize("name", ["effect_pearson", "effect_r2"])
def test_a_spread_grows_with_the_difference_between_perturbations(name: str) -> None:
    """Half of the perturbations are foretold, the others less and less."""
    rng = np.random.default_rng(8)
    observed, noise = rng.normal(size=(8, 60)), rng.normal(size=(8, 60))
    half = (np.arange(8) % 2)[:, None]
    spreads = [
        value(f"{name}.spread", observed + level * half * noise, observed)
        for level in (0.0, 0.5, 1.0, 2.0)
    ]
    assert np.all(np.diff(spreads) > 0)


COMPARING = [
    *RANKS,
    *("effect_mode_collapse", "effect_pearson.spread", "effect_pearson.top20_spread"),
    *("effect_r2.spread", "effect_r2.top20_spread", "effect_pearson.centroid"),
]


def test_what_compares_perturbations_does_not_apply_to_one() -> None:
    predicted, observed = effects(1)
    for name in COMPARING:
        with pytest.raises(NotApplicable):
            value(name, predicted, observed, mean_training_effect=observed[0])


def cells(n: int, seed: int, shift: float = 0.0, spread: float = 1.0) -> NDArray:
    return shift + spread * np.random.default_rng(seed).normal(size=(n, 3))


def all_pairs(x: NDArray, y: NDArray, of: object, *, own: bool) -> float:
    found = [of(a, b) for i, a in enumerate(x) for j, b in enumerate(y) if not (own and i == j)]
    return float(np.mean(found))


def squared(a: NDArray, b: NDArray) -> float:
    return float(((a - b) ** 2).sum())


@pytest.mark.parametrize(("n", "m"), [(2, 2), (7, 12), (30, 5)])
def test_the_e_distance_is_the_loop_over_pairs(n: int, m: int) -> None:
    x, y = cells(n, 1, 0.5), cells(m, 2, spread=2)
    loops = 2 * all_pairs(x, y, squared, own=False)
    loops -= all_pairs(x, x, squared, own=True) + all_pairs(y, y, squared, own=True)
    assert e_distance(x, y) == pytest.approx(loops, rel=1e-10)


@pytest.mark.parametrize(("n", "m"), [(2, 2), (7, 12), (30, 5)])
def test_the_mmd_is_the_loop_over_pairs(n: int, m: int) -> None:
    x, y, h = cells(n, 1, 0.5), cells(m, 2, spread=2), 1.7

    def kernel(a: NDArray, b: NDArray) -> float:
        return sum(np.exp(-squared(a, b) / (s * h)) for s in (0.25, 0.5, 1, 2, 4))

    loops = all_pairs(x, x, kernel, own=True) + all_pairs(y, y, kernel, own=True)
    loops -= 2 * all_pairs(x, y, kernel, own=False)
    assert squared_mmd(x, y, h) == pytest.approx(loops, rel=1e-10)


def kernel_mean(shift: float, variance: float, h: float) -> float:
    """E k(a, b) of Gaussians in three dimensions whose difference has this mean and variance."""
    widths = [s * h for s in SCALES]
    return sum(
        (1 + 2 * variance / w) ** -1.5 * np.exp(-3 * shift**2 / (w + 2 * variance)) for w in widths
    )


@pytest.mark.parametrize(("shift", "spread"), [(0.0, 1.0), (0.5, 1.0), (0.0, 2.0)])
def test_distances_have_their_expectation(shift: float, spread: float) -> None:
    """Unbiased: 0 where the laws are the same.  The E-distance sees 2 |shift|^2 and no spread.

    Chance: a mean of 2,000 values is off by six of its standard errors once in 5e8."""
    h, found = 5.0, []
    for draw in range(2000):
        x, y = cells(6, 2 * draw + 10, shift, spread), cells(9, 2 * draw + 11)
        found.append((e_distance(x, y), squared_mmd(x, y, h)))
    within = kernel_mean(0, 2 * spread**2, h) + kernel_mean(0, 2, h)
    wanted = (2 * 3 * shift**2, within - 2 * kernel_mean(shift, 1 + spread**2, h))
    error = np.std(found, axis=0) / sqrt(len(found))
    assert np.all(np.abs(np.mean(found, axis=0) - wanted) < 6 * error)
    assert (shift, spread) == (0.0, 1.0) or wanted[1] > 20 * error[1]


def of_cells(name: str, predicted: NDArray, observed: NDArray, whose: NDArray) -> float:
    given = {"predicted_cells": predicted, "observed_cells": observed}
    return metric(name).value({**given, "observed_perturbation": whose})


@pytest.mark.parametrize("name", ["effect_e_distance", "effect_mmd"])
def test_the_median_perturbation_counts_and_each_is_compared_with_its_own(name: str) -> None:
    shifts, rng = (0.0, 1.0, 8.0), np.random.default_rng(9)
    observed = np.concatenate([cells(25, k, shift) for k, shift in enumerate(shifts)])
    whose = np.repeat(np.arange(3), 25)
    predicted = np.array([cells(20, 10 + k, shift) for k, shift in enumerate(shifts)])
    predicted[1] += 1
    predicted[2] -= 8
    order, h = rng.permutation(75), median_squared_distance(observed)
    each = {
        "effect_e_distance": [e_distance(predicted[k], observed[whose == k]) for k in range(3)],
        "effect_mmd": [squared_mmd(predicted[k], observed[whose == k], h) for k in range(3)],
    }[name]
    found = of_cells(name, predicted, observed[order], whose[order])
    assert found == pytest.approx(sorted(each)[1], rel=1e-9)
    assert each[0] < each[1] < each[2]


@pytest.mark.parametrize("name", ["effect_e_distance", "effect_mmd"])
def test_a_perturbation_of_one_cell_is_left_out(name: str) -> None:
    observed, predicted = cells(6, 1), np.array([cells(8, 2), cells(8, 3, 100)])
    whose = np.array([0, 0, 0, 0, 0, 1])
    with_it = of_cells(name, predicted, observed, whose)
    alone = {"effect_e_distance": e_distance(predicted[0], observed[:5])}
    alone["effect_mmd"] = squared_mmd(predicted[0], observed[:5], median_squared_distance(observed))
    assert with_it == pytest.approx(alone[name], rel=1e-9)
    with pytest.raises(NotApplicable):
        of_cells(name, predicted, observed[4:], whose[4:])


def test_cells_at_one_place_have_no_bandwidth() -> None:
    with pytest.raises(NotApplicable):
        median_squared_distance(np.ones((9, 3)))
    with pytest.raises(NotApplicable):
        median_squared_distance(np.ones((1, 3)))


def test_the_bandwidth_is_the_median_over_pairs() -> None:
    points = cells(9, 4)
    pairs = [squared(points[i], points[j]) for i in range(9) for j in range(i)]
    assert median_squared_distance(points) == pytest.approx(np.median(pairs))


def test_of_many_cells_a_thousand_evenly_spaced_are_compared() -> None:
    many = np.arange(2500.0)[:, None]
    kept = spaced(many)[:, 0]
    assert len(kept) == 1000
    assert set(np.diff(kept)) == {2.0, 3.0}
    np.testing.assert_array_equal(spaced(many[:7]), many[:7])


def names_of(n: int) -> NDArray:
    return np.array([f"t{k:02d}" for k in range(n)])


@pytest.mark.parametrize(("learned", "true"), [(4, 4), (5, 3), (3, 5)])
def test_masks_are_matched_as_by_trying_all_permutations(learned: int, true: int) -> None:
    rng = np.random.default_rng(learned)
    for _ in range(20):
        found, mask = rng.random((8, learned)), rng.random((8, true)) < 0.4
        mask[0, 0] = True
        both = mask.T.astype(int) @ (found > 0.5).astype(int)
        wide = both if learned >= true else both.T
        tried = [
            sum(wide[k, one] for k, one in enumerate(order))
            for order in permutations(range(wide.shape[1]), wide.shape[0])
        ]
        counted = mask_counts(names_of(8), found, mask)
        assert counted == (max(tried), (found > 0.5).sum(), mask.sum())


@pytest.mark.parametrize(("learned", "true"), [(4, 4), (5, 3), (3, 5)])
def test_latents_are_matched_as_by_trying_all_permutations(learned: int, true: int) -> None:
    rng = np.random.default_rng(learned)
    for _ in range(20):
        z, truth = rng.normal(size=(12, learned)), rng.normal(size=(12, true))
        r = np.abs(np.corrcoef(truth, z, rowvar=False)[:true, true:])
        wide = r if learned >= true else r.T
        tried = [
            sum(wide[k, one] for k, one in enumerate(order))
            for order in permutations(range(wide.shape[1]), wide.shape[0])
        ]
        assert matched_correlations(z, truth).sum() == pytest.approx(max(tried), rel=1e-10)


def masked(name: str, probability: NDArray, mask: NDArray, names: NDArray) -> float:
    given = {"treatment_names": names, "mask_probability": probability, "true_mask": mask}
    return metric(name).value(given)


def test_masks_count_what_is_found_what_is_right_and_what_is_missed() -> None:
    """Of two matched latents four moves are right and one is missed; a third latent that two
    treatments are said to move is one too many."""
    mask = np.array([[1, 0], [1, 1], [0, 1], [0, 1]], dtype=bool)
    found = np.array([[0, 0.9, 0.9], [1, 1, 0.9], [1, 0.5, 0], [0.4, 0, 0]])
    given = (found, mask, names_of(4))
    assert masked("mask.precision", *given) == pytest.approx(4 / 6)
    assert masked("mask.recall", *given) == pytest.approx(4 / 5)
    assert masked("mask.f1", *given) == pytest.approx(2 * 4 / (6 + 5))


def test_masks_at_their_extremes() -> None:
    mask = np.random.default_rng(1).random((20, 6)) < 0.3
    right = mask[:, [3, 1, 0, 5, 4, 2]].astype(float)
    for name in ("mask.precision", "mask.recall", "mask.f1"):
        assert masked(name, right, mask, names_of(20)) == 1
        assert masked(name, np.zeros(mask.shape), mask, names_of(20)) == 0
    everything = np.ones(mask.shape)
    assert masked("mask.recall", everything, mask, names_of(20)) == 1
    assert masked("mask.precision", everything, mask, names_of(20)) == pytest.approx(mask.mean())
    with pytest.raises(NotApplicable):
        masked("mask.f1", right, np.zeros(mask.shape, dtype=bool), names_of(20))


def test_columns_of_combinations_are_no_treatments_of_the_truth() -> None:
    mask = np.eye(2, dtype=bool)
    found, names = np.array([[1.0, 0], [1, 1], [0, 1]]), np.array(["A", "A+B", "B"])
    assert masked("mask.f1", found, mask, names) == 1
    with pytest.raises(NotApplicable):
        masked("mask.f1", found[:2], mask, names[:2])


def latent_score(name: str, latent: NDArray, true_latent: NDArray) -> float:
    return metric(name).value({"latent": latent, "true_latent": true_latent})


def test_latents_up_to_order_sign_and_scale_are_found() -> None:
    truth = np.random.default_rng(2).normal(size=(80, 3))
    turned = 5 - np.array([2.0, -3.0, 0.1]) * truth[:, [2, 0, 1]]
    noise = np.random.default_rng(3).normal(size=(80, 4))
    for name in ("mean_correlation_coefficient", "latent_r2"):
        assert latent_score(name, turned, truth) == pytest.approx(1)
    wide = np.hstack([noise, turned])
    assert latent_score("mean_correlation_coefficient", wide, truth) == pytest.approx(1)
    assert latent_score("latent_r2", wide, truth) == pytest.approx(1)
    two = latent_score("mean_correlation_coefficient", turned[:, :2], truth)
    assert two == pytest.approx(2 / 3)


def test_a_mixture_of_latents_is_read_off_and_not_found() -> None:
    truth = np.random.default_rng(4).normal(size=(500, 2))
    mixed = truth @ np.array([[1.0, 1.0], [1.0, -1.0]])
    assert latent_score("latent_r2", mixed, truth) == pytest.approx(1)
    assert 0.6 < latent_score("mean_correlation_coefficient", mixed, truth) < 0.8


def test_a_wide_latent_gains_nothing_by_being_wide() -> None:
    """Forty latents that know nothing of 100 cells fit 40% of any truth, and foretell none of it.

    Chance: judged on other cells the expected R2 is about -40 / 59; each of ten truths is above
    zero only where its noise is worth five standard errors, and their mean far beyond that."""
    rng = np.random.default_rng(5)
    truth, latent = rng.normal(size=(100, 10)), rng.normal(size=(100, 40))
    assert latent_score("latent_r2", latent, truth) < 0
    both = np.hstack([latent, np.ones((100, 1))])
    left = truth - both @ np.linalg.lstsq(both, truth, rcond=None)[0]
    assert 1 - (left**2).sum() / ((truth - truth.mean(0)) ** 2).sum() > 0.3


def test_collapsed_latents_say_nothing() -> None:
    truth = np.random.default_rng(6).normal(size=(50, 2))
    constant = np.full((50, 3), 0.1, dtype=np.float32)
    assert latent_score("mean_correlation_coefficient", constant, truth) == 0
    assert latent_score("latent_r2", constant, truth) < 1e-12


@pytest.mark.parametrize("n_cells", [0, 9])
def test_few_cells_have_no_linear_map(n_cells: int) -> None:
    with pytest.raises(NotApplicable):
        latent_score(
            "latent_r2", np.ones((n_cells, 2)), np.random.default_rng(0).normal(size=(n_cells, 2))
        )
    with pytest.raises(NotApplicable):
        latent_score("latent_r2", np.eye(20), np.ones((20, 2)))
