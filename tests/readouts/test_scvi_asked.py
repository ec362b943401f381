"""What scVI answers where it has batches and a library size of its own."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from bench.catalogue import card
from bench.core.problem import Problem
from bench.training.cells import facts_of
from tests.conftest import open_replicate, posed

ASKED = ("bound_terms", "bounds", "decoded", "marginal_loglik", "posterior_predictive")


def answered(problem: Problem, readout: str, options: Any = None, **settings: Any) -> Any:
    """One readout of an untrained scVI whose seeds are fixed: all readouts share their draws."""
    variant, entry = card("models", "scvi"), card("readouts", readout)
    config = variant.config(**settings)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(3)
        state = variant.build(facts_of(problem), config).state_dict()
        fitted = open_replicate(problem, variant, config, state, 0, "test")
        return entry.of_variant(fitted, problem, entry.config(**(options or {})))


@pytest.fixture
def problem(small_data) -> Problem:
    return posed(small_data, "held_out_cells")


def test_the_library_has_a_divergence_of_its_own_where_it_is_latent(problem: Problem) -> None:
    observed = answered(problem, "bound_terms")
    latent = answered(problem, "bound_terms", latent_library=True)
    assert not observed["kl_library_per_cell"].any()
    assert latent["kl_library_per_cell"].min() > 0
    assert latent["kl_z_per_cell"].min() >= 0


def test_the_terms_are_those_of_the_bound(problem: Problem) -> None:
    """From the same draws, but for the KL terms: in closed form here, at the draws there."""
    options = {"n_samples": 5000}
    terms = answered(problem, "bound_terms", options, latent_library=True)
    elbo = answered(problem, "bounds", options, latent_library=True)["elbo_per_cell"]
    assert elbo == pytest.approx(-sum(terms.values()), rel=0.02)


@pytest.mark.parametrize("latent_library", [False, True])
def test_more_samples_come_closer_to_the_marginal(problem: Problem, latent_library: bool) -> None:
    """Chance: means over cells of bounds that differ by several nats."""
    means = [
        answered(problem, "marginal_loglik", {"n_samples": n}, latent_library=latent_library)[
            "marginal_loglik_per_cell"
        ].mean()
        for n in (1, 30, 1000)
    ]
    assert means[0] < means[1] < means[2]


def test_a_cell_is_decoded_as_another_batch_would_have_shown_it(problem: Problem) -> None:
    found = {
        batch: answered(problem, "decoded", {"batch": batch})["decoded_expression"]
        for batch in ("", "x", "y", "each")
    }
    own = problem.labels["batch"][problem.scored_rows]
    for batch in ("x", "y"):
        np.testing.assert_allclose(found[""][own == batch], found[batch][own == batch], rtol=1e-5)
    assert not np.allclose(found["x"], found["y"], rtol=1e-2)
    np.testing.assert_allclose(found["each"], (found["x"] + found["y"]) / 2, rtol=1e-5)
    alone = answered(replace(problem, labels={}), "decoded", {"batch": "each"})
    np.testing.assert_allclose(alone["decoded_expression"].sum(1), 1, rtol=1e-5)


@pytest.mark.parametrize("likelihood", ["zinb", "nb", "poisson"])
@pytest.mark.parametrize("dispersion", ["gene", "gene-batch", "gene-label", "gene-cell"])
def test_every_distribution_can_be_asked(
    problem: Problem, likelihood: str, dispersion: str
) -> None:
    for readout in ASKED:
        settings = {"likelihood": likelihood, "dispersion": dispersion, "latent_library": True}
        arrays = answered(problem, readout, {"n_samples": 2}, **settings)
        assert all(np.isfinite(array).all() for array in arrays.values()), readout
