"""Truths: what metrics of effects and ceilings are told, in every task that asks for effects."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from bench.catalogue import card, names
from bench.core.dataset import CountData
from bench.core.errors import UserError
from bench.core.problem import TEST, TRAIN, VALIDATION, Problem, for_selection
from bench.parts.splits.perturbation_splits import EFFECT_TARGETS
from bench.parts.splits.published_splits import PUBLISHED
from tests.tasks.perturbed_cells import N_GENES, SIZES, cells, given, log_effects, posed

PARAMETERS = {"held_out_cells": {"stratify_by": "perturbation"}}
ASKED = [name for name in names("tasks") if "effects" in card("tasks", name).readouts]
SOUND = [name for name in ASKED if not name.endswith("_as_published")]


def problem_of(task: str, data: CountData) -> Problem:
    return posed(task, data, **PARAMETERS.get(task, {}))


def names_of(problem: Problem) -> list[str]:
    return sorted(set(problem.labels["perturbation"][problem.scored_rows]) - {"control"})


@pytest.mark.parametrize("task", ASKED)
def test_there_are_answers_to_all_that_is_asked(task: str) -> None:
    problem = problem_of(task, cells())
    for seen in (problem, for_selection(problem)):
        assert set(seen.targets) == card("tasks", task).targets >= EFFECT_TARGETS
        assert seen.targets["perturbation_names"].tolist() == names_of(seen)


@pytest.mark.parametrize("task", SOUND)
def test_effects_are_those_among_the_scored_cells(task: str) -> None:
    data, problem = cells(), problem_of(task, cells())
    for seen in (problem, for_selection(problem)):
        expected = log_effects(data, seen.scored_rows, names_of(seen))
        np.testing.assert_allclose(seen.targets["data_effect"], expected, atol=1e-9)
        assert PUBLISHED not in seen.targets


@pytest.mark.parametrize("task", sorted(set(ASKED) - set(SOUND)))
def test_published_effects_are_those_among_all_cells_and_in_published_tasks_alone(
    task: str,
) -> None:
    data, problem = cells(), problem_of(task, cells())
    for seen in (problem, for_selection(problem)):
        everywhere = log_effects(data, np.arange(len(seen.role)), names_of(seen))
        np.testing.assert_allclose(seen.targets[PUBLISHED], everywhere, atol=1e-9)


@pytest.mark.parametrize("task", ASKED)
def test_the_mean_training_effect_is_that_of_training_perturbations(task: str) -> None:
    data, problem = cells(), problem_of(task, cells())
    trained = sorted(set(given(problem, TRAIN)) - {"control"})
    expected = log_effects(data, problem.rows(TRAIN), trained).mean(0)
    for answers in (problem.targets, problem.selection_targets):
        np.testing.assert_allclose(answers["mean_training_effect"], expected, atol=1e-9)


@pytest.mark.parametrize("task", ASKED)
def test_a_gene_that_is_a_treatment_is_the_target_of_all_it_is_part_of(task: str) -> None:
    problem = problem_of(task, cells())
    for row, name in enumerate(names_of(problem)):
        expected = [gene in name.split("+") for gene in cells().gene_names]
        assert problem.targets["target_gene"][row].tolist() == expected


@pytest.mark.parametrize("task", ASKED)
def test_a_ceiling_knows_other_cells_and_training_controls(task: str) -> None:
    data, problem = cells(), problem_of(task, cells())
    told = "duplicate" in card("tasks", task).adds
    assert told == ("duplicate_effect" in problem.truth) == (task != "held_out_cells")
    if not told:
        return
    scored, label = np.isin(np.arange(len(problem.role)), problem.scored_rows), data.labels
    known = ~scored if task != "seen_perturbations" else problem.role == TRAIN
    control = label["perturbation"] == "control"
    rows = np.flatnonzero(known & (~control | (problem.role == TRAIN)))
    expected = log_effects(data, rows, names_of(problem))
    np.testing.assert_allclose(problem.truth["duplicate_effect"], expected, atol=1e-9)


@pytest.mark.parametrize("task", ASKED)
def test_true_effects_are_those_of_the_scored_perturbations(task: str) -> None:
    every = sorted(set(SIZES) - {"control"})
    truth = {"true_effect": np.arange(len(every))[:, None] + np.zeros(N_GENES)}
    problem = problem_of(task, replace(cells(), truth=truth))
    found = problem.truth["true_effect"][:, 0]
    assert [every[int(place)] for place in found] == names_of(problem)


@pytest.mark.parametrize("task", ASKED)
def test_latents_of_a_simulation_are_those_of_the_scored_cells(task: str) -> None:
    n_cells = sum(SIZES.values())
    truth = {"true_latent": np.arange(n_cells)[:, None], "true_mask": np.ones((3, 2), dtype=bool)}
    problem = problem_of(task, replace(cells(), truth=truth))
    for seen in (problem, for_selection(problem)):
        np.testing.assert_array_equal(seen.targets["true_latent"][:, 0], seen.scored_rows)
        np.testing.assert_array_equal(seen.targets["true_mask"], truth["true_mask"])


@pytest.mark.parametrize("task", [one for one in SOUND if one != "held_out_cells"])
def test_real_numbers_are_posed_as_they_are(task: str) -> None:
    """Effects of values are differences of means; nothing is scaled or taken a logarithm of."""
    values = np.random.default_rng(4).normal(size=(sum(SIZES.values()), N_GENES))
    problem = problem_of(task, replace(cells(), counts=csr_matrix(values), measured="values"))
    assert problem.measured == "values"
    label, y = problem.labels["perturbation"][problem.scored_rows], values[problem.scored_rows]
    control = y[label == "control"].mean(0)
    expected = [y[label == name].mean(0) - control for name in names_of(problem)]
    np.testing.assert_allclose(problem.targets["data_effect"], expected, atol=1e-6)


def test_every_perturbation_needs_cells_of_every_part_to_be_seen() -> None:
    with pytest.raises(UserError, match="seen perturbations cannot use") as refusal:
        posed("seen_perturbations", cells(SIZES | {"A": 1, "D+E": 2}))
    named = {finding.place for finding in refusal.value.findings}
    assert named == {"perturbation A", "perturbation D+E"}
    without = {name: n for name, n in SIZES.items() if name != "control"}
    with pytest.raises(UserError, match="control cells is 0: expected at least 3"):
        posed("seen_perturbations", cells(without))


def test_held_out_cells_without_controls_say_what_to_do() -> None:
    few = cells(SIZES | {"control": 3})
    with pytest.raises(UserError, match="stratify_by: perturbation") as refusal:
        posed("held_out_cells", few)
    assert {one.place for one in refusal.value.findings} <= {"test cells", "validation cells"}
    assert "none of them control" in str(refusal.value)


def test_held_out_cells_that_nobody_perturbed_are_asked_nothing_new() -> None:
    problem = posed("held_out_cells", replace(cells(), labels={}))
    assert set(problem.targets) == {"library", "gene_variance", "gene_zero_fraction"}
    assert problem.targets.keys() == problem.selection_targets.keys()
    assert set(problem.role) == {TRAIN, VALIDATION, TEST}
