"""The scVI family: beta zero is scVI to the bit; awkward data work or say what is wrong."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix

from bench.catalogue import card
from bench.core.problem import TEST, TRAIN, Problem
from bench.training.cells import SMALLEST_VARIANCE, facts_of
from bench.training.config import TrainingConfig
from bench.training.loop import Trained, train
from tests.conftest import open_replicate

CPU = torch.device("cpu")
FAMILY = ["scvi", "scvi_mmd", "linear_scvi"]


def trained(problem: Problem, name: str, **hyperparameters: object) -> Trained:
    """Two seeds, two epochs."""
    variant = card("models", name)
    config = TrainingConfig(max_epochs=2, batch_size=16, patience=0, **variant.training)
    chosen = variant.config(n_hidden=8, n_latent=2, **hyperparameters)
    return train(problem, variant, chosen, config, [0, 1], CPU, lambda *_: None)


def with_batches(problem: Problem, batch: np.ndarray) -> Problem:
    return replace(problem, labels={**problem.labels, "batch": batch.astype(str)})


def healthy(result: Trained) -> bool:
    states = [replicate.best_state for replicate in result.replicates]
    finite = all(torch.isfinite(value.float()).all() for s in states for value in s.values())
    return finite and not any(replicate.diverged for replicate in result.replicates)


def test_batches_of_equal_library_sizes_train(problems):
    """Two training cells a batch, of one library size: the prior on it has a smallest variance."""
    problem = problems["held_out_cells"]
    counts = np.ones(problem.counts.shape, dtype=np.int64)
    counts[:, 0] += np.random.default_rng(0).integers(0, 9, len(counts))
    wells = np.arange(len(counts)) // 2
    counts[1::2] = counts[::2][:, ::-1]
    equal = with_batches(replace(problem, counts=csr_matrix(counts)), wells)
    facts = facts_of(equal)
    assert (facts.log_library[:, 1] >= np.float32(SMALLEST_VARIANCE)).all()
    assert (facts.log_library[:, 1] == np.float32(SMALLEST_VARIANCE)).any()
    assert healthy(trained(equal, "scvi", latent_library=True))


@pytest.mark.parametrize("estimator", ["normal", "unbiased", "fast"])
def test_beta_zero_is_scvi_to_the_bit(problems, estimator):
    plain = trained(problems["held_out_cells"], "scvi")
    zero = trained(problems["held_out_cells"], "scvi_mmd", mmd_weight=0, mmd_estimator=estimator)
    for one, other in zip(plain.replicates, zero.replicates, strict=True):
        held = {f"scvi.{name}": value for name, value in one.best_state.items()}
        assert held.keys() == other.best_state.keys()
        for name, value in held.items():
            assert torch.equal(value, other.best_state[name]), name


def test_the_penalty_moves_training_and_is_in_the_curves_but_not_in_the_elbo(problems):
    zero = trained(problems["held_out_cells"], "scvi_mmd", mmd_weight=0.0)
    strong = trained(problems["held_out_cells"], "scvi_mmd", mmd_weight=100.0)
    one, other = zero.replicates[0].best_state, strong.replicates[0].best_state
    assert not all(torch.equal(one[name], other[name]) for name in one)
    columns = strong.curves.columns
    rows = list(zip(columns["part"], columns["term"], columns["value"], strict=True))
    for part in ("train", "validation"):
        assert all(value > 0 for where, term, value in rows if (where, term) == (part, "mmd"))
        terms = {term: value for where, term, value in rows if where == part}
        assert terms["elbo"] == pytest.approx(-terms["reconstruction"] - terms["kl_z"], rel=1e-4)


@pytest.mark.parametrize("name", FAMILY)
def test_batches_of_one_cell_and_batches_absent_from_minibatches(problems, name):
    problem = problems["held_out_cells"]
    batch = np.array([f"b{n}" if n < 5 else "rest" for n in range(60)])
    assert healthy(trained(with_batches(problem, batch), name))


@pytest.mark.parametrize("name", FAMILY)
@pytest.mark.parametrize("latent_library", [False, True])
def test_a_batch_seen_only_in_test_is_decoded_and_scored(problems, name, latent_library):
    problem = problems["held_out_cells"]
    batch = np.where(problem.role == TEST, "new", "old")
    problem = with_batches(problem, batch)
    result = trained(problem, name, latent_library=latent_library)
    assert healthy(result)
    variant, readout = card("models", name), card("readouts", "bounds")
    config = variant.config(n_hidden=8, n_latent=2, latent_library=latent_library)
    fitted = open_replicate(problem, variant, config, result.replicates[0].best_state, 0, "b")
    with torch.no_grad():
        arrays = readout.of_variant(fitted, problem, readout.config(n_samples=5))
    assert np.isfinite(arrays["iwelbo_per_cell"]).all()


def test_the_library_prior_has_the_moments_of_each_batch(problems):
    problem = problems["held_out_cells"]
    library = np.asarray(problem.counts.sum(1)).ravel()
    chosen = (problem.role == TRAIN) & (problem.labels["batch"] == "y")
    logs = np.log(library[chosen])
    np.testing.assert_allclose(facts_of(problem).log_library[1], [logs.mean(), logs.var()], 1e-5)


@pytest.mark.parametrize("name", FAMILY)
def test_a_gene_and_a_cell_without_counts(problems, name):
    problem = problems["held_out_cells"]
    counts = problem.counts.toarray()
    counts[:, 3] = 0
    counts[problem.rows(TRAIN)[0]] = 0
    assert healthy(trained(replace(problem, counts=csr_matrix(counts)), name))


def test_a_dispersion_by_labels_that_are_missing_says_so(problems):
    problem = replace(problems["held_out_cells"], labels={})
    with pytest.raises(ValueError, match="dispersion gene-label needs data with that label"):
        trained(problem, "scvi", dispersion="gene-label")
    assert healthy(trained(problem, "scvi"))


@pytest.mark.parametrize("likelihood", ["zinb", "nb", "poisson"])
@pytest.mark.parametrize("dispersion", ["gene", "gene-batch", "gene-label", "gene-cell"])
def test_every_likelihood_and_dispersion_trains(problems, likelihood, dispersion):
    chosen = {"likelihood": likelihood, "dispersion": dispersion, "label_covariate": True}
    assert healthy(trained(problems["masked_entries"], "scvi", encode_covariates=True, **chosen))
