"""Truths about the plan: who runs where, what is refused, what a change re-runs."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from bench.core.errors import UserError
from bench.core.rows import METRICS
from bench.core.skipped import ALL_RUNS
from bench.planning.matching import warmup_beyond_reach
from bench.planning.plan import make_plan
from bench.planning.plan_record import Plan, plan_table
from bench.planning.study import from_config

OWN = {
    "variant": """
VARIANT = Variant(label="own", needs=frozenset({NEEDS}), can=frozenset({CAN}), config=Config,
                  build=lambda facts, config: None, reference="a test")
""",
    "baseline": """
BASELINE = Baseline(label="own", needs=frozenset({NEEDS}), can=frozenset({CAN}), config=Config,
                    fit=lambda problem, config, rng: None, deterministic=False, reference="a test")
""",
    "task": """
TASK = Task(label="own", needs=frozenset({NEEDS}), readouts=frozenset({CAN}),
            targets=frozenset({"library"}), ranked_by="elbo", config=Config,
            make_problem=lambda data, config, split, rng: None, reference="a test")
""",
}


def own(folder: Path, kind: str, needs: set[str], can: set[str]) -> str:
    """The path of a user's card that needs these fields, and can or asks for those."""
    path = folder / f"my_{kind}.py"
    head = (
        "from dataclasses import dataclass\n"
        f"from bench.core.{kind} import {kind.capitalize()}\n\n"
        "@dataclass(frozen=True, kw_only=True)\nclass Config:\n    width: int = 2\n"
    )
    body = OWN[kind].replace("{NEEDS}", repr(needs)).replace("{CAN}", repr(can))
    path.write_text(head + body)
    return str(path)


def plain(**changes: Any) -> dict[str, Any]:
    return {
        "seeds": 2,
        "datasets": ["gamma_poisson", "pbmc68k_reduced"],
        "tasks": ["held_out_cells", "masked_entries"],
        "runs": {"nbvae": {"variant": "nbvae", "n_latent": [3, 10]}},
        "baselines": ["nmf", "oracle"],
    } | changes


def plan(**changes: Any) -> Plan:
    return make_plan(from_config(plain(**changes), "mine"))


def refusal(**changes: Any) -> list[str]:
    with pytest.raises(UserError) as caught:
        plan(**changes)
    return [str(finding) for finding in caught.value.findings]


def test_every_run_meets_every_dataset_task_and_split() -> None:
    made = plan(splits=2)
    places = {(r["run"], r["dataset"], r["task"], r["split"]) for r in made.runs}
    assert len(places) == len(made.runs) == (3 * 2 + 1) * 2 * 2
    assert {r["swept"].get("n_latent") for r in made.runs} == {3, 10, None}
    assert all(r["seeds"] == [0, 1] for r in made.runs)


def test_the_plan_is_plain_data_and_the_same_every_time() -> None:
    first, second = plan().as_data(), plan().as_data()
    assert json.loads(json.dumps(first, allow_nan=False)) == first == second


def test_a_baseline_that_cannot_run_somewhere_is_left_out_there_with_a_reason() -> None:
    made = plan()
    assert {(s["run"], s["dataset"]) for s in made.skipped} == {("oracle", "pbmc68k_reduced")}
    assert "which the dataset does not provide" in made.skipped[0]["reason"]
    assert {r["dataset"] for r in made.runs if r["run"] == "oracle"} == {"gamma_poisson"}


def test_a_baseline_that_can_run_nowhere_is_refused() -> None:
    [line] = refusal(datasets=["pbmc68k_reduced"])
    assert line.startswith("baselines.oracle: cannot run anywhere")


def test_a_variant_whose_needs_are_not_met_is_refused(tmp_path: Path) -> None:
    path = own(tmp_path, "variant", {"counts", "observed", "batch"}, {"bound", "counts"})
    lines = refusal(runs={"mine": {"variant": path, "width": [1, 2]}}, datasets=["gamma_poisson"])
    assert lines == [
        "runs.mine: cannot run anywhere in this study: on gamma_poisson as held_out_cells, on "
        "gamma_poisson as masked_entries: needs batch, which the dataset does not provide; "
        "change this, or remove it"
    ]


