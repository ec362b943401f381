"""Truths about searches: what a study may ask for, what is proposed, what a selection rests on."""

import json
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from bench.__main__ import main
from bench.core.dataset import CountData
from bench.core.errors import UserError
from bench.core.files import read_json
from bench.core.problem import TEST, Problem
from bench.jobs.gather import search_table
from bench.jobs.propose import propose
from bench.jobs.read_out_trial import read_out_trial
from bench.jobs.score import score
from bench.jobs.select_trial import select_trial
from bench.jobs.train import train
from bench.planning.plan import make_plan
from bench.planning.plan_record import Plan
from bench.planning.search import trials
from bench.planning.search.outcomes import Outcome, best, outcome, table
from bench.planning.search.proposals import DRAWN, settings
from bench.planning.search.validation import values_of
from bench.planning.study import Study, from_config
from bench.results.keys import read_out_params, score_params, train_params
from bench.results.layout import READOUTS, SCORES, STATUS
from bench.results.records import write_record
from tests import written
from tests.conftest import SMALL, posed

SPACE = {
    "n_latent": {"low": 2, "high": 20, "log": False, "whole": True},
    "learning_rate": {"low": 1e-4, "high": 1e-2, "log": True, "whole": False},
    "encoder_input": {"choices": ["raw", "log1p"]},
}
GOOD: dict[str, Any] = {
    "variant": "nbvae",
    "metric": "iwelbo",
    "trials": 10,
    "learning_rate": {"low": "1e-4", "high": 1e-2, "log": True},
    "n_latent": {"low": 2, "high": 20},
    "encoder_input": ["raw", "log1p"],
    "n_hidden": 8,
}


def plain(**changes: Any) -> dict[str, Any]:
    return {
        "seeds": 2,
        "datasets": ["gamma_poisson", "batched_gamma_poisson"],
        "tasks": ["held_out_cells"],
        "search": {"tuned": GOOD},
    } | changes


def study(**changes: Any) -> Study:
    return from_config(plain(**changes), "mine")


def told(search: Any, **changes: Any) -> list[str]:
    return [str(finding) for finding in study(search=search, **changes).findings]


def plan(**changes: Any) -> Plan:
    return make_plan(study(**changes))


def refusal(**changes: Any) -> list[str]:
    with pytest.raises(UserError) as caught:
        plan(**changes)
    return [str(finding) for finding in caught.value.findings]


def test_ranges_and_lists_are_searched_and_the_rest_is_fixed() -> None:
    [search] = study().searches
    assert search.space == SPACE
    assert (search.trials, search.per_round, search.metric) == (10, 4, "iwelbo")
    assert search.entry.values["n_hidden"] == 8


def test_training_holds_for_a_search_that_does_not_say_otherwise() -> None:
    [search] = study(training={"patience": 3, "n_samples": [1, 5], "learning_rate": 0.5}).searches
    assert search.entry.training["patience"] == 3
    assert search.space == SPACE | {"n_samples": {"choices": [1, 5]}}


