"""What only the labels of a file show: tasks and baselines that do not fit are left out."""

from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pandas as pd
import pytest
import yaml

from bench.catalogue import card, names
from bench.core.dataset import CountData
from bench.core.errors import UserError
from bench.data.h5ad import H5adConfig, load
from bench.planning.plan import make_plan
from bench.planning.plan_record import Plan
from bench.planning.study import load_study

BASE: dict[str, Any] = {
    "seeds": 1,
    "tasks": ["integration", "held_out_cells"],
    "training": {"max_epochs": 2, "patience": 0},
    "runs": {"nbvae": {"variant": "nbvae"}},
}


def written(path: str, symbols: bool = False, **columns: Any) -> None:
    """A file of 60 cells and 12 genes, ENSG0 to ENSG11, with symbols A to L."""
    counts = np.random.default_rng(0).poisson(1.0, (60, 12)).astype(np.float32)
    obs = pd.DataFrame(columns, index=[f"cell{n}" for n in range(60)])
    var = pd.DataFrame({"symbol": list("ABCDEFGHIJKL")}, index=[f"ENSG{n}" for n in range(12)])
    anndata.AnnData(counts, obs=obs, var=var).write_h5ad(path)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def planned(datasets: list[Any], **changes: Any) -> Plan:
    Path("study.yaml").write_text(yaml.safe_dump({**BASE, "datasets": datasets, **changes}))
    return make_plan(load_study(Path("study.yaml")))


def labelled(name: str, **more: Any) -> dict[str, Any]:
    return {name: {"path": f"{name}.h5ad", "batch": "donor", "cell_type": "kind", **more}}


def two() -> None:
    """``good.h5ad`` with two batches, ``single.h5ad`` with one."""
    kind = np.repeat(["T", "B"], 30)
    written("good.h5ad", donor=np.tile(["d1", "d2"], 30), kind=kind)
    written("single.h5ad", donor="d1", kind=kind)


def test_a_task_is_left_out_where_the_labels_have_one_level() -> None:
    two()
    plan = planned([labelled("good"), labelled("single")])
    [skipped] = [row for row in plan.skipped if row["dataset"] == "single"]
    assert skipped["reason"].startswith("batch is 'd1': fewer than two batches")
    run = {(row["dataset"], row["task"]) for row in plan.runs}
    assert ("good", "integration") in run
    assert ("single", "integration") not in run
    assert ("single", "held_out_cells") in run


def test_what_fits_no_dataset_is_refused_before_any_job() -> None:
    two()
    with pytest.raises(UserError, match="fewer than two batches") as raised:
        planned([labelled("single")])
    assert raised.value.findings[0].place == "tasks.integration"


@pytest.mark.parametrize(
    ("task", "words"),
    [
        ({"few_labels": {"test_batch": "d3"}}, "test_batch is 'd3': no cell is of this batch"),
        ({"few_labels": {"per_class": 29}}, "cell_type B: has 30 cells; needs at least 31"),
        ({"held_out_cells": {"stratify_by": "perturbation"}}, "no such label; it has: batch"),
    ],
)
def test_settings_of_a_task_that_no_cell_meets_are_refused(task: Any, words: str) -> None:
    two()
    with pytest.raises(UserError) as raised:
        planned([labelled("good")], tasks=[task])
    assert words in str(raised.value)


def test_a_damaged_file_is_left_to_the_job_that_prepares_it() -> None:
    two()
    Path("damaged.h5ad").write_bytes(Path("good.h5ad").read_bytes()[:2000])
    plan = planned([labelled("good"), labelled("damaged")])
    assert {row["dataset"] for row in plan.runs} == {"good", "damaged"}
    assert not plan.skipped


def test_a_path_that_snakemake_cannot_read_is_refused() -> None:
    two()
    Path("good.h5ad").rename("go{1}od.h5ad")
    with pytest.raises(UserError, match="has braces or a line break"):
        planned([{"good": {"path": "go{1}od.h5ad"}}], tasks=["held_out_cells"])


def screen(**columns: Any) -> None:
    guides = np.repeat(["ctrl", "A", "B", "C", "D", "Q"], 10)
    written("screen.h5ad", guide=guides, **columns)


SCREEN = {"path": "screen.h5ad", "perturbation": "guide", "control": "ctrl"}
GENES = {"tasks": [{"unseen_perturbations": {"test_fraction": 0.4}}], "runs": {}}