def test_a_variant_whose_needs_are_met_on_some_datasets_is_skipped_on_the_others(
    tmp_path: Path,
) -> None:
    path = own(tmp_path, "variant", {"counts", "observed", "cell_type"}, {"bound", "counts"})
    made = plan(runs={"mine": {"variant": path}}, baselines=["nmf"])
    assert {r["dataset"] for r in made.runs if r["run"] == "mine"} == {"pbmc68k_reduced"}
    assert {(s["run"], s["dataset"], s["task"]) for s in made.skipped} == {
        ("mine", "gamma_poisson", task) for task in ("held_out_cells", "masked_entries")
    }
    assert {s["reason"] for s in made.skipped} == {
        "needs cell_type, which the dataset does not provide"
    }


def test_a_variant_that_does_not_read_masks_is_skipped_where_entries_are_missing(
    tmp_path: Path,
) -> None:
    path = own(tmp_path, "variant", {"counts"}, {"bound", "counts"})
    made = plan(runs={"mine": {"variant": path}})
    assert {r["task"] for r in made.runs if r["run"] == "mine"} == {"held_out_cells"}
    reasons = {s["reason"] for s in made.skipped if s["run"] == "mine"}
    assert reasons == {"does not read observed, which tasks.masked_entries requires"}
    [line] = refusal(runs={"mine": {"variant": path}}, tasks=["masked_entries"])
    assert "cannot run anywhere in this study" in line
    assert "on pbmc68k_reduced as masked_entries: does not read observed" in line


def test_a_task_whose_needs_are_met_on_some_datasets_is_skipped_on_the_others(
    tmp_path: Path,
) -> None:
    path = own(tmp_path, "task", {"counts", "cell_type"}, {"bounds"})
    made = plan(tasks=["held_out_cells", path], baselines=["nmf"])
    assert {r["dataset"] for r in made.runs if r["task"] == "my_task"} == {"pbmc68k_reduced"}
    reason = "needs cell_type, which the dataset does not provide"
    place = {"run": ALL_RUNS, "dataset": "gamma_poisson", "task": "my_task"}
    assert made.skipped == [{**place, "reason": reason}]


def test_a_task_whose_needs_are_met_nowhere_is_refused_once(tmp_path: Path) -> None:
    path = own(tmp_path, "task", {"counts", "cell_type"}, {"bounds"})
    reason = (
        "tasks.my_task: used nowhere in this study: on gamma_poisson as my_task: needs cell_type, "
        "which the dataset does not provide; change this, or remove it"
    )
    only = {"datasets": ["gamma_poisson"], "baselines": ["nmf"]}
    assert refusal(tasks=["held_out_cells", path], **only) == [reason]
    assert refusal(tasks=[path], **only) == [reason]


def test_a_study_of_data_with_and_without_batches_leaves_out_what_needs_them() -> None:
    made = plan(
        datasets=["gamma_poisson", "batched_gamma_poisson"],
        tasks=["held_out_cells", "integration"],
        runs={"scvi": {"variant": "scvi"}, "scvi_mmd": {"variant": "scvi_mmd"}},
        baselines=["pca", "batch_onehot"],
    )
    where = {(row["run"], row["dataset"], row["task"]) for row in made.runs}
    assert ("scvi_mmd", "batched_gamma_poisson", "held_out_cells") in where
    assert ("batch_onehot", "batched_gamma_poisson", "integration") in where
    assert {row["task"] for row in made.runs if row["dataset"] == "gamma_poisson"} == {
        "held_out_cells"
    }
    left = {(row["run"], row["dataset"], row["task"]): row["reason"] for row in made.skipped}
    lacking = "which the dataset does not provide"
    needed = left[ALL_RUNS, "gamma_poisson", "integration"]
    assert needed == f"needs batch, cell_type, {lacking}"
    assert left["scvi_mmd", "gamma_poisson", "held_out_cells"] == f"needs batch, {lacking}"