def test_a_resolved_search_resolves_to_itself() -> None:
    first = study()
    again = from_config(json.loads(json.dumps(first.resolved())), "mine")
    assert not again.findings
    assert again.resolved() == first.resolved()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"n_latnet": 3}, "n_latnet: unknown; did you mean n_latent?"),
        ({"trails": 3}, "trails: unknown; did you mean trials?"),
        ({"trials": 0}, "trials is 0: expected a whole number ≥ 1"),
        ({"per_round": 0}, "per_round is 0"),
        ({"metric": "iwelboo"}, "metric is 'iwelboo': nothing on this shelf has that name; did"),
        ({"metric": 3}, "metric is '3': nothing on this shelf"),
        ({"variant": "nbva"}, "variant is 'nbva': nothing on this shelf has that name; did"),
        ({"variant": ["nbvae", "pvae"]}, "expected one variant; write one search for"),
        ({"n_hidden": -1}, "n_hidden is -1: expected a whole number > 0"),
        ({"n_latent": {"low": 5, "high": 5}}, "n_latent.low is 5: expected a value below"),
        ({"n_latent": {"low": 0, "high": 5}}, "n_latent is 0: expected a whole number > 0"),
        ({"n_latent": {"low": 2, "high": 2.5}}, "n_latent is 2.5: expected a whole number > 0"),
        ({"lr_decay": {"low": 0.5, "high": 2}}, "lr_decay is 2.0: expected a number > 0 and ≤ 1"),
        ({"n_latent": {"low": 5}}, "n_latent.high: missing; expected a number"),
        ({"n_latent": {"low": 2, "high": 5, "lgo": 1}}, "n_latent.lgo: unknown; did you mean lo"),
        ({"n_latent": {"low": 2, "high": 5, "log": 1}}, "n_latent.log is 1: expected true or"),
        ({"n_latent": {"low": 2, "high": "x"}}, "n_latent.high is 'x': expected a number"),
        ({"weight_decay": {"low": 0, "high": 1, "log": True}}, "more than 0 because log is true"),
        (
            {"encoder_input": {"low": 1, "high": 2}},
            "only a number can have a range; expected one of",
        ),
        ({"batch_norm": {"low": 0, "high": 1}}, "only a number can have a range; expected true"),
        ({"encoder_input": ["raw", "row"]}, "encoder_input is 'row': expected one of raw, log1p"),
        ({"encoder_input": ["raw"]}, "expected two or more choices"),
        ({"encoder_input": ["raw", "raw"]}, "encoder_input is 'raw': duplicate choice"),
    ],
)
def test_a_mistake_is_told_with_place_and_help(change: dict[str, Any], words: str) -> None:
    [line] = told({"tuned": GOOD | change})
    assert line.startswith("search.tuned")
    assert words in line


def test_all_mistakes_are_told_at_once() -> None:
    wrong = {"metric": "iwelboo", "trials": 0, "n_latnet": 1, "n_latent": {"low": 9, "high": 3}}
    lines = told({"a": GOOD | wrong, "b": GOOD | {"n_hidden": 0}, "c d": GOOD, "e": 3})
    assert [line.split(" ")[0].rstrip(":") for line in lines] == [
        "search.a.metric",
        "search.a.trials",
        "search.a.n_latnet",
        "search.a.n_latent.low",
        "search.b.n_hidden",
        "search.c",
        "search.e",
    ]


def test_what_leaves_nothing_to_search_is_told() -> None:
    fixed = {"variant": "nbvae", "metric": "iwelbo", "trials": 3, "n_latent": 2}
    [line] = told({"tuned": fixed})
    assert "nothing to search" in line
    [line] = told({"tuned": fixed | {"n_latent": [2, 3], "trials": 5}})
    assert "the search space has only 2 settings" in line
    assert not told({"tuned": fixed | {"n_latent": {"low": 2, "high": 4}}})


def test_labels_are_apart_from_those_of_runs() -> None:
    [line] = told({"tuned": GOOD}, runs={"Tuned": {"variant": "pvae"}})
    assert "search.tuned is 'tuned': duplicate label, also used by runs.Tuned" in line
    [line] = told({"tuned": GOOD}, runs={"tuned.trial-07": {"variant": "pvae"}})
    assert "trials of search.tuned have such names" in line
    [line] = told({"x" * 75: GOOD})
    assert "at most 80 letters" in line


def test_a_search_is_enough_of_a_study() -> None:
    made = plan()
    assert not made.runs
    assert [(row["search"], row["dataset"]) for row in made.searches] == [
        ("tuned", "gamma_poisson"),
        ("tuned", "batched_gamma_poisson"),
    ]
    assert {"elbo", "iwelbo"} <= set(made.metrics)
    assert json.loads(json.dumps(made.as_data(), allow_nan=False)) == made.as_data()


