"""Contracts over every file on the shelf of tasks."""

from dataclasses import is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.catalogue import card, names
from bench.core.dataset import CountData
from bench.core.problem import TEST, TRAIN, UNUSED, VALIDATION, Problem, for_selection, load, save
from bench.core.seeds import numpy_generator
from bench.data import gamma_poisson

N_CELLS, N_GENES = 80, 15


def simulated(**truth: Any) -> CountData:
    """Counts with every label, and of the truth only rate, mean and noise unless told."""
    config = gamma_poisson.GammaPoissonConfig(n_cells=N_CELLS, n_genes=N_GENES, seed=3)
    data = gamma_poisson.load(config, {})
    kinds = np.array(["a", "b", "c", "d"])[np.arange(N_CELLS) % 4]
    kept = {name: data.truth[name] for name in ("rate", "mean", "inverse_dispersion")}
    labels = dict.fromkeys(("batch", "cell_type"), kinds)
    labels["perturbation"] = GIVEN[np.arange(N_CELLS) % len(GIVEN)]
    return replace(data, labels=labels, truth=kept | truth)


GIVEN = np.array(["A", "A+B", "A+C", "B", "B+C", "C", "D", "control"])
SMALL = {
    "held_out_cells": {"stratify_by": "perturbation", "validation": 0.2},
    "unseen_perturbations": {"test_fraction": 0.5},
}
"""Parameters of the tasks whose own do not suit eighty cells and four treatments."""


def posed(name: str, data: CountData, split: int = 1) -> Problem:
    task, config = card("tasks", name), SMALL.get(name, {})
    return task.problem_of(data, task.config(**config), split, numpy_generator("test", name, split))


