"""Truths of the pairs of treatments that the simulation of sVAE gives together."""

import numpy as np
import pytest

from bench.core.dataset import CONTROL, CountData
from bench.core.errors import UserError
from bench.data.svae_simulation import SvaeSimulationConfig, load
from bench.parts.perturbations.effects import expression
from bench.parts.perturbations.treatments import treatments_of

N_CELLS = 400


def simulated(n_combinations: int, **config: int) -> CountData:
    sizes = {"n_treatments": 4, "n_cells": N_CELLS, "n_controls": N_CELLS, "n_genes": 20}
    return load(SvaeSimulationConfig(n_combinations=n_combinations, **sizes | config), {})


def pairs_of(data: CountData) -> list[str]:
    return [name for name in np.unique(data.labels["perturbation"]).tolist() if "+" in name]


def test_there_are_so_many_pairs_of_two_different_treatments() -> None:
    for n_combinations in (0, 1, 5, 6):
        pairs = pairs_of(simulated(n_combinations, n_cells=3))
        assert len(pairs) == n_combinations
        assert all(len(treatments_of(name)) == 2 for name in pairs)
    with pytest.raises(UserError, match="4 treatments make 6 pairs"):
        simulated(7)


def test_shifts_of_a_pair_add_up() -> None:
    """Means of 400 normal draws of sd 1, 15 latents of 6 pairs: |z| beyond 6.5 in 1e-8 of runs."""
    data = simulated(6)
    treatments = [f"t{number:03d}" for number in range(4)]
    for name in pairs_of(data):
        one, other = (treatments.index(part) for part in treatments_of(name))
        expected = data.truth["true_embedding"][[one, other]].sum(0)
        found = data.truth["true_latent"][data.labels["perturbation"] == name].mean(0)
        assert np.abs(found - expected).max() < 6.5 / np.sqrt(N_CELLS)


def test_true_effects_stand_in_the_order_of_names_and_are_what_the_cells_show() -> None:
    """Chance: of 200 normal z one lies beyond 7 with a probability of 1e-9."""
    data = simulated(6)
    label, y = data.labels["perturbation"], expression(data.counts, "counts")
    names = [name for name in np.unique(label).tolist() if name != CONTROL]
    control = y[label == CONTROL]
    assert data.truth["true_effect"].shape == (10, 20)
    assert data.truth["true_mask"].shape == (4, 15)
    for name, truth in zip(names, data.truth["true_effect"], strict=True):
        treated = y[label == name]
        error = np.sqrt((treated.var(0) + control.var(0)) * (1 / N_CELLS + 1 / 10_000))
        assert (np.abs(treated.mean(0) - control.mean(0) - truth) < 7 * error).all()


def test_pairs_change_nothing_about_the_treatments() -> None:
    none, some = simulated(0), simulated(3)
    for name in ("true_mask", "true_embedding"):
        np.testing.assert_array_equal(none.truth[name], some.truth[name])
    assert (none.labels["perturbation"] != CONTROL).sum() == 4 * N_CELLS
    assert (some.labels["perturbation"] != CONTROL).sum() == 7 * N_CELLS