def test_a_dataset_and_a_task_that_nothing_uses_are_refused_with_the_reasons() -> None:
    lines = refusal(
        datasets=["gamma_poisson", "batched_gamma_poisson"],
        tasks=["held_out_cells", {"integration": {"datasets": ["batched_gamma_poisson"]}}],
        runs={},
        baselines=[{"batch_onehot": {"datasets": ["batched_gamma_poisson"]}}],
    )
    assert len(lines) == 2
    assert lines[0].startswith("tasks.held_out_cells: used nowhere in this study: on batched")
    assert "needs all_cells, which tasks.held_out_cells does not provide" in lines[0]
    assert lines[1].startswith("datasets.gamma_poisson: used nowhere in this study: no task and")


def test_reasons_of_one_message_end_after_ten_with_a_count() -> None:
    datasets = [
        {f"d{number}": {"dataset": "gamma_poisson", "seed": number}} for number in range(12)
    ]
    [line] = refusal(datasets=datasets, tasks=["integration"], runs={}, baselines=["pca"])
    assert line.startswith("tasks.integration: used nowhere in this study: on d0 as integration")
    assert ", and 2 more: needs batch" in line
    assert "datasets.d11" not in line


NAMED = {
    "datasets": ["gamma_poisson", {"batched": {"dataset": "batched_gamma_poisson"}}],
    "tasks": ["held_out_cells", {"thinned_counts": {"datasets": ["batched"]}}],
    "runs": {"nbvae": {"variant": "nbvae", "datasets": ["gamma_poisson"]}},
    "baselines": ["mean", {"rank_one": {"datasets": "batched"}}],
}


def test_entries_run_on_the_datasets_that_they_name() -> None:
    made = plan(**NAMED)
    where = {(row["run"], row["dataset"], row["task"]) for row in made.runs}
    assert where == {
        ("nbvae", "gamma_poisson", "held_out_cells"),
        ("mean", "gamma_poisson", "held_out_cells"),
        ("mean", "batched", "held_out_cells"),
        ("mean", "batched", "thinned_counts"),
        ("rank_one", "batched", "held_out_cells"),
        ("rank_one", "batched", "thinned_counts"),
    }
    assert not made.skipped
    assert made.resolved["runs"]["nbvae"]["datasets"] == ["gamma_poisson"]
    again = make_plan(from_config(made.resolved | {"metrics": "all", "readouts": {}}, "mine"))
    assert again.runs == made.runs


def test_naming_datasets_repeats_no_work() -> None:
    everywhere = plan(**NAMED | {"tasks": ["held_out_cells"], "runs": {"nbvae": {}}})
    keys = {(row["run"], row["dataset"]): row["keys"] for row in everywhere.runs}
    for row in plan(**NAMED).runs:
        if row["task"] == "held_out_cells":
            assert row["keys"] == keys.get((row["run"], row["dataset"]), row["keys"])


def test_the_label_of_datasets_that_fan_out_names_all_of_them() -> None:
    datasets = ["gamma_poisson", {"sizes": {"dataset": "gamma_poisson", "n_cells": [50, 60]}}]
    runs = {"a": {"variant": "nbvae", "datasets": ["sizes"]}}
    runs |= {"b": {"variant": "nbvae", "datasets": ["sizes.n_cells-60"]}}
    made = plan(datasets=datasets, runs=runs, baselines=["mean"])
    labels = {run: {r["dataset"] for r in made.runs if r["run"] == run} for run in ("a", "b")}
    assert labels == {"a": {"sizes.n_cells-50", "sizes.n_cells-60"}, "b": {"sizes.n_cells-60"}}


