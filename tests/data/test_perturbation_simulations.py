"""Truths and chances of the simulations of sparse mechanism shifts.

Chance: every bound is beyond what a right simulation crosses with a probability of 1e-6 per test.
"""

from typing import Any

import numpy as np
import pytest
from scipy.stats import binom, chi2, kstest

from bench.core.dataset import CONTROL, CountData
from bench.core.errors import UserError
from bench.data import _mechanism_shifts
from bench.data._mechanism_shifts import LEAK, decoder, orthogonal, treatment_names
from bench.data.sams_simulation import SamsSimulationConfig
from bench.data.sams_simulation import load as load_sams
from bench.data.svae_simulation import SvaeSimulationConfig
from bench.data.svae_simulation import load as load_svae
from bench.parts.perturbations.effects import expression, observed_effects

RARE = 1e-7
"""Of either side of a bound."""


def sams(**config: Any) -> CountData:
    sizes = {"n_treatments": 12, "n_cells": 80, "n_controls": 90, "n_genes": 30}
    return load_sams(SamsSimulationConfig(**{**sizes, **config}), {})


def svae(**config: Any) -> CountData:
    sizes = {"n_treatments": 12, "n_cells": 80, "n_controls": 90, "n_genes": 30}
    return load_svae(SvaeSimulationConfig(**{**sizes, **config}), {})