def test_a_template_is_a_run_and_says_what_it_is_selected_by() -> None:
    with_run = plan(runs={"plain": {"variant": "nbvae", "n_hidden": 8}})
    [run] = [row for row in with_run.runs if row["dataset"] == "gamma_poisson"]
    template = with_run.searches[0]["template"]
    differ = {"run", "config", "training", "code"}
    same = [name for name in template if name in run and name not in differ]
    assert {"readouts", "metrics", "seeds", "model", "file"} <= set(same)
    assert [template[name] for name in same] == [run[name] for name in same]
    assert list(template["selects_by"]["readouts"]) == ["bounds"]
    assert template["selects_by"]["metric"] == "iwelbo"
    codes = [{stage: row["code"][stage] for stage in ("train", "score")} for row in (run, template)]
    assert codes[0] == codes[1]
    assert run["code"]["readout"] != template["code"]["readout"]


def test_a_task_that_keeps_no_cells_to_select_by_is_skipped() -> None:
    made = plan(tasks=["held_out_cells", "thinned_counts"], baselines=["mean"])
    assert {row["task"] for row in made.searches} == {"held_out_cells"}
    assert {(row["run"], row["task"]) for row in made.skipped} == {("tuned", "thinned_counts")}
    assert "keeps no cells for the selection of hyperparameters" in made.skipped[0]["reason"]
    [line] = refusal(tasks=["thinned_counts"])
    assert line.startswith("search.tuned: cannot run anywhere in this study")


def test_a_metric_that_is_met_nowhere_is_refused() -> None:
    [line] = refusal(search={"tuned": GOOD | {"metric": "balanced_accuracy"}})
    assert (
        "cannot run anywhere in this study: on gamma_poisson as held_out_cells, on "
        "batched_gamma_poisson as held_out_cells: its metric needs class_probability" in line
    )


def test_a_metric_of_the_search_need_not_be_one_of_the_study() -> None:
    made = plan(metrics=["elbo"])
    assert set(made.metrics) == {"elbo"}
    assert made.searches[0]["metric"] == "iwelbo"


def test_a_variant_whose_needs_are_not_met_is_refused() -> None:
    body = {key: value for key, value in GOOD.items() if key != "encoder_input"}
    search = {"tuned": body | {"variant": "scvi_mmd"}}
    [line] = refusal(search=search, datasets=["gamma_poisson"])
    assert line.startswith(
        "search.tuned: cannot run anywhere in this study: on gamma_poisson as held_out_cells: "
        "needs batch, which"
    )
    made = plan(search=search, baselines=["mean"])
    assert {row["dataset"] for row in made.searches} == {"batched_gamma_poisson"}
    assert {(row["run"], row["dataset"]) for row in made.skipped} == {("tuned", "gamma_poisson")}


def test_a_search_runs_on_the_datasets_that_it_names() -> None:
    search = {"tuned": GOOD | {"datasets": ["batched_gamma_poisson"]}}
    made = plan(search=search, baselines=["mean"])
    assert {row["dataset"] for row in made.searches} == {"batched_gamma_poisson"}
    assert not made.skipped
    assert made.resolved["search"]["tuned"]["datasets"] == ["batched_gamma_poisson"]
    [line] = refusal(search={"tuned": GOOD | {"datasets": ["batched"]}})
    assert line.startswith("search.tuned.datasets is 'batched': no dataset of this study has")


def test_a_new_metric_of_the_study_changes_no_search() -> None:
    few, more = plan(metrics=["elbo"]), plan(metrics=["elbo", "iwelbo.per_count"])
    scored = ("metrics", "code")
    for one, other in zip(few.searches, more.searches, strict=True):
        for row in (one, other):
            row["template"] = {k: v for k, v in row["template"].items() if k not in scored}
        assert one == other


def test_check_prints_the_searches(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(plain(splits=2, runs={"pvae": {"variant": "pvae"}})))
    assert main(["check", str(path)]) == 0
    shown = capsys.readouterr().out
    assert "search tuned  10 trials of nbvae by iwelbo  2 times" in shown
    # 2 prepared, 4 posed, 4 runs of 3 steps, the two at the end; twice 3 rounds, a conclusion
    # and 10 trials on 2 splits of 3 steps.
    assert f"about {2 + 4 + 12 + 2 + 2 * (3 + 1 + 60)} jobs" in shown
    assert main(["run", str(path), "tuned"]) == 2
    assert "is a search" in capsys.readouterr().err