def test_datasets_that_the_study_does_not_have_are_found_everywhere() -> None:
    changes = {
        "tasks": ["held_out_cells", {"thinned_counts": {"datasets": ["batchd"]}}],
        "runs": {"nbvae": {"variant": "nbvae", "datasets": ["gamma_poison", "batched"]}},
        "baselines": [{"mean": {"datasets": []}}],
    }
    lines = refusal(**NAMED | changes)
    expected = "no dataset of this study has this label; did you mean"
    assert any(
        line.startswith(f"tasks.thinned_counts.datasets is 'batchd': {expected} batched")
        for line in lines
    )
    assert any(
        line.startswith(f"runs.nbvae.datasets is 'gamma_poison': {expected} gamma_poisson")
        for line in lines
    )
    assert any(line.startswith("baselines.mean.datasets is []: expected a list") for line in lines)
    assert len(lines) == 3


def test_a_dataset_with_a_mistake_of_its_own_is_not_called_unknown() -> None:
    datasets = ["gamma_poisson", {"batched": {"dataset": "batched_gamma_poisson", "n_cells": 0}}]
    lines = refusal(**NAMED | {"datasets": datasets})
    assert [line.split(" ")[0] for line in lines] == ["datasets.batched.n_cells"]


def test_columns_of_a_users_file_are_provided_once_named(tmp_path: Path) -> None:
    file = tmp_path / "cells.h5ad"
    file.touch()
    path = own(tmp_path, "variant", {"counts", "observed", "batch"}, {"bound"})
    changes: dict[str, Any] = {
        "runs": {"mine": {"variant": path}},
        "tasks": ["held_out_cells"],
        "baselines": [],
    }
    assert "needs batch" in refusal(datasets=[str(file)], **changes)[0]
    made = plan(datasets=[{"cells": {"path": str(file), "batch": "donor"}}], **changes)
    assert made.datasets["cells"]["provides"] == ["batch", "counts"]
    empty = sha256(b"").hexdigest()
    assert made.datasets["cells"]["contents"] == {str(file): empty}
    assert made.runs[0]["file"] == path
    assert made.runs[0]["model"] == "my_variant"


def test_all_metrics_are_those_whose_needs_are_met() -> None:
    made = plan()
    by_task = {r["task"]: set(r["metrics"]) for r in made.runs}
    assert {"elbo", "iwelbo"} <= by_task["held_out_cells"]
    assert "imputation_loss" in by_task["masked_entries"]
    assert "elbo" not in by_task["masked_entries"]
    assert "imputation_loss" not in by_task["held_out_cells"]
    assert set(made.metrics) == set.union(*by_task.values())
    assert all(tuple(sorted(row)) == tuple(sorted(METRICS)) for row in made.metrics.values())


def test_the_table_of_metrics_says_of_which_measure_each_is_a_view() -> None:
    made = plan(datasets=["pbmc68k_reduced"], tasks=["held_out_cells"], baselines=["nmf"])
    rows = {row["metric"]: row["measure"] for row in made.metrics.values()}
    assert (rows["iwelbo"], rows["iwelbo.per_count"]) == ("iwelbo", "iwelbo")
    assert rows["kmeans.nmi"] == rows["kmeans.accuracy"] == "kmeans"
    assert set(rows) == set(made.metrics)


VIEWED = """
from bench.core.metric import Metric, View

def score(*, elbo_per_cell, library, factor=1.0):
    return float(elbo_per_cell.mean()) * factor

METRIC = Metric(label="own", score=score, better="higher", unit="nats", reference="a test",
                views={VIEWS})
"""


def test_a_new_view_is_one_entry_in_one_file_and_scores_again_and_nothing_else(
    tmp_path: Path,
) -> None:
    path = tmp_path / "mine.py"
    view = "'{}': View(label='{}', description='It differs.', options={{'factor': {}}})"
    first, second = view.format("half", "half", 0.5), view.format("bits", "bits", 1.44)
    path.write_text(VIEWED.replace("VIEWS", first))
    few = {"tasks": ["held_out_cells"], "metrics": ["elbo", str(path), f"{path}.half"]}
    before = plan(**few)
    path.write_text(VIEWED.replace("VIEWS", f"{first}, {second}"))
    after = plan(**few | {"metrics": [*few["metrics"], f"{path}.bits"]})
    assert changed(before, after) == {(row["model"], "score") for row in before.runs}
    assert [row["metric"] for row in after.metrics.values()] == [
        "elbo",
        "mine",
        "mine.half",
        "mine.bits",
    ]
    assert {row["measure"] for row in after.metrics.values()} == {"elbo", "mine"}


