"""Truths and chances: what the simulation of cell types in batches is made of."""

import numpy as np
import pytest

from bench.core.dataset import CountData
from bench.data.batched_gamma_poisson import BatchedGammaPoissonConfig, load


def simulated(**config: float) -> CountData:
    sizes = {"n_cells": 600, "n_genes": 50} | config
    return load(BatchedGammaPoissonConfig(**sizes), {})  # type: ignore[arg-type]


def profiles(data: CountData) -> np.ndarray:
    return data.truth["mean"] / data.truth["mean"].sum(1, keepdims=True)


def test_cells_of_one_type_and_batch_have_one_profile() -> None:
    data = simulated()
    pairs = [f"{b} {t}" for b, t in zip(*data.labels.values(), strict=True)]
    shares = profiles(data)
    for pair in set(pairs):
        mine = shares[np.array(pairs) == pair]
        np.testing.assert_allclose(mine, mine[:1].repeat(len(mine), 0), rtol=1e-9)
    assert len(np.unique(shares.round(12), axis=0)) == len(set(pairs)) == 15


@pytest.mark.parametrize(("flat", "label"), [("type_sd", "cell_type"), ("batch_sd", "batch")])
def test_without_spread_a_label_means_nothing(flat: str, label: str) -> None:
    data = simulated(**{flat: 0.0})
    other = next(name for name in data.labels if name != label)
    kinds = len(np.unique(data.labels[other]))
    assert len(np.unique(profiles(data).round(12), axis=0)) == kinds


def test_the_fold_change_of_a_batch_is_the_same_for_all_types() -> None:
    data = simulated()
    batch, kind = data.labels["batch"], data.labels["cell_type"]
    shares = profiles(data)

    def change(of: str) -> np.ndarray:
        one, other = (shares[(kind == of) & (batch == b)][0] for b in ("batch_0", "batch_1"))
        logs = np.log(one / other)
        return logs - logs.mean()

    np.testing.assert_allclose(change("type_0"), change("type_3"), atol=1e-9)


def test_depth_is_as_asked_and_composition_differs() -> None:
    """Chance: the median of 600 lognormal depths of sd 0.3 lies within 10 % beyond six times over;
    shares drawn around 20 of 100 differ between batches by far more than rounding."""
    data = simulated()
    assert np.median(data.truth["mean"].sum(1)) == pytest.approx(500, rel=0.1)
    batch, kind = data.labels["batch"], data.labels["cell_type"]
    shares = [np.mean(kind[batch == b] == "type_0") for b in np.unique(batch)]
    assert np.ptp(shares) > 0.01


def test_counts_scatter_around_their_rates() -> None:
    """Chance: each z lies beyond 6 with a probability of about 2e-9."""
    data = simulated()
    rate = data.truth["rate"]
    for counts in (data.counts.toarray(), data.truth["second_draw"]):
        assert abs(counts.sum() - rate.sum()) / np.sqrt(rate.sum()) < 6
