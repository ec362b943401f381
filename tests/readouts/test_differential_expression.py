"""Differential expression: truths on a toy of two genes, ranks on a trained model."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import norm

from bench.catalogue import card
from bench.core.errors import UserError
from bench.core.problem import Problem
from bench.readouts.differential_expression import READOUT, DifferentialExpressionConfig
from bench.training.config import TrainingConfig
from bench.training.loop import train
from tests.conftest import open_replicate
from tests.readouts.toy import open_toy, toy_problem

CPU = torch.device("cpu")
Z = {"a": 0.0, "b": np.log(4) / 4, "c": np.log(10) / 4}
"""The toy's latent in each group."""


@pytest.fixture(autouse=True)
def _no_gradients():
    with torch.no_grad():
        yield


@pytest.fixture(scope="module")
def problem() -> Problem:
    """Two genes, shares expit(-2z) and expit(2z); the first gene's counts say the group."""
    first = np.array([0, 3, 9])[np.arange(90) // 3 % 3]
    return toy_problem(np.stack([first, np.full(90, 5)], axis=1))


def compared(problem: Problem, spread: float = 1e-6, **config: Any) -> dict[str, NDArray]:
    settings = {"first": "b", "second": "a"} | config
    by_batch = bool(settings.pop("by_batch", False))
    fitted = open_toy(problem, spread=spread, by_batch=by_batch)
    return READOUT.of_variant(fitted, problem, DifferentialExpressionConfig(**settings))


def changes(one: Any, other: Any) -> NDArray:
    """log2 fold changes of both genes between two latents."""
    return np.stack([np.log2(expit(s * 2 * one) / expit(s * 2 * other)) for s in (-1, 1)], -1)


def test_sure_changes_are_the_models_own(problem: Problem) -> None:
    found = compared(problem, n_samples=50)
    expected = changes(Z["b"], Z["a"])
    for name in ("lfc_mean", "lfc_median", "lfc_lower", "lfc_upper"):
        np.testing.assert_allclose(found[name][0], expected, atol=1e-3, err_msg=name)
    assert found["lfc_sd"].max() < 1e-3
    np.testing.assert_array_equal(found["higher_probability"], [[0, 1]])
    np.testing.assert_array_equal(found["change_probability"][0], np.abs(expected) >= 0.5)
    largest = np.log((1 + 1e-8) / 1e-8)
    np.testing.assert_allclose(found["higher_bayes_factor"], [[-largest, largest]])


@pytest.mark.parametrize("n_permuted_pairs", [0, 10_000])
def test_probabilities_are_those_of_the_posterior(problem: Problem, n_permuted_pairs: int) -> None:
    """Chance: five independent thousand pairs at least; 6 standard errors, below 1e-7 in all."""
    spread = 0.3
    found = compared(problem, spread, n_samples=5000, n_permuted_pairs=n_permuted_pairs)
    higher = norm.cdf((Z["b"] - Z["a"]) / (spread * np.sqrt(2)))
    rng = np.random.default_rng(8)
    truth = changes(*(Z[k] + spread * rng.standard_normal(400_000) for k in "ba"))
    error = 6 * 0.5 / np.sqrt(5000) * (1 if not n_permuted_pairs else np.sqrt(1.5))
    np.testing.assert_allclose(found["higher_probability"][0], [1 - higher, higher], atol=error)
    np.testing.assert_allclose(
        found["change_probability"][0], (np.abs(truth) >= 0.5).mean(0), atol=error
    )
    wide = 6 * truth.std(0).max() / np.sqrt(5000) * 2
    np.testing.assert_allclose(found["lfc_mean"][0], truth.mean(0), atol=wide)
    np.testing.assert_allclose(found["lfc_sd"][0], truth.std(0), atol=wide)
    ends = np.quantile(truth, [0.025, 0.5, 0.975], axis=0)
    for name, end in zip(("lfc_lower", "lfc_median", "lfc_upper"), ends, strict=True):
        np.testing.assert_allclose(found[name][0], end, atol=3 * wide, err_msg=name)


def test_draws_are_dealt_out_over_batches(problem: Problem) -> None:
    found = compared(problem, by_batch=True, n_samples=100)
    each = [changes(Z["b"] + batch, Z["a"] + batch) for batch in (0, 1)]
    np.testing.assert_allclose(found["lfc_mean"][0], np.mean(each, axis=0), atol=1e-3)
    np.testing.assert_allclose(found["lfc_sd"][0], np.std(each, axis=0), atol=1e-3)


def test_every_group_is_compared_with_the_rest(problem: Problem) -> None:
    found = compared(problem, first="", second="", n_samples=4000)
    assert found.keys() == READOUT.arrays
    assert found["compared_first"].tolist() == ["a", "b", "c"]
    assert found["compared_second"].tolist() == ["not a", "not b", "not c"]
    rest = (changes(Z["a"], Z["b"]) + changes(Z["a"], Z["c"])) / 2
    np.testing.assert_allclose(found["lfc_mean"][0], rest, atol=0.05)
    assert found["lfc_mean"].shape == (3, 2)
    against = compared(problem, first="", second="a", n_samples=10)
    assert against["compared_first"].tolist() == ["b", "c"]


def test_groups_that_are_not_there_are_refused(problem: Problem) -> None:
    for config, said in (
        ({"first": "d"}, "there are: a, b, c"),
        ({"second": "e"}, "there are: a, b, c"),
        ({"by": "perturbation"}, "no such label"),
        ({"first": "a", "second": "a"}, "nothing to compare"),
    ):
        with pytest.raises(UserError, match=said):
            compared(problem, **config)
    alone = replace(problem, labels=problem.labels | {"cell_type": np.full(90, "a")})
    with pytest.raises(UserError, match="nothing to compare"):
        compared(alone, first="", second="")


def test_the_label_it_needs_is_the_one_it_compares_by() -> None:
    assert READOUT.labels(DifferentialExpressionConfig(by="batch")) == {"batch"}


@pytest.mark.slow
@pytest.mark.nightly
def test_shifted_genes_rank_first_after_training() -> None:
    """Three of 24 genes are three times as high in one type, three a third, and shares of the
    others are equal.  Seeds are fixed; limits are twice as wide as what is found."""
    rng = np.random.default_rng(2)
    high = np.arange(600) // 3 % 2 == 1
    mean = np.full((600, 24), 6.0)
    mean[:, :3] = np.where(high, 12.0, 4.0)[:, None]
    mean[:, 3:6] = np.where(high, 4.0, 12.0)[:, None]
    counts = rng.poisson(mean * rng.gamma(10, 1 / 10, size=mean.shape))
    problem = toy_problem(counts, cell_type=np.where(high, "high", "low"))
    variant = card("models", "nbvae")
    hyperparameters = variant.config(n_latent=2, n_hidden=32)
    config = TrainingConfig(max_epochs=100, batch_size=32, learning_rate=5e-3)
    with torch.enable_grad():
        done = train(problem, variant, hyperparameters, config, [0], CPU, lambda *_: None)
    state = done.replicates[0].best_state
    fitted = open_replicate(problem, variant, hyperparameters, state, 0, "test")
    settings = DifferentialExpressionConfig(first="high", second="low", n_samples=2000)
    found = {
        name: array[0] for name, array in READOUT.of_variant(fitted, problem, settings).items()
    }
    assert set(np.argsort(-found["lfc_mean"])[:3]) == {0, 1, 2}
    assert set(np.argsort(found["lfc_mean"])[:3]) == {3, 4, 5}
    assert set(np.argsort(-found["change_probability"])[:6]) == set(range(6))
    np.testing.assert_allclose(found["lfc_mean"][:6], np.log2(3) * np.repeat([1, -1], 3), atol=0.5)
    assert np.abs(found["lfc_mean"][6:]).max() < 0.3
    assert found["change_probability"][6:].max() < 0.2
    assert (
        found["higher_probability"][:3].min() > 0.9 > 0.1 > found["higher_probability"][3:6].max()
    )
