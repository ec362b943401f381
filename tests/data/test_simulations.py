"""Truths: the published examples, entry for entry, and the moments of the model behind them."""

import numpy as np
import pytest
from scipy.stats import poisson

from bench.core.dataset import CountData
from bench.data import gamma_poisson, masking_example, thinning_example


@pytest.fixture(scope="module")
def thinning() -> CountData:
    return thinning_example.load(thinning_example.ThinningExampleConfig(), {})


@pytest.fixture(scope="module")
def masking() -> CountData:
    return masking_example.load(masking_example.MaskingExampleConfig(), {})


def test_the_thinning_example_is_the_published_one(thinning: CountData) -> None:
    counts = thinning.counts.toarray()
    assert counts.shape == (500, 100)
    assert counts.mean() == pytest.approx(3.81322, abs=5e-6)
    assert (counts == 0).mean() == pytest.approx(0.69894, abs=5e-6)
    assert counts.max() == 395


def test_the_oracles_of_the_thinning_example(thinning: CountData) -> None:
    counts, second = thinning.counts.toarray(), thinning.truth["second_draw"]
    rate, mean = thinning.truth["rate"], thinning.truth["mean"]
    shape = thinning.truth["inverse_dispersion"]
    posterior = mean * (counts + shape) / (mean + shape)
    rank_one = counts.sum(1, keepdims=True) * counts.sum(0) / counts.sum()
    anchors = [
        (second, rate, -0.75695),
        (counts, rate, -0.75762),
        (second, posterior, -1.01764),
        (second, mean, -7.88830),
        (second, rank_one, -7.65822),
        (second, counts.mean(), -8.24134),
    ]
    for seen, predicted, anchor in anchors:
        assert poisson.logpmf(seen, predicted).mean() == pytest.approx(anchor, abs=1e-5)


def test_the_masking_example_is_the_published_one(masking: CountData) -> None:
    observed, counts = masking.truth["observed"], masking.counts.toarray()
    assert (observed.sum(), (~observed).sum()) == (45_066, 4_934)
    constant = counts[observed].mean()
    rate, mean = masking.truth["rate"], masking.truth["mean"]
    anchors = [(rate, -6_550.5, -60_079.7), (mean, -23_828.4, -220_336.4)]
    anchors.append((np.full(counts.shape, constant), -25_321.1, -235_688.5))
    for predicted, masked_sum, observed_sum in anchors:
        logs = poisson.logpmf(counts, predicted)
        assert logs[~observed].sum() == pytest.approx(masked_sum, abs=0.1)
        assert logs[observed].sum() == pytest.approx(observed_sum, abs=0.1)


def test_a_seed_is_its_own_data() -> None:
    sizes = {"n_cells": 40, "n_genes": 10}
    one, other = (
        gamma_poisson.load(gamma_poisson.GammaPoissonConfig(**sizes, seed=seed), {})
        for seed in (0, 1)
    )
    assert (one.counts != other.counts).nnz > 0


def test_counts_scatter_around_their_rates_and_rates_around_their_means() -> None:
    """Chance: each z lies beyond 6 with a probability of about 2e-9 where it is normal."""
    config = gamma_poisson.GammaPoissonConfig(
        n_cells=400, n_genes=100, inverse_dispersion=2.0, scale=0.5
    )
    data = gamma_poisson.load(config, {})
    rate, mean = data.truth["rate"], data.truth["mean"]
    for counts in (data.counts.toarray(), data.truth["second_draw"]):
        assert abs(counts.sum() - rate.sum()) / np.sqrt(rate.sum()) < 6
    noise = rate / mean
    assert abs(noise.mean() - 1) < 6 * np.sqrt(1 / 2.0 / noise.size)
    # Var of the sample variance of a Gamma(2, 2): (kurtosis - 1) σ⁴ / n with kurtosis 3 + 6/2.
    assert abs(noise.var() - 0.5) < 6 * 0.5 * np.sqrt(5 / noise.size)
    assert mean.mean() == pytest.approx(0.5 * 3 * np.exp(0.25), rel=0.2)