# Rounds, labels, rows.


def search_row(**changes: Any) -> dict[str, Any]:
    return plan(search={"tuned": GOOD | changes}).searches[0]


@pytest.mark.parametrize(("n", "per_round"), [(1, 4), (8, 4), (9, 4), (20, 10), (3, 1)])
def test_every_trial_is_in_one_round(n: int, per_round: int) -> None:
    search = {"trials": n, "per_round": per_round}
    made = [number for one in trials.rounds(search) for number in trials.numbers(search, one)]
    assert made == list(range(1, n + 1))
    assert all(len(trials.numbers(search, one)) <= per_round for one in trials.rounds(search))


def test_a_label_tells_its_number_and_no_longer_search_renames_it() -> None:
    labels = [trials.label_of("a.b", n) for n in (7, 99, 100)]
    assert labels == ["a.b.trial-07", "a.b.trial-99", "a.b.trial-100"]
    assert [trials.number_in(label, "a.b") for label in labels] == [7, 99, 100]
    assert trials.number_in("axb.trial-07", "a.b") is None
    assert trials.number_in("a.b", "a.b") is None


def test_a_trial_is_its_template_with_what_it_tries(tmp_path: Path) -> None:
    search = search_row(trials=3, per_round=2)
    tried = {"n_latent": 3, "learning_rate": 0.01, "encoder_input": "raw"}
    made = [{"number": n, "run": f"tuned.trial-0{n}", "parameters": tried} for n in (1, 2)]
    write_record(tmp_path / trials.round_file(search, 1), {"trials": made})
    where = {"dataset": "gamma_poisson", "task": "held_out_cells", "split": "1"}
    row = trials.run_at(tmp_path, [search], where | {"run": "tuned.trial-02"})
    template = search["template"]
    assert row["config"] == template["config"] | {"n_latent": 3, "encoder_input": "raw"}
    assert row["training"] == template["training"] | {"learning_rate": 0.01}
    assert (row["run"], row["swept"], row["split"]) == ("tuned.trial-02", tried, 1)
    for nowhere in ("tuned.trial-04", "tuned", "other.trial-01"):
        with pytest.raises(KeyError):
            trials.found([search], where | {"run": nowhere})


# Proposals.


def value_of(parameters: dict[str, Any]) -> float:
    """Best at a learning rate of one thousandth, four latents, logarithms."""
    rate = abs(np.log10(parameters["learning_rate"]) + 3)
    return -rate - abs(parameters["n_latent"] - 4) / 4 - (parameters["encoder_input"] == "raw")


def test_proposals_are_a_function_of_what_was_tried() -> None:
    first = settings(SPACE, "higher", [], 4, seed=1)
    assert first == settings(SPACE, "higher", [], 4, seed=1)
    assert first != settings(SPACE, "higher", [], 4, seed=2)
    tried = [(one, value_of(one)) for one in settings(SPACE, "higher", [], 16, seed=3)]
    after = settings(SPACE, "higher", tried, 4, seed=1)
    assert after == settings(SPACE, "higher", tried, 4, seed=1)
    worse = [(one, -value) for one, value in tried]
    assert after != settings(SPACE, "higher", worse, 4, seed=1)
    assert after == settings(SPACE, "lower", worse, 4, seed=1)


@pytest.mark.parametrize("n_tried", [0, 16])
def test_more_proposals_begin_with_the_same(n_tried: int) -> None:
    tried = [(one, value_of(one)) for one in settings(SPACE, "higher", [], n_tried or 1, seed=3)]
    few, more = (settings(SPACE, "higher", tried[:n_tried], n, seed=1) for n in (2, 6))
    assert more[:2] == few


