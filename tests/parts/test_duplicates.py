"""Truths: copies of cells are found, counted, and on one side of every split."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_matrix, vstack

from bench.catalogue import card, names
from bench.core.dataset import CONTROL, UNKNOWN, CountData
from bench.core.problem import TEST, TRAIN, VALIDATION, Problem
from bench.core.seeds import numpy_generator
from bench.parts.splits.cell_splits import ranks, roles
from bench.parts.splits.duplicates import copy_groups, first_of, n_copied
from bench.parts.splits.remarks import remarks

PUBLISHED = [name for name in names("tasks") if name.endswith("as_published")]
"""Splits that are drawn as a paper drew them, cell by cell."""

PARAMETERS = {
    "few_labels": {"per_class": 3},
    "held_out_cells": {"stratify_by": "perturbation"},
    "unseen_combinations": {"test_fraction": 0.5, "train_fraction": 0.25},
    "unseen_perturbations": {"test_fraction": 0.5},
}


@pytest.fixture(scope="module")
def doubled() -> CountData:
    """400 cells, the second half copies of the first."""
    rng = np.random.default_rng(0)
    counts = csr_matrix(rng.poisson(3, (200, 30)))
    treated = np.array([CONTROL, "A", "B", "C", "D", "A+B", "C+D", "A+D", "B+C"])
    treated = treated[np.arange(200) % len(treated)]
    labels = {
        "batch": np.array(["x", "y"])[np.arange(200) % 2],
        "cell_type": np.array(["s", "t"])[(np.arange(200) // 2) % 2],
        "perturbation": treated,
    }
    return CountData(
        counts=vstack([counts, counts]).tocsr(),
        cell_names=np.array([f"c{n}" for n in range(400)]),
        gene_names=np.array([f"g{n}" for n in range(30)]),
        labels={name: np.tile(values, 2) for name, values in labels.items()},
    )


def posed(data: CountData, name: str) -> Problem:
    task = card("tasks", name)
    config = task.config(**PARAMETERS.get(name, {}))
    return task.problem_of(data, config, 1, numpy_generator("test", name))


def test_copies_have_the_group_of_the_first(doubled: CountData) -> None:
    groups = copy_groups(doubled)
    np.testing.assert_array_equal(groups, np.tile(np.arange(200), 2))
    assert n_copied(groups) == 200
    order = np.random.default_rng(0).permutation(400)
    shuffled = replace(
        doubled,
        counts=doubled.counts[order],
        labels={name: values[order] for name, values in doubled.labels.items()},
    )
    pairs = copy_groups(shuffled)
    for group in np.unique(pairs):
        rows = order[pairs == group]
        assert len(rows) == 2
        assert rows[0] % 200 == rows[1] % 200


def test_rows_of_few_genes_and_of_two_perturbations_are_no_copies(doubled: CountData) -> None:
    sparse = replace(doubled, counts=csr_matrix((400, 30), dtype=np.int64))
    assert n_copied(copy_groups(sparse)) == 0
    other = np.where(np.arange(400) < 200, "A", CONTROL)
    apart = replace(doubled, labels=doubled.labels | {"perturbation": other})
    assert n_copied(copy_groups(apart)) == 0


def test_splits_of_cells_without_copies_are_those_without_groups() -> None:
    strata, groups = np.array(["a", "b", "c"])[np.arange(90) % 3], np.arange(90)
    shares = {"test": 0.2, "validation": 0.1}
    pairs = [
        [roles(90, shares, numpy_generator("t"), strata, one) for one in (None, groups)],
        [ranks(strata, numpy_generator("t"), one) for one in (None, groups)],
    ]
    for without, with_groups in pairs:
        np.testing.assert_array_equal(without, with_groups)
    np.testing.assert_array_equal(first_of(groups), groups)


@pytest.mark.parametrize("name", sorted(set(names("tasks")) - set(PUBLISHED)))
def test_no_task_tears_copies_apart(doubled: CountData, name: str) -> None:
    problem, groups = posed(doubled, name), copy_groups(doubled)
    fitted = np.isin(problem.role, (TRAIN, VALIDATION))
    for one, others in ((TEST, fitted), (VALIDATION, problem.role == TRAIN)):
        assert not np.intersect1d(groups[problem.role == one], groups[others]).size
    if problem.masked is not None:
        assert (problem.masked[:200] != problem.masked[200:]).nnz == 0


def test_no_copy_of_a_labelled_cell_is_scored(doubled: CountData) -> None:
    problem, groups = posed(doubled, "few_labels"), copy_groups(doubled)
    known = problem.labels["known_type"] != ""
    hidden = problem.scored_rows[~known[problem.scored_rows]]
    assert len(hidden)
    assert not np.isin(groups[hidden], groups[known]).any()


def test_a_cell_without_a_type_is_not_fitted_beside_its_copy_in_the_test(
    doubled: CountData,
) -> None:
    kinds = np.where(np.arange(400) < 200, doubled.labels["cell_type"], UNKNOWN)
    data = replace(doubled, labels=doubled.labels | {"cell_type": kinds})
    task = card("tasks", "few_labels")
    problem = task.problem_of(data, task.config(per_class=3, test=0.3), 1, numpy_generator("test"))
    groups = copy_groups(data)
    fitted = np.isin(problem.role, (TRAIN, VALIDATION))
    assert not np.intersect1d(groups[problem.role == TEST], groups[fitted]).size


def test_copies_are_counted_and_said(doubled: CountData) -> None:
    [said] = remarks(doubled, posed(doubled, "held_out_cells"))
    assert said.startswith("200 of 400 cells are copies of another cell (equal counts); no test")
    single = replace(
        doubled,
        counts=doubled.counts[:200],
        cell_names=doubled.cell_names[:200],
        labels={name: values[:200] for name, values in doubled.labels.items()},
    )
    assert remarks(single, posed(single, "held_out_cells")) == []


def test_copies_across_a_published_split_are_said(doubled: CountData) -> None:
    [said] = remarks(doubled, posed(doubled, "few_combination_cells_as_published"))
    assert "test cells have a copy that is fitted" in said


def test_batches_without_training_cells_or_spread_are_said() -> None:
    rng = np.random.default_rng(0)
    well = np.repeat([f"well {n:02}" for n in range(60)], 2)
    depth = np.repeat(rng.integers(200, 400, 60), 2)
    data = CountData(
        counts=csr_matrix(np.array([rng.multinomial(d, np.full(30, 1 / 30)) for d in depth])),
        cell_names=np.array([f"c{n}" for n in range(120)]),
        gene_names=np.array([f"g{n}" for n in range(30)]),
        labels={"batch": well},
    )
    task = card("tasks", "held_out_cells")
    problem = task.problem_of(data, task.config(), 1, numpy_generator("test"))
    train = well[problem.role == TRAIN]
    n_without = 60 - len(np.unique(train))
    n_alike = int((np.unique(train, return_counts=True)[1] == 2).sum())
    few, without, alike = remarks(data, problem)
    assert "batches have fewer than 10 scored cells" in few
    assert without.startswith(f"{n_without} of 60 batches have no training cells")
    assert alike.startswith(f"in {n_alike} of 60 batches all training cells have the same library")
    assert alike.endswith(f"and {n_alike - 10} more")