def test_an_end_without_bound_is_null() -> None:
    row = plan().metrics["elbo"]
    assert (row["lowest"], row["highest"]) == (None, 0.0)


def test_readouts_do_not_depend_on_metrics() -> None:
    few = {"metrics": ["elbo"], "tasks": ["held_out_cells"]}
    all_of_them = plan(tasks=["held_out_cells"])
    assert [r["readouts"] for r in plan(**few).runs] == [r["readouts"] for r in all_of_them.runs]
    assert set(all_of_them.runs[0]["readouts"]) == {"bounds", "latent"}


def test_options_of_a_readout_reach_every_run() -> None:
    made = plan(readouts={"bounds": {"n_samples": 7}}, tasks=["held_out_cells"])
    assert {r["readouts"]["bounds"]["n_samples"] for r in made.runs} == {7}


def test_a_readout_that_no_task_asks_for_is_asked_for_in_all() -> None:
    made = plan(readouts={"posterior_predictive": {"n_samples": 3}, "bounds": {}})
    asked = {(r["run"], r["task"]): r["readouts"] for r in made.runs}
    for (_, task), readouts in asked.items():
        assert readouts["posterior_predictive"] == {"n_samples": 3}
        assert ("bounds" in readouts) == (task == "held_out_cells")
    held_out = {m for r in made.runs if r["task"] == "held_out_cells" for m in r["metrics"]}
    assert {"predictive_check.zeros", "predictive_check.mean_variance"} <= held_out
    assert not any("posterior_predictive" in r["readouts"] for r in plan().runs)


def test_a_readout_goes_where_the_labels_it_needs_are() -> None:
    readouts = {"differential_expression": {"by": "cell_type"}}
    made = plan(readouts=readouts)
    where = {r["dataset"] for r in made.runs if "differential_expression" in r["readouts"]}
    assert where == {"pbmc68k_reduced"}
    [line] = refusal(readouts=readouts, datasets=["gamma_poisson"])
    assert line.startswith("readouts.differential_expression: no run or baseline")


def test_a_metric_named_but_met_nowhere_is_refused() -> None:
    [line] = refusal(metrics=["elbo", "imputation_loss"], tasks=["held_out_cells"])
    assert line.startswith("metrics is 'imputation_loss': applies nowhere; it needs")
    assert "; on gamma_poisson as held_out_cells, on pbmc68k_reduced as held_out_cells: " in line
    assert line.endswith("there is no expected_counts, masked, masked_counts")


def test_a_run_that_no_metric_applies_to_is_refused() -> None:
    lines = refusal(metrics=["elbo"], tasks=["masked_entries"])
    assert all("no metric of the study applies to it" in line for line in lines[:-1])
    assert lines[0].startswith("runs.nbvae: cannot run anywhere in this study")


def test_a_run_is_left_out_where_it_has_nothing_to_be_scored() -> None:
    some = {"metrics": ["kmeans.nmi", "imputation_loss"], "datasets": ["pbmc68k_reduced"]}
    made = plan(**some, baselines=["mean"])
    assert {row["task"] for row in made.runs if row["run"] == "mean"} == {"masked_entries"}
    place = {"run": "mean", "dataset": "pbmc68k_reduced", "task": "held_out_cells"}
    assert made.skipped == [{**place, "reason": "no metric of the study applies to it"}]
    [line] = refusal(metrics=["elbo"])
    assert line.startswith("tasks.masked_entries: used nowhere in this study: on gamma_poisson as")
    assert "no metric of the study applies to it" in line