def test_proposals_stay_within_their_bounds_and_are_plain() -> None:
    for one in settings(SPACE, "higher", [], 30, seed=5):
        assert type(one["n_latent"]) is int
        assert 2 <= one["n_latent"] <= 20
        assert type(one["learning_rate"]) is float
        assert 1e-4 <= one["learning_rate"] <= 1e-2
        assert one["encoder_input"] in ("raw", "log1p")
        assert json.loads(json.dumps(one)) == one


def test_a_choice_may_be_anything_and_nothing_is_tried_twice() -> None:
    space = {"hidden": {"choices": [[16, 4], [8], None]}, "flag": {"choices": [True, False]}}
    made = settings(space, "lower", [], 6, seed=0)
    assert sorted(map(repr, made)) == sorted(
        repr({"hidden": hidden, "flag": flag})
        for hidden in ([16, 4], [8], None)
        for flag in (True, False)
    )
    # All has been tried: then there is nothing new to try.
    assert settings(space, "lower", [(one, 0.0) for one in made], 1, seed=0)[0] in made


def test_a_search_goes_on_where_all_failed() -> None:
    failed = [(one, None) for one in settings(SPACE, "higher", [], 12, seed=3)]
    after = settings(SPACE, "higher", failed, 4, seed=1)
    assert len(after) == 4
    assert not [one for one in after if one in [tried for tried, _ in failed]]


def test_proposals_turn_to_what_was_good() -> None:
    """The later trials are better than those drawn at random.  Seeds are fixed; of 300 searches
    with other seeds the least gain was 0.50, their mean 1.78 with a standard deviation of 0.48."""
    tried: list[tuple[dict[str, Any], float | None]] = []
    for round in range(5):
        made = settings(SPACE, "higher", tried, 8, seed=1000 + round)
        tried += [(one, value_of(one)) for one in made]
    values = [value or 0.0 for _, value in tried]
    assert np.mean(values[DRAWN + 14 :]) > np.mean(values[:DRAWN])


# What trials come to.


def records(*values: float | None) -> dict[str, Any]:
    """A validation record with a value per seed, or a failure."""
    failure = {"status": "diverged", "reason": "the loss was not a number"}
    return {
        "values": {str(s): v for s, v in enumerate(values) if v is not None},
        "failures": {str(s): failure for s, v in enumerate(values) if v is None},
    }


def tried(number: int, value: float | None) -> Outcome:
    trial = {"number": number, "round": 1, "run": f"t.trial-0{number}", "parameters": {"a": number}}
    return Outcome(trial, value, "ok" if value is not None else "failed", "")


def test_a_value_is_the_mean_over_splits_and_seeds() -> None:
    assert outcome({}, [records(1.0, 3.0), records(4.0, 6.0)]) == Outcome({}, 3.5, "ok", "")


def test_one_failed_seed_leaves_no_value_and_says_why() -> None:
    found = outcome({}, [records(1.0, 3.0), records(4.0, None)])
    assert found == Outcome({}, None, "diverged", "split 2, seed 1: the loss was not a number")


def test_the_best_is_selected_and_the_first_of_equals() -> None:
    found = [tried(1, None), tried(2, 1.0), tried(3, 2.0), tried(4, 2.0)]
    chosen = [best(found, better) for better in ("higher", "lower")]
    assert [one.trial["number"] for one in chosen if one] == [3, 2]
    assert best(found[:1], "higher") is None


def test_the_table_shows_every_trial_and_one_selection() -> None:
    search = {"search": "t", "dataset": "d", "task": "k", "metric": "m", "better": "lower"}
    rows = [table(search, [tried(1, None), tried(2, 1.0), tried(3, 0.5)]), table(search, [])]
    shown = search_table(rows)
    assert shown["trial"].tolist() == [1, 2, 3]
    assert shown["selected"].tolist() == [False, False, True]
    assert shown["a"].tolist() == [1, 2, 3]
    assert shown.loc[0, "status"] == "failed"


BAD = {"status": "diverged", "reason": "NaN"}