@pytest.fixture
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of many treatments that do not look at the effects."""
    monkeypatch.setattr(_mechanism_shifts, "N_BASAL", 10)


def within(n_true: int, n: int, probability: float) -> bool:
    """Whether so many successes are to be expected."""
    return bool(binom.ppf(RARE, n, probability) <= n_true <= binom.ppf(1 - RARE, n, probability))


def basal(data: CountData) -> np.ndarray:
    """(cell, latent) what is left of the latents without the moves."""
    perturbation = data.labels["perturbation"]
    names = np.unique(perturbation[perturbation != CONTROL])
    moves = np.vstack([data.truth["true_embedding"], np.zeros(data.truth["true_mask"].shape[1])])
    of = np.where(perturbation == CONTROL, -1, np.searchsorted(names, perturbation))
    return np.asarray(data.truth["true_latent"] - moves[of])


@pytest.mark.parametrize("simulated", [sams, svae])
def test_cells_are_as_many_as_asked_for_and_controls_among_them(simulated: Any) -> None:
    data = simulated(n_treatments=3, n_cells=7, n_controls=5)
    names, counted = np.unique(data.labels["perturbation"], return_counts=True)
    assert dict(zip(names, counted, strict=True)) == {CONTROL: 5, "t000": 7, "t001": 7, "t002": 7}


def test_names_stand_in_the_order_of_their_numbers() -> None:
    names = treatment_names(1200)
    assert names == sorted(names)
    assert (names[7], names[1199]) == ("t0007", "t1199")
    assert treatment_names(2) == ["t000", "t001"]


@pytest.mark.parametrize("simulated", [sams, svae])
def test_a_seed_is_its_own_data(simulated: Any) -> None:
    one, same, other = (simulated(seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one.counts.toarray(), same.counts.toarray())
    for name, truth in one.truth.items():
        np.testing.assert_array_equal(truth, same.truth[name])
        assert (truth != other.truth[name]).any()
    assert (one.counts != other.counts).nnz > 0


@pytest.mark.usefixtures("few_draws")
@pytest.mark.parametrize("simulated", [sams, svae])
def test_moves_are_signed_normal_where_the_mask_is_and_zero_elsewhere(simulated: Any) -> None:
    data = simulated(n_treatments=400, n_cells=2, embedding_mean=4.0, embedding_sd=0.25)
    mask, embedding = data.truth["true_mask"], data.truth["true_embedding"]
    assert mask.dtype == bool
    assert not embedding[~mask].any()
    moves = embedding[mask]
    assert within(int((moves > 0).sum()), len(moves), 0.5)
    assert kstest((np.abs(moves) - 4.0) / 0.25, "norm").pvalue > RARE


@pytest.mark.parametrize("simulated", [sams, svae])
def test_basal_latents_are_standard_normal_and_independent(simulated: Any) -> None:
    data = simulated()
    left = basal(data)
    n_cells, n_latent = left.shape
    assert kstest(left.ravel(), "norm").pvalue > RARE
    # n times the sum of squared correlations is about chi-squared, a degree for every pair.
    pairs = np.corrcoef(left.T)[np.triu_indices(n_latent, 1)]
    assert n_cells * (pairs**2).sum() < chi2.ppf(1 - RARE, len(pairs))


@pytest.mark.usefixtures("few_draws")
def test_masks_are_as_dense_as_asked_for() -> None:
    for probability in (2 / 15, 0.5):
        mask = sams(n_treatments=300, n_cells=2, mask_probability=probability).truth["true_mask"]
        assert within(int(mask.sum()), mask.size, probability)


@pytest.mark.usefixtures("few_draws")
def test_one_to_three_latents_are_drawn_with_replacement() -> None:
    """One latent alone: one draw; two or three that agree.  K = 4."""
    mask = svae(n_treatments=3000, n_cells=2, n_latent=4).truth["true_mask"]
    n_moved = mask.sum(1)
    assert set(n_moved) == {1, 2, 3}
    assert within(int((n_moved == 1).sum()), 3000, (1 + 1 / 4 + 1 / 16) / 3)
    assert within(int((n_moved == 3).sum()), 3000, (3 / 4 * 2 / 4) / 3)
    assert all(within(int(moved), 3000, float(n_moved.mean() / 4)) for moved in mask.sum(0))


@pytest.mark.parametrize("shape", [(3, 7), (7, 3), (5, 5), (1, 4)])
def test_weights_are_orthogonal_along_their_shorter_side(shape: tuple[int, int]) -> None:
    weights = orthogonal(np.random.default_rng(1), *shape)
    assert weights.shape == shape
    gram = weights @ weights.T if shape[0] <= shape[1] else weights.T @ weights
    np.testing.assert_allclose(gram, np.eye(min(shape)), atol=1e-12)


def test_the_decoder_has_no_biases_and_leaks() -> None:
    """f(c z) = c f(z) for c > 0.  Between orthogonal layers that widen nothing is lost, and what a
    layer passes on is at least the leak and at most all of it."""
    decode = decoder(np.random.default_rng(1), [4, 9, 9, 12])
    z = np.random.default_rng(2).normal(size=(50, 4))
    np.testing.assert_allclose(decode(3 * z), 3 * decode(z))
    sizes = np.linalg.norm(decode(z), axis=1) / np.linalg.norm(z, axis=1)
    assert sizes.max() <= 1
    assert sizes.min() >= LEAK**2
    assert (decode(-z) != -decode(z)).any()


def test_a_share_of_the_variance_is_noise() -> None:
    """The same seed without noise gives what the noise was added to, at unit sd."""
    noisy, clean = sams(noise_share=0.3), sams(noise_share=0.0)
    signal = clean.counts.toarray().astype(float)
    noise = noisy.counts.toarray() - signal
    np.testing.assert_allclose(signal.std(0), 1.0, rtol=1e-5)
    expected, n_cells = 0.3 / 0.7, len(noise)
    scaled = (noise**2).sum(0) / expected
    assert (scaled > chi2.ppf(RARE / 30, n_cells)).all()
    assert (scaled < chi2.ppf(1 - RARE / 30, n_cells)).all()
    assert kstest(noise.ravel() / np.sqrt(expected), "norm").pvalue > RARE


def test_a_treatment_that_moves_nothing_has_no_effect() -> None:
    data = sams(n_treatments=60, n_cells=3, mask_probability=0.05)
    still = ~data.truth["true_mask"].any(1)
    effects = np.abs(data.truth["true_effect"]).max(1)
    assert still.any()
    assert (effects[still] == 0).all()
    assert (effects[~still] > 0.1).all()


@pytest.mark.parametrize("simulated", [sams, svae])
def test_true_effects_are_what_many_cells_show(simulated: Any) -> None:
    """Chance: of 360 normal z one lies beyond 7 with a probability of 1e-9."""
    data = simulated(n_cells=1500, n_controls=6000)
    perturbation, truth = data.labels["perturbation"], data.truth["true_effect"]
    names, seen = observed_effects(
        data.counts, perturbation, np.arange(len(perturbation)), data.measured
    )
    y = expression(data.counts, data.measured)
    of = {name: y[perturbation == name] for name in (CONTROL, *names)}
    variance = {name: cells.var(0) / len(cells) for name, cells in of.items()}
    drawn = {name: of[name].var(0) / 10_000 for name in of}
    error = [variance[n] + drawn[n] + variance[CONTROL] + drawn[CONTROL] for n in names]
    z = (seen - truth) / np.sqrt(np.array(error))
    assert np.abs(z).max() < 7
    # A simulation that says no effect, or that of another treatment, would be found out.
    assert np.abs(np.roll(seen, 1, axis=0) - truth).max() > 50 * np.sqrt(np.max(error))


def test_counts_of_a_cell_add_up_to_the_library() -> None:
    """A sum of 1,050 x 2,000 expected counts is Poisson: |z| beyond 6 has probability 2e-9; that
    of a cell beyond 7 one of 3e-12."""
    library = np.asarray(svae(library=2000.0).counts.sum(1)).ravel()
    assert abs(library.sum() - 2000 * len(library)) < 6 * np.sqrt(2000 * len(library))
    assert np.abs(library - 2000).max() < 7 * np.sqrt(2000)


def test_over_cells_the_counts_of_a_gene_add_up_to_the_library_as_published() -> None:
    """And so a cell has the fewer the more cells there are.  Chance: as above."""
    few, many = (
        svae(softmax_over="cells", library=1e5, n_cells=n, n_controls=n) for n in (40, 160)
    )
    for data in (few, many):
        assert np.abs(np.asarray(data.counts.sum(0)) - 1e5).max() < 7 * np.sqrt(1e5)
    assert few.counts.sum(1).mean() == pytest.approx(4 * many.counts.sum(1).mean(), rel=0.02)


@pytest.mark.usefixtures("few_draws")
def test_a_library_too_small_for_every_treatment_is_refused() -> None:
    """Chance: that all 100 treatments have a count, each with probability 0.39, is 1e-40."""
    with pytest.raises(UserError, match=r"library is 0\.1: only \d+ of 101 perturbations"):
        svae(library=0.1, n_treatments=100, n_cells=5)