def test_a_warmup_that_never_ends_is_refused() -> None:
    run = {"variant": "nbvae", "batch_size": 0, "max_epochs": 10, "kl_warmup_steps": [10, 11]}
    [line] = refusal(runs={"m": run})
    assert line.startswith("runs.m.kl_warmup_steps is 11: a run has 10 steps, so")


def test_a_warmup_is_left_to_training_where_the_steps_are_not_known() -> None:
    assert not warmup_beyond_reach({"batch_size": 40, "max_epochs": 10, "kl_warmup_steps": 99})


FEW_LABELS = {
    "datasets": ["pbmc68k_reduced"],
    "tasks": [{"few_labels": {"per_class": 5}}, "held_out_cells"],
    "baselines": ["random_forest"],
}


def test_what_a_task_hides_or_does_not_tell_is_a_reason_to_skip_not_a_mistake() -> None:
    runs = {"scanvi": {"variant": "scanvi"}, "scvi": {"variant": "scvi"}}
    made = plan(**FEW_LABELS | {"runs": runs})
    where = {(row["run"], row["task"]) for row in made.runs}
    assert ("scanvi", "few_labels") in where
    assert {("scvi", "few_labels"), ("scvi", "held_out_cells")} <= where
    reasons = {(row["run"], row["task"]): row["reason"] for row in made.skipped}
    untold = "needs known_type, which tasks.held_out_cells does not provide"
    assert reasons["scanvi", "held_out_cells"] == untold
    [line] = refusal(**FEW_LABELS | {"runs": runs, "baselines": ["cell_type_onehot"]})
    assert "needs cell_type, which tasks.few_labels hides" in line


def test_latents_are_drawn_of_classifiers_once_and_not_of_every_run_of_a_sweep() -> None:
    runs = {
        "scanvi": {"variant": "scanvi"},
        "sweep": {"variant": "scanvi", "n_latent": [2, 5]},
        "scvi": {"variant": "scvi"},
    }
    made = plan(**FEW_LABELS | {"runs": runs, "splits": 2, "baselines": ["knn_pca"]})
    projected = {
        (row["run"], row["task"], row["split"])
        for row in made.runs
        if "projection.parquet" in row["page_files"]
    }
    assert projected == {("scanvi", "few_labels", 1), ("knn_pca", "few_labels", 1)}


def test_treatments_and_perturbations_are_tabulated_on_every_split_and_not_of_a_sweep() -> None:
    runs = {
        "sams": {"variant": "sams_vae_normal"},
        "sweep": {"variant": "sams_vae_normal", "n_latent": [2, 5]},
    }
    made = plan(
        datasets=["sams_simulation"],
        tasks=["seen_perturbations"],
        runs=runs,
        baselines=["no_effect"],
        splits=2,
    )
    files = {(row["run"], row["split"]): row["page_files"] for row in made.runs}
    scores = "perturbation_scores.parquet"
    for split in (1, 2):
        assert files["sams", split] == [scores, "treatments.csv"]
        assert files["no_effect", split] == [scores]
        assert files["sweep.n_latent-2", split] == []
    assert made.page_files == {scores: ["problem"], "treatments.csv": []}


def test_the_reference_changes_no_run() -> None:
    before, after = plan(), plan(reference="nmf")
    assert before.runs == after.runs
    assert (before.resolved["reference"], after.resolved["reference"]) == ("", "nmf")


def test_a_training_that_a_run_cannot_have_is_refused() -> None:
    runs = {
        "a": {"variant": "scvi", "pretrain_epochs": 3},
        "b": {"variant": "scvi", "labelled_share": 0.5},
        "c": {"variant": "scvi", "restart_epochs": 3},
    }
    lines = refusal(**FEW_LABELS | {"runs": runs, "baselines": []})
    assert len(lines) == 2
    assert any("runs.a.pretrain_epochs is 3: this variant has no pre-tr" in line for line in lines)
    assert any("runs.c.restart_epochs is 3: this variant has no restart" in line for line in lines)
    runs = {"b": runs["b"], "plain": {"variant": "scvi"}}
    made = plan(**FEW_LABELS | {"runs": runs, "baselines": []})
    [left] = made.skipped
    assert (left["run"], left["task"]) == ("b", "held_out_cells")
    assert left["reason"].startswith("labelled_share: in tasks.held_out_cells no cell is")