def assert_same_to_fit(one: Problem, other: Problem) -> None:
    """What fitting and encoding see is the same to the last bit."""
    for name in ("role", "scored_rows"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    for name in ("counts", "masked"):
        mine, theirs = getattr(one, name), getattr(other, name)
        assert (mine is None) == (theirs is None)
        if mine is not None:
            for part in ("data", "indices", "indptr"):
                np.testing.assert_array_equal(getattr(mine, part), getattr(theirs, part))


def every_task() -> list[str]:
    return names("tasks")


@pytest.mark.parametrize("name", every_task())
def test_a_card_says_what_it_is(name: str) -> None:
    task = card("tasks", name)
    assert task.label
    assert task.reference
    assert task.needs & {"counts", "perturbation"}
    assert task.readouts
    assert is_dataclass(task.config)
    assert task.config.__dataclass_params__.frozen


@pytest.mark.parametrize("name", every_task())
def test_a_problem_is_whole(name: str) -> None:
    data = simulated()
    problem = posed(name, data)
    assert problem.role.shape == (N_CELLS,)
    assert set(problem.role) <= {TRAIN, VALIDATION, TEST, UNUSED}
    assert UNUSED not in problem.role[np.union1d(problem.scored_rows, problem.selection)]
    assert len(problem.rows(TRAIN)) > 0
    assert len(problem.rows(VALIDATION)) > 0
    assert problem.counts.shape == data.counts.shape
    assert problem.counts.dtype.kind == "i"
    assert (problem.counts > data.counts).nnz == 0
    assert np.all(np.diff(problem.scored_rows) > 0)
    assert problem.scored_rows[0] >= 0
    assert problem.scored_rows[-1] < N_CELLS
    told = card("tasks", name).fields(frozenset(data.labels))
    assert problem.labels.keys() == told - {"duplicate", "all_cells"}
    known = {"rate", "mean", "inverse_dispersion"}
    assert set(problem.truth) == known | ({"duplicate_effect"} & {f"{t}_effect" for t in told})


@pytest.mark.parametrize("name", every_task())
def test_answers_are_those_of_the_card(name: str) -> None:
    problem = posed(name, simulated())
    assert set(problem.targets) == card("tasks", name).targets
    demanded = "observed" in card("tasks", name).must_read
    assert demanded == (problem.masked is not None)


@pytest.mark.parametrize("name", every_task())
def test_what_a_search_selects_by_is_never_judged(name: str) -> None:
    problem = posed(name, simulated())
    assert (len(problem.selection) > 0) == card("tasks", name).selects
    if not len(problem.selection):
        with pytest.raises(ValueError, match="no cells"):
            for_selection(problem)
        return
    told = np.flatnonzero(problem.labels.get("known_type", np.full(N_CELLS, "")) != "")
    selected_by = np.setdiff1d(problem.selection, told)
    assert len(selected_by)
    assert not np.isin(selected_by, problem.scored_rows).any()
    assert TEST not in problem.role[problem.selection]
    assert np.all(np.diff(problem.selection) > 0)
    seen = for_selection(problem)
    assert seen.scored_rows is problem.selection
    assert seen.targets.keys() == problem.targets.keys()
    for key, values in problem.targets.items():
        for one, of in ((problem, values), (seen, seen.targets[key])):
            assert of.shape == expected_shape(key, one)


def expected_shape(key: str, problem: Problem) -> tuple[int, ...]:
    """The shape of an answer, from what its first axis counts."""
    given = problem.labels["perturbation"][problem.scored_rows]
    n_treated, n_given = int((given != "control").sum()), len(set(given) - {"control"})
    by_gene, by_pair = (N_GENES,), (n_given, N_GENES)
    known = {
        **dict.fromkeys(("library", "true_type"), (len(problem.scored_rows),)),
        **dict.fromkeys(("gene_variance", "gene_zero_fraction", "mean_training_effect"), by_gene),
        **dict.fromkeys(("data_effect", "data_effect_as_published", "target_gene"), by_pair),
        "perturbation_names": (n_given,),
        "observed_cells": (n_treated, N_GENES),
        "observed_perturbation": (n_treated,),
    }
    return known[key]


@pytest.mark.parametrize("name", every_task())
def test_missing_entries_are_zero_and_kept_as_true(name: str) -> None:
    problem = posed(name, simulated())
    if problem.masked is not None:
        assert problem.masked.dtype == bool
        assert problem.masked.data.all()
        assert problem.counts.multiply(problem.masked).nnz == 0


@pytest.mark.parametrize("name", every_task())
def test_a_split_is_made_of_its_generator_alone(name: str) -> None:
    data = simulated()
    assert_same_to_fit(posed(name, data), posed(name, data))
    one, other = posed(name, data, split=1), posed(name, data, split=2)
    assert np.any(one.role != other.role)


@pytest.mark.parametrize("name", every_task())
def test_garbage_in_the_truth_reaches_nobody(name: str) -> None:
    data = simulated(second_draw=np.full((N_CELLS, N_GENES), 7))
    garbage = {field: values * 0 + 99 for field, values in data.truth.items()}
    assert "second_draw" not in posed(name, data).truth
    for split in (1, 2):
        assert_same_to_fit(
            posed(name, data, split), posed(name, replace(data, truth=garbage), split)
        )


@pytest.mark.parametrize("name", every_task())
def test_a_problem_survives_its_file(name: str, tmp_path: Path) -> None:
    problem = posed(name, simulated())
    save(problem, tmp_path / "problem.npz")
    back = load(tmp_path / "problem.npz")
    assert_same_to_fit(problem, back)
    assert back.exposure == problem.exposure
    for part in ("labels", "targets", "truth"):
        mine, theirs = getattr(problem, part), getattr(back, part)
        assert mine.keys() == theirs.keys()
        for key in mine:
            np.testing.assert_array_equal(mine[key], theirs[key])


@pytest.mark.parametrize("name", every_task())
def test_the_data_are_left_as_they_were(name: str) -> None:
    data, untouched = simulated(), simulated()
    posed(name, data)
    np.testing.assert_array_equal(data.counts.data, untouched.counts.data)
    np.testing.assert_array_equal(data.counts.indices, untouched.counts.indices)
