"""Truths: what the baselines and controls of integration do to an embedding."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from bench.baselines import combat_pca
from bench.catalogue import card
from bench.core.problem import TEST, Problem
from bench.core.seeds import numpy_generator
from bench.parts.counts.log_counts import components, embedded, log_counts
from bench.parts.counts.one_hot import jittered
from bench.parts.scoring.neighbours import frequency_entropy, nearest, neighbour_entropy

CORRECTING = ("combat_pca", "harmony")
CONTROLS = ("shuffled", "shuffled_within_type", "cell_type_onehot", "batch_onehot")


@pytest.fixture(scope="module")
def problem() -> Problem:
    dataset, task = card("data", "batched_gamma_poisson"), card("tasks", "integration")
    data = dataset.load(dataset.config(n_cells=400, n_genes=80), {})
    return task.problem_of(data, task.config(), 1, numpy_generator("test"))


def fitted(name: str, problem: Problem, seed: int = 0, **config: float) -> NDArray:
    baseline = card("baselines", name)
    found = baseline.fit(problem, baseline.config(**config), np.random.default_rng(seed))
    return found.answer("latent")(np.arange(len(problem.role)))


def mixing(latent: NDArray, batch: NDArray) -> float:
    return float(neighbour_entropy(nearest(latent, 50).index, batch).mean())


def sorted_rows(latent: NDArray) -> NDArray:
    return latent[np.lexsort(latent.T)]


def test_log_counts_bring_cells_to_the_median_depth() -> None:
    counts = csr_matrix(np.array([[1, 3], [2, 6], [0, 0], [4, 4]]))
    logs = log_counts(counts).toarray()
    np.testing.assert_allclose(np.expm1(logs).sum(1), [6, 6, 0, 6])
    np.testing.assert_allclose(logs[0], logs[1])


def test_components_are_those_of_the_decomposition(problem: Problem) -> None:
    logs = log_counts(problem.counts)
    dense = logs.toarray() - logs.toarray().mean(0)
    u, s, _ = np.linalg.svd(dense, full_matrices=False)
    found = components(logs, 6, np.random.default_rng(0))
    np.testing.assert_allclose(np.abs(found), np.abs(u * s)[:, :6], atol=1e-6)


def test_few_cells_or_genes_have_few_components() -> None:
    few = csr_matrix(np.random.default_rng(0).poisson(2.0, size=(30, 4)))
    assert components(log_counts(few), 50, np.random.default_rng(0)).shape == (30, 3)


@pytest.mark.parametrize("name", CORRECTING)
def test_correction_mixes_batches_that_pca_leaves_apart(name: str, problem: Problem) -> None:
    batch = problem.labels["batch"]
    before = mixing(embedded(problem, 10, np.random.default_rng(0)), batch)
    assert mixing(fitted(name, problem), batch) > before + 0.1
    assert mixing(fitted(name, problem), batch) > 0.9 * frequency_entropy(batch)


def test_combat_takes_shift_and_scale_of_a_batch_away() -> None:
    """Means and variances of genes agree between batches afterwards, up to shrinkage."""
    rng = np.random.default_rng(0)
    batch = np.repeat(["a", "b"], 200)
    noise = rng.normal(size=(400, 50))
    shift, scale = rng.normal(size=50), rng.uniform(1, 3, size=50)
    spoilt = np.where(batch[:, None] == "a", noise, shift + scale * noise)
    clean = combat_pca.corrected(spoilt, batch)
    apart = [np.abs(x[:200].mean(0) - x[200:].mean(0)).max() for x in (spoilt, clean)]
    assert apart[1] < 0.2 * apart[0]
    ratios = [np.log(x[:200].std(0) / x[200:].std(0)) for x in (spoilt, clean)]
    assert np.abs(ratios[1]).max() < 0.3 * np.abs(ratios[0]).max()


@pytest.mark.parametrize("name", CORRECTING)
def test_a_batch_of_one_cell_and_a_silent_gene_do_no_harm(name: str, problem: Problem) -> None:
    batch, counts = problem.labels["batch"].copy(), problem.counts.toarray()
    batch[7], counts[:, 3] = "alone", 0
    labels = {**problem.labels, "batch": batch}
    odd = replace(problem, labels=labels, counts=csr_matrix(counts))
    assert np.isfinite(fitted(name, odd)).all()


def test_combat_leaves_one_batch_as_it_is(problem: Problem) -> None:
    labels = {**problem.labels, "batch": np.full(400, "one")}
    plain = embedded(problem, 10, np.random.default_rng(0))
    found = fitted("combat_pca", replace(problem, labels=labels))
    np.testing.assert_allclose(np.abs(found), np.abs(plain), atol=1e-8)


def test_harmony_without_reward_corrects_less(problem: Problem) -> None:
    batch = problem.labels["batch"]
    kept, corrected = (mixing(fitted("harmony", problem, theta=t), batch) for t in (0.0, 2.0))
    assert kept < corrected


def test_shuffling_keeps_every_point(problem: Problem) -> None:
    plain = embedded(problem, 10, np.random.default_rng(0))
    for name in ("shuffled", "shuffled_within_type"):
        found = fitted(name, problem)
        assert not np.array_equal(found, plain)
        np.testing.assert_array_equal(sorted_rows(found), sorted_rows(plain))


def test_shuffling_within_types_keeps_the_points_of_each_type(problem: Problem) -> None:
    plain = embedded(problem, 10, np.random.default_rng(0))
    found = fitted("shuffled_within_type", problem)
    for kind in np.unique(problem.labels["cell_type"]):
        cells = problem.labels["cell_type"] == kind
        np.testing.assert_array_equal(sorted_rows(found[cells]), sorted_rows(plain[cells]))


def test_one_hot_has_an_axis_per_label() -> None:
    labels = np.array(["b", "a", "c", "a"])
    latent = jittered(labels, 1e-9, np.random.default_rng(0))
    np.testing.assert_allclose(latent, [[0, 1, 0], [1, 0, 0], [0, 0, 1], [1, 0, 0]], atol=1e-7)
    assert len(np.unique(latent, axis=0)) == 4


@pytest.mark.parametrize("name", [*CORRECTING, *CONTROLS])
def test_the_embedding_is_read_out_for_fitted_cells_only(name: str, problem: Problem) -> None:
    readout, baseline = card("readouts", "latent"), card("baselines", name)
    rng = np.random.default_rng(0)
    some = replace(problem, scored_rows=np.array([2, 5]))
    array = readout.of_baseline(baseline.fit(problem, baseline.config(), rng), some, None)["latent"]
    np.testing.assert_array_equal(array, fitted(name, problem)[[2, 5]].astype(np.float32))
    role = problem.role.copy()
    role[5] = TEST
    held_out = baseline.fit(replace(problem, role=role), baseline.config(), rng)
    with pytest.raises(ValueError, match="and no test cells"):
        readout.of_baseline(held_out, some, None)


@pytest.mark.parametrize("name", [*CORRECTING, *CONTROLS])
def test_who_only_embeds_has_no_rates(name: str, problem: Problem) -> None:
    baseline = card("baselines", name)
    assert baseline.can == {"latent"}
    assert "all_cells" in baseline.needs
    found = baseline.fit(problem, baseline.config(), np.random.default_rng(0))
    with pytest.raises(ValueError, match="asked for 'counts', this baseline answers latent"):
        found.answer("counts")