def test_a_baseline_that_needs_genes_is_refused_without_and_runs_with_their_symbols() -> None:
    screen()
    both = {**GENES, "baselines": ["mean_effect", "linear_effects"]}
    with pytest.raises(UserError, match="no treatment has the name of a gene; name the column"):
        planned([{"screen": SCREEN}], **both)
    plan = planned([{"screen": {**SCREEN, "gene_names": "symbol"}}], **both)
    assert {row["run"] for row in plan.runs} == {"mean_effect", "linear_effects"}
    seen = planned([{"screen": SCREEN}], **{**both, "tasks": ["seen_perturbations"]})
    assert {row["run"] for row in seen.runs} == {"mean_effect", "linear_effects"}


def test_normalised_values_are_found_before_any_job() -> None:
    two()
    cells = anndata.read_h5ad("good.h5ad")
    cells.layers["umi"] = cells.X.copy()
    cells.X = np.log1p(cells.X)
    cells.write_h5ad("good.h5ad")
    config = H5adConfig(path="good.h5ad", batch="donor", cell_type="kind")
    found = card("data", "h5ad").describe(config)
    [finding] = found.findings
    assert "looks log-transformed" in finding.expected
    assert finding.fix == "these look like counts: set counts: umi"
    with pytest.raises(UserError, match="looks log-transformed"):
        load(config, {})


def test_cells_without_counts_are_counted_before_any_job() -> None:
    from scipy.sparse import csr_matrix

    written("good.h5ad", donor="d1", kind="T")
    cells = anndata.read_h5ad("good.h5ad")
    cells.X[:3] = 0
    cells.X = csr_matrix(cells.X)
    cells.obs["qc"] = ["fail"] * 2 + ["pass"] * 58
    cells.write_h5ad("good.h5ad")
    describe = card("data", "h5ad").describe
    assert (
        "3 cells have no counts; they are removed" in describe(H5adConfig(path="good.h5ad")).lines
    )
    found = describe(H5adConfig(path="good.h5ad", where={"qc": "pass"}))
    assert "1 cells have no counts; they are removed" in found.lines
    cells.X = csr_matrix(np.zeros((60, 12), dtype=np.float32))
    cells.write_h5ad("good.h5ad")
    [finding] = describe(H5adConfig(path="good.h5ad")).findings
    assert finding.expected == "no cell has any counts"


@pytest.mark.parametrize(
    ("guides", "words"),
    [
        (["ctrl"] * 2 + ["A", "B"] * 29, "control cells is 2: expected at least 3"),
        (["ctrl"] * 60, "perturbed cells is 0: expected at least 3"),
        (["ctrl"] * 20 + ["A", "B"] * 19 + ["unknown"] * 2, "perturbation unknown: has 2 cells"),
    ],
)
def test_too_few_cells_of_a_screen_are_found_before_any_job(guides: list[str], words: str) -> None:
    written("screen.h5ad", guide=guides)
    with pytest.raises(UserError, match=words):
        planned([{"screen": SCREEN}], tasks=["seen_perturbations"])


def test_what_is_left_out_is_left_out_of_the_description() -> None:
    written("screen.h5ad", guide=["ctrl"] * 30 + ["A"] * 20 + ["B"] * 7 + ["C"] * 3)
    config = H5adConfig(path="screen.h5ad", perturbation="guide", control="ctrl", min_cells=5)
    found = card("data", "h5ad").describe(config)
    assert found.levels == {"perturbation": {"control": 30, "A": 20, "B": 7}}
    assert found.n_cells == 57
    assert "1 perturbations with fewer than 5 cells were removed (3 cells): C" in found.lines


def few(labels: dict[str, list[str]]) -> CountData:
    n = len(next(iter(labels.values())))
    return CountData(
        counts=np.ones((n, 5)),  # type: ignore[arg-type]
        cell_names=np.arange(n).astype(str),
        gene_names=np.arange(5).astype(str),
        labels={name: np.array(values) for name, values in labels.items()},
    )


@pytest.mark.parametrize("task", names("tasks"))
def test_a_problem_is_refused_for_the_same_reasons(task: str) -> None:
    """Every task with objections raises them when it makes its problem, too."""
    from bench.core.dataset import levels_of_labels

    one = card("tasks", task)
    data = few(
        {"batch": ["b"] * 4, "cell_type": ["t"] * 4, "perturbation": ["control"] * 3 + ["A"]}
    )
    config = one.config()
    findings = one.objections(levels_of_labels(data.labels), config)
    if not findings:
        return
    with pytest.raises(UserError) as raised:
        one.problem_of(data, config, 1, np.random.default_rng(0))
    assert list(raised.value.findings) == findings
