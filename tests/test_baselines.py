"""Contracts: what every file on the shelf of baselines keeps."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from bench.catalogue import card, names
from bench.core.baseline import Baseline, FittedBaseline
from bench.core.problem import TEST, TRAIN, Problem, load, save
from tests.conftest import readouts_of

TASKS = ("held_out_cells", "thinned_counts", "masked_entries")

EMBEDDING = [n for n in names("baselines") if "all_cells" in card("baselines", n).needs]
"""Those that embed the cells they are fitted to, and do nothing else."""

CLASSIFYING = [n for n in names("baselines") if "known_type" in card("baselines", n).needs]
"""Those that are fitted to labelled cells."""

OF_EFFECTS = [n for n in names("baselines") if "perturbed" in card("baselines", n).can]
"""Those that say what perturbations do, and nothing else."""

EFFECT_READOUTS = frozenset({"effects", "effects_as_published", "counterfactual_effects"})
N_TREATED = 120


def posed(task: str, **config: Any) -> Problem:
    """Sixty cells and twenty genes, one of which nobody expresses."""
    posing = card("tasks", task)
    labelled = "cell_type" in posing.needs
    dataset = card("data", "batched_gamma_poisson" if labelled else "gamma_poisson")
    data = dataset.load(dataset.config(n_cells=60, n_genes=20), {})
    counts = data.counts.toarray()
    counts[:, 3] = 0
    rng = np.random.default_rng(5)
    return posing.problem_of(
        replace(data, counts=csr_matrix(counts)), posing.config(**config), 1, rng
    )


def with_few_labels(**config: Any) -> Problem:
    """Three labelled cells of each of five types; the other cells are scored."""
    return posed("few_labels", **{"per_class": 3, "validation": 0.2, **config})


def fitted(baseline: Baseline, problem: Problem, seed: int = 7) -> FittedBaseline:
    return baseline.fit(problem, baseline.config(), np.random.default_rng(seed))


def said(rates: FittedBaseline, problem: Problem) -> Iterator[NDArray]:
    """All that a fitted baseline says of the cells it was fitted to."""
    rows = problem.fitting_rows()
    yield np.asarray(rates.inverse_dispersion)
    for ability in sorted(rates.functions.keys() - {"perturbed"}):
        yield rates.functions[ability](rows)


def classified(baseline: Baseline, problem: Problem) -> NDArray:
    """(cell, known type) probabilities of every cell."""
    return fitted(baseline, problem).answer("classes")(np.arange(len(problem.role)))


def assert_same_bits(first: FittedBaseline, second: FittedBaseline, problem: Problem) -> None:
    for one, other in zip(said(first, problem), said(second, problem), strict=True):
        np.testing.assert_array_equal(one, other)


NO_RATES = [*EMBEDDING, *CLASSIFYING, *OF_EFFECTS]


@pytest.fixture(params=[n for n in names("baselines") if n not in NO_RATES])
def baseline(request: pytest.FixtureRequest) -> Baseline:
    return card("baselines", request.param)


@pytest.fixture(params=EMBEDDING)
def embedding(request: pytest.FixtureRequest) -> Baseline:
    return card("baselines", request.param)


@pytest.fixture(params=CLASSIFYING)
def classifier(request: pytest.FixtureRequest) -> Baseline:
    return card("baselines", request.param)


@pytest.fixture(params=OF_EFFECTS)
def of_effects(request: pytest.FixtureRequest) -> Baseline:
    return card("baselines", request.param)


@pytest.fixture(params=["counts", "values"])
def treated(request: pytest.FixtureRequest) -> Problem:
    """Controls, three treatments, two of them together and one at half its dosage."""
    dataset, task = card("data", "gamma_poisson"), card("tasks", "seen_perturbations")
    data = dataset.load(dataset.config(n_cells=N_TREATED, n_genes=20), {})
    given = np.array(["control", "gene_1", "gene_2", "drug", "gene_1+gene_2", "drug@0.5"])
    effects = np.random.default_rng(2).normal(size=(5, 20))
    data = replace(
        data,
        labels={"perturbation": given[np.arange(N_TREATED) % len(given)]},
        truth={"true_effect": effects},
        gene_names=np.array([f"gene_{j}" for j in range(20)]),
        counts=data.counts.astype(np.float32 if request.param == "values" else int),
        measured=request.param,
    )
    return task.problem_of(data, task.config(), 1, np.random.default_rng(5))


ASKED = np.array(["gene_2", "drug@0.5", "drug", "gene_1+gene_2", "gene_1"])
"""The perturbations of that problem, in an order of their own."""


def effects_of(baseline: Baseline, problem: Problem, asked: NDArray = ASKED) -> NDArray:
    return fitted(baseline, problem).answer("perturbed")(asked)


@pytest.fixture(params=TASKS)
def problem(request: pytest.FixtureRequest) -> Problem:
    return posed(request.param)


@pytest.mark.parametrize("name", names("baselines"))
def test_cards_are_complete(name: str) -> None:
    baseline = card("baselines", name)
    assert baseline.label
    assert baseline.reference
    assert baseline.role in {"competitor", "floor", "ceiling"}
    assert baseline.needs & {"counts", "perturbation"}
    assert baseline.can <= {card("readouts", one).of for one in names("readouts")}
    assert baseline.config.__doc__
    baseline.config()


def test_rates_are_finite_and_not_negative(baseline: Baseline, problem: Problem) -> None:
    result, rows = fitted(baseline, problem), problem.fitting_rows()
    mean = result.answer("counts")(rows)
    assert mean.shape == (len(rows), 20)
    assert np.isfinite(mean).all()
    assert (mean >= 0).all()
    assert np.shape(result.inverse_dispersion) in {(), (20,)}
    assert np.all(np.asarray(result.inverse_dispersion) > 0)
    assert result.n_parameters >= 0


def test_rows_are_answered_in_the_order_asked(baseline: Baseline, problem: Problem) -> None:
    result, rows = fitted(baseline, problem), problem.fitting_rows()
    mean = result.answer("counts")
    np.testing.assert_allclose(mean(rows)[[5, 2]], mean(rows[[5, 2]]), rtol=1e-12)


def test_every_cell_is_embedded_where_promised(baseline: Baseline, problem: Problem) -> None:
    answers = fitted(baseline, problem).functions
    assert answers.keys() == baseline.can - {"bound"}
    if "latent" in answers:
        latent = answers["latent"](np.arange(60))
        assert latent.shape[0] == 60
        assert np.isfinite(latent).all()


def test_chance_comes_from_the_generator_alone(baseline: Baseline, problem: Problem) -> None:
    rng = np.random.default_rng(7)
    before = rng.bit_generator.state
    first = baseline.fit(problem, baseline.config(), rng)
    assert (rng.bit_generator.state == before) == baseline.deterministic
    assert_same_bits(first, fitted(baseline, problem), problem)


def test_garbage_in_missing_entries_changes_no_bit(baseline: Baseline) -> None:
    problem = posed("masked_entries")
    assert problem.masked is not None
    counts, missing = problem.counts.toarray(), problem.masked.toarray()
    counts[missing] = np.random.default_rng(1).integers(0, 10_000, missing.sum())
    spoilt = fitted(baseline, replace(problem, counts=csr_matrix(counts)))
    clean = fitted(baseline, problem)
    assert_same_bits(spoilt, clean, problem)


def test_garbage_in_held_out_cells_changes_no_bit_of_the_others(baseline: Baseline) -> None:
    problem = posed("held_out_cells")
    held_out, counts = problem.rows(TEST), problem.counts.toarray()
    counts[held_out] = np.random.default_rng(1).integers(0, 10_000, (len(held_out), 20))
    spoilt = fitted(baseline, replace(problem, counts=csr_matrix(counts)))
    assert_same_bits(spoilt, fitted(baseline, problem), problem)


def test_a_held_out_cell_is_embedded_by_itself(baseline: Baseline) -> None:
    problem = posed("held_out_cells")
    held_out, counts = problem.rows(TEST), problem.counts.toarray()
    counts[held_out[0]] = 10_000
    if "latent" not in baseline.can:
        return
    clean, spoilt = (
        fitted(baseline, replace(problem, counts=csr_matrix(visible))).answer("latent")(held_out)
        for visible in (problem.counts, counts)
    )
    np.testing.assert_allclose(clean[1:], spoilt[1:], rtol=1e-10)
    assert not np.allclose(clean[0], spoilt[0])


def test_answers_are_never_opened_nor_truth_but_by_ceilings(
    baseline: Baseline, problem: Problem
) -> None:
    truth = problem.truth if baseline.role == "ceiling" else {}
    blind = replace(problem, targets={}, truth=truth)
    assert_same_bits(fitted(baseline, blind), fitted(baseline, problem), problem)


def test_only_ceilings_know_cells_they_never_saw(baseline: Baseline, problem: Problem) -> None:
    assert fitted(baseline, problem).knows_test_cells == (baseline.role == "ceiling")


def test_a_cell_and_a_gene_without_counts_do_no_harm(baseline: Baseline) -> None:
    problem = posed("thinned_counts")
    counts = problem.counts.toarray()
    counts[4], counts[:, 7] = 0, 0
    result = fitted(baseline, replace(problem, counts=csr_matrix(counts)))
    assert all(np.isfinite(part[~np.isinf(part)]).all() for part in said(result, problem))
    assert np.isfinite(result.answer("counts")(problem.fitting_rows())).all()


def test_an_embedding_has_every_cell_and_no_rates(embedding: Baseline) -> None:
    result = fitted(embedding, posed("integration"))
    assert result.functions.keys() == {"latent"} == embedding.can
    latent = result.answer("latent")(np.arange(60))
    assert latent.shape[0] == 60
    assert np.isfinite(latent).all()


def test_an_embedding_is_made_of_its_generator_alone(embedding: Baseline) -> None:
    problem, rng = posed("integration"), np.random.default_rng(7)
    before = rng.bit_generator.state
    first = embedding.fit(problem, embedding.config(), rng)
    assert (rng.bit_generator.state == before) == embedding.deterministic
    assert_same_bits(first, fitted(embedding, problem), problem)


def test_an_embedding_opens_neither_answers_nor_truth_nor_undeclared_labels(
    embedding: Baseline,
) -> None:
    problem = posed("integration")
    labels = {k: values for k, values in problem.labels.items() if k in embedding.needs}
    blind = replace(problem, targets={}, truth={}, labels=labels)
    assert_same_bits(fitted(embedding, blind), fitted(embedding, problem), problem)


def test_only_controls_are_told_cell_types(embedding: Baseline) -> None:
    assert embedding.role != "competitor" or "cell_type" not in embedding.needs


def test_a_cell_and_a_gene_without_counts_spoil_no_embedding(embedding: Baseline) -> None:
    problem = posed("integration")
    counts = problem.counts.toarray()
    counts[4], counts[:, 7] = 0, 0
    spoilt = fitted(embedding, replace(problem, counts=csr_matrix(counts)))
    assert np.isfinite(spoilt.answer("latent")(np.arange(60))).all()


def test_a_classifier_gives_probabilities_of_every_cell(classifier: Baseline) -> None:
    problem = with_few_labels(test=0.2)
    result, everyone = fitted(classifier, problem), np.arange(60)
    assert result.functions.keys() == classifier.can
    found = result.answer("classes")(everyone)
    assert found.shape == (60, 5)
    assert np.isfinite(found).all()
    assert (found >= 0).all()
    np.testing.assert_allclose(found.sum(1), 1, rtol=1e-9)
    assert "latent" not in classifier.can or result.answer("latent")(everyone).shape[0] == 60


def test_a_classifier_is_made_of_its_generator_alone(classifier: Baseline) -> None:
    problem, rng = with_few_labels(), np.random.default_rng(7)
    before = rng.bit_generator.state
    first = classifier.fit(problem, classifier.config(), rng)
    assert (rng.bit_generator.state == before) == classifier.deterministic
    assert_same_bits(first, fitted(classifier, problem), problem)


def test_a_classifier_opens_neither_answers_nor_truth_nor_undeclared_labels(
    classifier: Baseline,
) -> None:
    problem = with_few_labels()
    labels = {k: values for k, values in problem.labels.items() if k in classifier.needs}
    blind = replace(problem, targets={}, selection_targets={}, truth={}, labels=labels)
    assert_same_bits(fitted(classifier, blind), fitted(classifier, problem), problem)


def test_a_held_out_cell_is_classified_by_itself(classifier: Baseline) -> None:
    problem = with_few_labels(test=0.2)
    first, counts = problem.rows(TEST)[0], problem.counts.toarray()
    counts[first] = np.random.default_rng(1).integers(0, 10_000, 20)
    clean, spoilt = (
        classified(classifier, replace(problem, counts=csr_matrix(visible)))
        for visible in (problem.counts, counts)
    )
    others = np.arange(60) != first
    np.testing.assert_array_equal(clean[others], spoilt[others])
    assert np.array_equal(clean[first], spoilt[first]) == (classifier.role == "floor")


def test_a_held_out_batch_is_nowhere_in_a_fit(classifier: Baseline) -> None:
    problem = with_few_labels(test_batch="batch_2", per_class=2, validation=0.3)
    counts, held_out = problem.counts.toarray(), problem.rows(TEST)
    counts[held_out] = np.random.default_rng(1).integers(0, 10_000, (len(held_out), 20))
    spoilt = fitted(classifier, replace(problem, counts=csr_matrix(counts)))
    assert_same_bits(spoilt, fitted(classifier, problem), problem)


def test_a_cell_and_a_gene_without_counts_spoil_no_classifier(classifier: Baseline) -> None:
    problem = with_few_labels()
    counts = problem.counts.toarray()
    counts[4], counts[:, 7] = 0, 0
    assert np.isfinite(classified(classifier, replace(problem, counts=csr_matrix(counts)))).all()


@pytest.mark.parametrize("n_labels", [1, 2])
def test_one_or_two_labels_of_each_of_two_types_are_enough(
    classifier: Baseline, n_labels: int
) -> None:
    problem = with_few_labels()
    known = np.full(60, "", dtype="<U6")
    for kind in ("type_0", "type_1"):
        told = np.flatnonzero(problem.labels["known_type"] == kind)[:n_labels]
        known[told] = kind
    found = classified(classifier, replace(problem, labels={"known_type": known}))
    assert found.shape == (60, 2)
    np.testing.assert_allclose(found.sum(1), 1, rtol=1e-9)


def test_effects_are_finite_and_of_the_perturbations_asked_for(
    of_effects: Baseline, treated: Problem
) -> None:
    found = effects_of(of_effects, treated)
    assert found.shape == (len(ASKED), 20)
    assert np.isfinite(found).all()
    order = np.array([3, 0, 4, 2, 1])
    np.testing.assert_allclose(effects_of(of_effects, treated, ASKED[order]), found[order])
    np.testing.assert_allclose(effects_of(of_effects, treated, ASKED[:1]), found[:1])
    assert fitted(of_effects, treated).n_parameters >= 0


def test_effects_are_all_they_say(of_effects: Baseline, treated: Problem) -> None:
    result = fitted(of_effects, treated)
    assert result.functions.keys() == {"perturbed"} == of_effects.can
    assert readouts_of(of_effects) == EFFECT_READOUTS
    assert not result.knows_test_cells


def test_effects_are_made_of_their_generator_alone(of_effects: Baseline, treated: Problem) -> None:
    rng = np.random.default_rng(7)
    before = rng.bit_generator.state
    first = of_effects.fit(treated, of_effects.config(), rng).answer("perturbed")
    assert (rng.bit_generator.state == before) == of_effects.deterministic
    np.testing.assert_array_equal(first(ASKED), effects_of(of_effects, treated))


def test_garbage_in_scored_cells_changes_no_effect(of_effects: Baseline, treated: Problem) -> None:
    """Nor in cells to select by, nor in what either of them is compared with."""
    rng, measured = np.random.default_rng(1), treated.counts.toarray()
    others = treated.role != TRAIN
    measured[others] = rng.integers(0, 10_000, (others.sum(), 20))
    spoilt = replace(
        treated,
        counts=csr_matrix(measured),
        targets={name: rng.permutation(array) for name, array in treated.targets.items()},
        selection_targets={},
    )
    clean = effects_of(of_effects, treated)
    np.testing.assert_array_equal(effects_of(of_effects, spoilt), clean)


def test_effects_need_neither_answers_nor_truth_nor_undeclared_labels(
    of_effects: Baseline, treated: Problem
) -> None:
    labels = {"perturbation": treated.labels["perturbation"]}
    truth = {name: array for name, array in treated.truth.items() if _may_read(of_effects, name)}
    blind = replace(treated, targets={}, selection_targets={}, truth=truth, labels=labels)
    clean = effects_of(of_effects, treated)
    np.testing.assert_array_equal(effects_of(of_effects, blind), clean)


def _may_read(baseline: Baseline, truth: str) -> bool:
    return baseline.role == "ceiling" and truth.removesuffix("_effect") in {
        need.removesuffix("_effect") for need in baseline.needs
    }


def test_inputs_of_effects_are_left_alone(of_effects: Baseline, treated: Problem) -> None:
    before, truth = treated.counts.copy(), {k: v.copy() for k, v in treated.truth.items()}
    asked = ASKED.copy()
    first = effects_of(of_effects, treated, asked)
    np.testing.assert_array_equal(effects_of(of_effects, treated, asked), first)
    assert (treated.counts != before).nnz == 0
    np.testing.assert_array_equal(asked, ASKED)
    for name, array in truth.items():
        np.testing.assert_array_equal(treated.truth[name], array)


def test_a_cell_and_a_gene_without_counts_spoil_no_effect(
    of_effects: Baseline, treated: Problem
) -> None:
    counts = treated.counts.toarray()
    counts[4], counts[:, 7] = 0, 0
    spoilt = replace(treated, counts=csr_matrix(counts))
    assert np.isfinite(effects_of(of_effects, spoilt)).all()


def test_effects_are_read_out_in_the_order_of_the_scored(
    of_effects: Baseline, treated: Problem
) -> None:
    result, readout = fitted(of_effects, treated), card("readouts", "effects")
    arrays = readout.of_baseline(result, treated, readout.config(n_cells=7))
    for other in map(partial(card, "readouts"), EFFECT_READOUTS - {"effects"}):
        arrays |= other.of_baseline(result, treated, other.config())
    assert arrays["effect_perturbation"].tolist() == sorted(ASKED.tolist())
    said = effects_of(of_effects, treated, np.sort(ASKED)).astype(np.float32)
    np.testing.assert_allclose(arrays["effect"], said, rtol=1e-6)
    np.testing.assert_array_equal(arrays["effect"], arrays["effect_as_published"])
    np.testing.assert_array_equal(arrays["effect"], arrays["counterfactual_effect"])
    assert arrays["predicted_cells"].shape[:2] == (len(ASKED), 7)


def test_effects_are_the_same_of_a_problem_read_from_its_file(
    of_effects: Baseline, treated: Problem, tmp_path: Path
) -> None:
    save(treated, tmp_path / "problem.npz")
    read = load(tmp_path / "problem.npz")
    np.testing.assert_array_equal(effects_of(of_effects, read), effects_of(of_effects, treated))
