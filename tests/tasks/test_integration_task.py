"""Truths: what the task of integration hands out, and what it refuses."""

from dataclasses import replace

import numpy as np
import pytest

from bench.catalogue import card, names
from bench.core.dataset import CountData
from bench.core.errors import UserError
from bench.core.problem import TEST, Problem
from bench.core.seeds import numpy_generator


@pytest.fixture(scope="module")
def data() -> CountData:
    dataset = card("data", "batched_gamma_poisson")
    return dataset.load(dataset.config(n_cells=150, n_genes=40), {})


def posed(data: CountData, **config: int) -> Problem:
    task = card("tasks", "integration")
    return task.problem_of(data, task.config(**config), 1, numpy_generator("test"))


def test_every_cell_is_fitted_and_scored(data: CountData) -> None:
    problem = posed(data)
    assert not (problem.role == TEST).any()
    np.testing.assert_array_equal(problem.scored_rows, np.arange(150))
    assert (problem.counts != data.counts).nnz == 0
    assert problem.masked is None


def test_of_many_cells_some_are_scored(data: CountData) -> None:
    problem = posed(data, max_scored_cells=60)
    whole = posed(data)
    assert len(problem.scored_rows) == 60
    np.testing.assert_array_equal(
        problem.targets["uncorrected"], whole.targets["uncorrected"][problem.scored_rows]
    )


def test_what_is_compared_with_has_as_many_components_as_asked(data: CountData) -> None:
    assert posed(data, n_components=7).targets["uncorrected"].shape == (150, 7)
    assert posed(data).targets["uncorrected"].shape == (150, 39)


def test_nothing_to_mix_or_to_keep_apart_is_refused_at_once(data: CountData) -> None:
    one = np.full(150, "same")
    with pytest.raises(UserError) as refusal:
        posed(replace(data, labels={"batch": one, "cell_type": one}))
    assert [finding.place for finding in refusal.value.findings] == ["batch", "cell_type"]


def test_only_this_task_asks_those_who_embed_nothing_new() -> None:
    """Methods that cannot embed an unseen cell never meet one that was held back."""
    showing = [name for name in names("tasks") if "all_cells" in card("tasks", name).adds]
    assert showing == ["integration"]