def test_what_a_variant_objects_to_is_refused() -> None:
    runs = {"a": {"variant": "sams_vae", "pretrain_epochs": 2, "restart_epochs": 1}}
    lines = refusal(
        datasets=["svae_simulation"], tasks=["seen_perturbations"], runs=runs, baselines=[]
    )
    assert any(
        "runs.a: pretrain_epochs and restart_epochs: only the embeddings of guide: mean_field"
        in line
        for line in lines
    )


def test_mistakes_of_all_kinds_are_told_at_once(tmp_path: Path) -> None:
    path = own(tmp_path, "variant", {"counts", "observed", "batch"}, {"bound", "counts"})
    lines = refusal(
        seed=3,
        runs={
            "a": {"variant": "nbva"},
            "b": {"variant": "nbvae", "n_latent": 0},
            "c": {"variant": path},
        },
        datasets=["gamma_poisson"],
        tasks=["held_out_cells"],
    )
    assert [line.split(" ")[0].rstrip(":") for line in lines] == [
        "seed",
        "runs.a.variant",
        "runs.b.n_latent",
        "runs.c",
    ]


def test_the_table_has_a_row_per_run_and_split_with_every_parameter() -> None:
    made = plan(splits=2)
    table = plan_table(made)
    assert len(table) == len(made.runs)
    assert len({tuple(row) for row in table}) == 1
    nmf = next(row for row in table if row["run"] == "nmf")
    assert (nmf["kind"], nmf["n_latent"], nmf["max_epochs"]) == ("baselines", None, None)
    assert {row["n_latent"] for row in table if row["kind"] == "models"} == {3, 10}


def changed(before: Plan, after: Plan) -> set[tuple[str, str]]:
    """Which digests of which models differ between two plans of the same runs."""
    pairs = zip(before.runs, after.runs, strict=True)
    both = [
        (b["model"], what, b["code"][what], a["code"][what]) for b, a in pairs for what in b["code"]
    ]
    return {(model, what) for model, what, old, new in both if old != new}


def test_editing_a_variant_changes_its_own_digests_only(tmp_path: Path) -> None:
    path = own(tmp_path, "variant", {"counts", "observed"}, {"bound", "counts"})
    runs = {"mine": {"variant": path}, "nbvae": {"variant": "nbvae"}}
    before = plan(runs=runs)
    Path(path).write_text(Path(path).read_text() + "# edited\n")
    after = plan(runs=runs)
    assert changed(before, after) == {("my_variant", "train"), ("my_variant", "readout")}
    assert (before.datasets, before.tasks) == (after.datasets, after.tasks)


def test_adding_a_metric_changes_what_is_scored_and_nothing_else() -> None:
    few = plan(tasks=["held_out_cells"], metrics=["elbo"])
    more = plan(tasks=["held_out_cells"], metrics=["elbo", "iwelbo"])
    assert {what for _, what in changed(few, more)} == {"score"}
    for one, other in zip(few.runs, more.runs, strict=True):
        differ = {key for key in one if one[key] != other[key]}
        assert differ == {"metrics", "code", "keys"}
        assert {key for key in one["keys"] if one["keys"][key] != other["keys"][key]} == {"score"}


def test_adding_a_dataset_leaves_the_others_alone() -> None:
    one, two = plan(datasets=["gamma_poisson"]), plan()
    assert one.runs == [row for row in two.runs if row["dataset"] == "gamma_poisson"]
    assert one.datasets["gamma_poisson"] == two.datasets["gamma_poisson"]
