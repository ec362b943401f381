"""Truths: who is told what in the task of few labels, who is scored, and what it refuses."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from bench.catalogue import card
from bench.core.dataset import CountData
from bench.core.errors import UserError
from bench.core.problem import TEST, TRAIN, VALIDATION, Problem, for_selection, load, save
from bench.core.seeds import numpy_generator
from bench.parts.splits.seed_labels import Marker, marked, markers
from bench.planning.parameters import Checked, check, parameters_of

GENES = 30
SIZES = {"a": 100, "b": 60, "c": 40, "unknown": 20}
"""Cells of each type in the data below."""


@pytest.fixture(scope="module")
def data() -> CountData:
    """Three types with a gene each that only they express, two batches, some types unknown."""
    rng = np.random.default_rng(0)
    kinds = rng.permutation(np.repeat(list(SIZES), list(SIZES.values())))
    counts = rng.poisson(1.0, size=(len(kinds), GENES))
    for gene, kind in enumerate("abc"):
        counts[:, gene] = np.where(kinds == kind, 50, 0)
    return CountData(
        counts=csr_matrix(counts),
        cell_names=np.arange(len(kinds)).astype(str),
        gene_names=np.array([f"g{gene}" for gene in range(GENES)]),
        labels={"cell_type": kinds, "batch": rng.choice(["x", "y"], size=len(kinds))},
    )


def posed(data: CountData, **config: object) -> Problem:
    task = card("tasks", "few_labels")
    return task.problem_of(data, task.config(**config), 1, numpy_generator("test"))


def told(problem: Problem) -> NDArray[np.bool_]:
    return problem.labels["known_type"] != ""


def hidden(problem: Problem) -> NDArray[np.int64]:
    return np.setdiff1d(problem.scored_rows, np.flatnonzero(told(problem)))


def counted(kinds: NDArray) -> dict[str, int]:
    return {str(k): int(n) for k, n in zip(*np.unique(kinds, return_counts=True), strict=True)}


def test_so_many_training_cells_of_each_type_are_told_and_told_the_truth(data: CountData) -> None:
    problem, kinds = posed(data, per_class=7), data.labels["cell_type"]
    known = problem.labels["known_type"]
    assert counted(known[told(problem)]) == {"a": 7, "b": 7, "c": 7}
    np.testing.assert_array_equal(known[told(problem)], kinds[told(problem)])
    assert (problem.role[told(problem)] == TRAIN).all()


def test_or_a_share_of_each_type_and_one_at_least(data: CountData) -> None:
    known = posed(data, fraction=0.1).labels["known_type"]
    assert counted(known[known != ""]) == {"a": 9, "b": 5, "c": 4}
    known = posed(data, fraction=0.001).labels["known_type"]
    assert counted(known[known != ""]) == {"a": 1, "b": 1, "c": 1}


def test_the_types_themselves_are_handed_to_nobody(data: CountData) -> None:
    task, problem = card("tasks", "few_labels"), posed(data)
    assert set(problem.labels) == {"batch", "known_type"}
    assert task.fields(frozenset({"counts", "batch", "cell_type"})) == {
        *("counts", "batch", "known_type")
    }


def test_hidden_training_cells_are_scored_beside_the_labelled_ones(data: CountData) -> None:
    problem, kinds = posed(data), data.labels["cell_type"]
    assert not (problem.role == TEST).any()
    expected = (problem.role == TRAIN) & ~told(problem) & (kinds != "unknown")
    np.testing.assert_array_equal(hidden(problem), np.flatnonzero(expected))
    assert told(problem)[problem.scored_rows].sum() == told(problem).sum() == 30
    np.testing.assert_array_equal(problem.targets["true_type"], kinds[problem.scored_rows])


def test_validation_cells_have_their_share_of_each_type_and_are_never_judged(
    data: CountData,
) -> None:
    problem, kinds = posed(data, validation=0.2), data.labels["cell_type"]
    assert counted(kinds[problem.role == VALIDATION]) == {"a": 20, "b": 12, "c": 8}
    assert not (problem.role[problem.scored_rows] == VALIDATION).any()
    assert not told(problem)[problem.role == VALIDATION].any()


def test_a_search_sees_some_validation_cells_and_the_labelled_ones(data: CountData) -> None:
    problem, kinds = posed(data, validation=0.2, selection_per_class=10), data.labels["cell_type"]
    rows = problem.selection[~told(problem)[problem.selection]]
    assert (np.diff(problem.selection) > 0).all()
    assert (problem.role[rows] == VALIDATION).all()
    assert counted(kinds[rows]) == {"a": 10, "b": 10, "c": 8}
    assert told(problem)[problem.selection].sum() == told(problem).sum()
    seen = for_selection(problem)
    np.testing.assert_array_equal(seen.targets["true_type"], kinds[seen.scored_rows])
    assert not np.intersect1d(rows, problem.scored_rows).size


def test_with_test_cells_only_these_are_scored(data: CountData) -> None:
    problem, kinds = posed(data, test=0.2), data.labels["cell_type"]
    assert counted(kinds[problem.role == TEST]) == {"a": 20, "b": 12, "c": 8}
    np.testing.assert_array_equal(hidden(problem), problem.rows(TEST))


def test_with_a_test_batch_only_its_cells_are_scored(data: CountData) -> None:
    problem, batch = posed(data, test_batch="y"), data.labels["batch"]
    np.testing.assert_array_equal(problem.role == TEST, batch == "y")
    known = data.labels["cell_type"] != "unknown"
    np.testing.assert_array_equal(hidden(problem), np.flatnonzero((batch == "y") & known))
    assert (batch[told(problem)] == "x").all()


def test_a_type_of_the_test_batch_only_is_scored_all_the_same(data: CountData) -> None:
    kinds = data.labels["cell_type"].copy()
    kinds[data.labels["batch"] == "y"] = "a"
    kinds[np.flatnonzero(data.labels["batch"] == "y")[:3]] = "new"
    problem = posed(replace(data, labels={**data.labels, "cell_type": kinds}), test_batch="y")
    assert (problem.targets["true_type"] == "new").sum() == 3
    assert "new" not in problem.labels["known_type"]


def test_cells_of_no_known_type_are_fitted_and_nothing_else(data: CountData) -> None:
    for config in ({}, {"test": 0.2}, {"markers": MARKERS}):
        problem = posed(data, **config)
        nobody = data.labels["cell_type"] == "unknown"
        assert (problem.role[nobody] == TRAIN).all()
        assert not told(problem)[nobody].any()
        rows = np.union1d(problem.scored_rows, problem.selection)
        assert not nobody[rows].any()


def test_of_many_hidden_cells_some_are_scored(data: CountData) -> None:
    some, all_of_them = posed(data, max_scored_cells=25), posed(data)
    assert len(hidden(some)) == 25
    assert set(hidden(some)) < set(hidden(all_of_them))
    assert told(some)[some.scored_rows].sum() == 30


def test_one_option_does_not_move_what_the_others_draw(data: CountData) -> None:
    plain = posed(data)
    more, chosen, tested = (
        posed(data, **config)
        for config in ({"per_class": 20}, {"selection_per_class": 2}, {"test": 0.2})
    )
    assert set(np.flatnonzero(told(plain))) < set(np.flatnonzero(told(more)))
    np.testing.assert_array_equal(told(plain), told(chosen))
    for other in (more, chosen, tested):
        np.testing.assert_array_equal(plain.role == VALIDATION, other.role == VALIDATION)


def test_no_split_looks_at_a_count(data: CountData) -> None:
    garbage = replace(data, counts=csr_matrix(np.random.default_rng(1).poisson(9, (220, GENES))))
    plain, other = posed(data, test=0.1), posed(garbage, test=0.1)
    for name in ("role", "scored_rows", "selection"):
        np.testing.assert_array_equal(getattr(plain, name), getattr(other, name))
    np.testing.assert_array_equal(plain.labels["known_type"], other.labels["known_type"])


def test_it_is_read_as_it_was_written(data: CountData, tmp_path) -> None:
    problem = posed(data)
    save(problem, tmp_path / "problem.npz")
    again = load(tmp_path / "problem.npz")
    np.testing.assert_array_equal(again.selection, problem.selection)
    for name in ("labels", "targets", "selection_targets"):
        for key, values in getattr(problem, name).items():
            np.testing.assert_array_equal(getattr(again, name)[key], values)


# Labels that marker genes suggest

MARKERS = ("a: g0 -g1", "b: g1", "c: g2 -g0 -g1")


def test_clear_markers_tell_the_truth(data: CountData) -> None:
    problem = posed(data, markers=MARKERS, per_class=6)
    known = problem.labels["known_type"]
    assert counted(known[known != ""]) == {"a": 6, "b": 6, "c": 6}
    np.testing.assert_array_equal(known[known != ""], data.labels["cell_type"][known != ""])
    assert (problem.role[told(problem)] == TRAIN).all()


def test_wrong_markers_tell_what_is_wrong_and_the_truth_stays_the_truth(data: CountData) -> None:
    problem = posed(data, markers=("a: g1", "b: g0", "c: g2"), per_class=6)
    labelled = np.flatnonzero(problem.labels["known_type"] == "a")
    assert (data.labels["cell_type"][labelled] == "b").all()
    np.testing.assert_array_equal(
        problem.targets["true_type"], data.labels["cell_type"][problem.scored_rows]
    )


def test_scores_are_signed_sums_of_standardised_log_counts() -> None:
    rng = np.random.default_rng(3)
    counts, names = rng.poisson(3.0, size=(50, 6)), np.array(list("uvwxyz"))
    counts[:, 5] = 0
    logs = np.log1p(10_000 * counts / counts.sum(1, keepdims=True))
    scaled = (logs - logs.mean(0)) / np.maximum(logs.std(0), 1e-9)
    best = np.argsort(-(scaled[:, 0] - scaled[:, 2] + scaled[:, 5]))[:4]
    said = marked([Marker("t", tuple("uwz"), (1.0, -1.0, 1.0))], csr_matrix(counts), names, 4)
    np.testing.assert_array_equal(np.flatnonzero(said == "t"), np.sort(best))


def test_a_cell_that_two_classes_claim_goes_to_the_one_named_last() -> None:
    counts = csr_matrix([[9, 9, 5], [5, 1, 9], [1, 5, 9], [1, 1, 9]])
    genes = np.array(["u", "v", "w"])
    for order in (("s: u", "t: v"), ("t: v", "s: u")):
        said = marked(markers(order), counts, genes, 2)
        assert said[0] == order[1][0]
        assert (said != "").sum() == 3


def test_a_class_that_is_overruled_everywhere_is_refused() -> None:
    counts = csr_matrix([[9, 5], [1, 9]])
    with pytest.raises(UserError, match="named later"):
        marked(markers(["s: u", "t: u"]), counts, np.array(["u", "v"]), 1)


def test_counts_of_cells_that_are_never_told_choose_no_other(data: CountData) -> None:
    """Markers look at training cells only, one by one and in their means."""
    clean = posed(data, markers=MARKERS, test=0.2)
    counts = data.counts.toarray()
    counts[clean.role != TRAIN] = np.random.default_rng(0).poisson(99, counts.shape)[
        clean.role != TRAIN
    ]
    dirty = posed(replace(data, counts=csr_matrix(counts)), markers=MARKERS, test=0.2)
    np.testing.assert_array_equal(clean.labels["known_type"], dirty.labels["known_type"])


def test_a_class_may_have_a_colon_in_its_name() -> None:
    assert markers(["CL:0000623: NKG7 -CD3D"]) == (
        Marker("CL:0000623", ("NKG7", "CD3D"), (1.0, -1.0)),
    )


def test_all_that_is_wrong_with_markers_is_said_at_once(data: CountData) -> None:
    with pytest.raises(UserError) as refusal:
        posed(data, markers=("a: g00 -g1", "bb: g1 nothing"))
    said = [str(finding) for finding in refusal.value.findings]
    assert "did you mean g0" in said[0]
    assert "nothing" in said[1]
    assert "there are 30 genes" in said[1]
    assert "bb" in said[2]
    assert "did you mean b?" in said[2]
    assert [("'b'" in one, "'c'" in one) for one in said[3:]] == [(True, False), (False, True)]


@pytest.mark.parametrize("items", [["a g0"], ["a: "], [": g0"], ["a: g0 -"], ["a: g0", "a: g1"]])
def test_markers_that_cannot_be_read_are_refused_with_the_study(items: list[str]) -> None:
    found = check(card("tasks", "few_labels").config, {"markers": items}, "tasks.few_labels")
    assert isinstance(found, list)
    assert "markers" in str(found[0])


# What is refused


def test_markers_are_one_value_in_a_study() -> None:
    config = card("tasks", "few_labels").config
    assert parameters_of(config)["markers"].is_list
    checked = check(config, {"markers": list(MARKERS)}, "here")
    assert isinstance(checked, Checked)
    assert checked.values["markers"] == list(MARKERS)


def test_parameters_that_exclude_each_other_are_refused_with_the_study() -> None:
    config = card("tasks", "few_labels").config
    given = {"markers": list(MARKERS), "fraction": 0.1, "test": 0.1, "test_batch": "x"}
    found = check(config, given, "tasks.few_labels")
    assert isinstance(found, list)
    assert len(found) == 2


@pytest.mark.parametrize(
    ("config", "kinds"),
    [
        ({"per_class": 40}, ["c"]),
        ({"per_class": 60}, ["b", "c"]),
        ({"per_class": 40, "test_batch": "y"}, ["b", "c"]),
    ],
)
def test_all_types_with_too_few_cells_are_named_at_once(
    data: CountData, config: dict[str, float], kinds: list[str]
) -> None:
    with pytest.raises(UserError, match="per_class") as refusal:
        posed(data, **config)
    named = {finding.place.removeprefix("cell_type ") for finding in refusal.value.findings}
    assert named == set(kinds)


@pytest.mark.parametrize("part", ["validation", "test"])
def test_a_part_of_one_cell_leaves_two_types_without(data: CountData, part: str) -> None:
    with pytest.raises(UserError, match="it needs") as refusal:
        posed(data, **{part: 0.005})
    assert len(refusal.value.findings) == 2


def test_a_single_cell_of_a_type_is_refused_whatever_its_role(data: CountData) -> None:
    for row in range(6):
        kinds = data.labels["cell_type"].copy()
        kinds[row] = "only"
        with pytest.raises(UserError, match="only"):
            posed(replace(data, labels={**data.labels, "cell_type": kinds}), validation=0.4)


def test_an_unknown_batch_is_answered_with_those_there_are(data: CountData) -> None:
    with pytest.raises(UserError, match="there are: x, y"):
        posed(data, test_batch="z")
    with pytest.raises(UserError, match="no batches"):
        posed(replace(data, labels={"cell_type": data.labels["cell_type"]}), test_batch="x")


def test_nothing_to_tell_apart_and_nothing_to_score_are_refused(data: CountData) -> None:
    kinds, batch = data.labels["cell_type"].copy(), data.labels["batch"]
    with pytest.raises(UserError, match="fewer than two types"):
        posed(replace(data, labels={"cell_type": np.full(len(kinds), "a")}))
    kinds[batch == "y"] = "unknown"
    with pytest.raises(UserError, match="nothing to score"):
        posed(replace(data, labels={"cell_type": kinds, "batch": batch}), test_batch="y")