@pytest.mark.parametrize(
    ("trained", "read", "words"),
    [
        (BAD, {}, "NaN"),
        ({"status": "ok"}, BAD, "NaN"),
        ({"status": "ok"}, {"status": "ok", "validation": BAD}, "NaN"),
    ],
)
def test_a_seed_without_a_value_says_why(trained: Any, read: Any, words: str) -> None:
    good = {"status": "ok", "validation": {"value": 2.0}}
    states = {"seeds": {"0": {"status": "ok"}, "1": trained}}
    found = values_of(states, {"0": good, "1": read})
    assert found["values"] == {"0": 2.0}
    assert found["failures"] == {"1": {"status": "diverged", "reason": words}}


# What a selection rests on.


def spoilt(problem: Problem) -> Problem:
    """Garbage in whatever is only looked at in the end, the counts of test cells included."""

    def garbage(values: Any) -> Any:
        if values.dtype.kind == "U":
            return np.roll(values[::-1], 1)
        return values * 0 + 7

    answers = {name: garbage(values) for name, values in problem.targets.items()}
    truth = {name: garbage(values) for name, values in problem.truth.items()}
    counts, test = problem.counts.copy(), problem.rows(TEST)
    counts.data[np.isin(np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr)), test)] += 3
    return replace(problem, counts=counts, targets=answers, truth=truth)


CASES = [
    ("held_out_cells", {"variant": "pvae", "metric": "iwelbo", "n_hidden": 4}),
    (
        "few_labels",
        {"variant": "cell_discovery", "metric": "balanced_accuracy", "n_hidden": 4},
    ),
]


@pytest.mark.parametrize(("task", "body"), CASES, ids=[task for task, _ in CASES])
def test_answers_of_the_test_change_no_proposal_and_no_selection(
    small_data: CountData,
    tmp_path: Path,
    task: str,
    body: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cpu = torch.device("cpu")
    monkeypatch.setattr("bench.training.session.device_for_job", lambda: nullcontext(cpu))
    search = {
        "t": body | {"trials": 4, "per_round": 2, "n_latent": {"low": 1, "high": 9}},
    }
    made = plan(
        datasets=["batched_gamma_poisson"],
        tasks=[task],
        search=search,
        training={"max_epochs": 2, "batch_size": 16},
        readouts={"bounds": {"n_samples": 2}},
    )
    problem = posed(small_data, task, **SMALL.get(task, {}))
    assert any(
        (values != spoilt(problem).targets[name]).any() for name, values in problem.targets.items()
    )
    [row] = made.searches
    found = [
        searched(tmp_path / str(n), row, one) for n, one in enumerate((problem, spoilt(problem)))
    ]
    assert found[0] == found[1]
    assert sum(one["selected"] for one in found[0]["trials"]) == 1
    scores = [read_json(path) for path in sorted(tmp_path.glob("*/scores.json"))]
    assert scores[0] != scores[1]


def searched(folder: Path, row: dict[str, Any], problem: Problem) -> dict[str, Any]:
    """A whole search in this process: its rounds and its selection."""
    row |= {"problem_keys": {"1": "k"}}
    posed, rounds = str(written.problem(problem, folder / "problem.npz")), []
    here: dict[str, Any] = {"threads": 1, "minutes": 1.0}
    for round in trials.rounds(row):
        made = folder / trials.round_file(row, round)
        propose(row, round, list(trials.numbers(row, round)), 1, "k", str(folder), str(made))
        rounds.append(read_json(made)["trials"])
        for trial in rounds[-1]:
            run = trials.as_run(row, trial, 1)
            place = folder / trials.folder_of_trial(row, run["run"], 1)
            train(train_params(run), posed, str(place / STATUS), log=None, **here)
            record = str(place / READOUTS)
            read_out_trial(read_out_params(run), posed, record, log=None, **here)
    score(score_params(run), posed, str(place / SCORES), log=None, **here)
    (place / SCORES).rename(folder / SCORES)
    selected = folder / trials.trials_file(row)
    select_trial(row, 1, "k", str(folder), str(selected))
    return {"rounds": rounds, "trials": read_json(selected)["trials"]}
