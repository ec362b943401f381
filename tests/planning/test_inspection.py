"""``check`` looks into the data: sizes, levels of labels, mistakes, and what a study costs."""

from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pandas as pd
import pytest
import yaml

from bench.__main__ import main
from bench.core.errors import UserError
from bench.planning.descriptions import Descriptions
from bench.planning.estimate import Size, estimate
from bench.planning.inspection import descriptions, inspection
from bench.planning.plan import make_plan
from bench.planning.plan_record import Plan
from bench.planning.study import load_study

STUDY: dict[str, Any] = {
    "seeds": 2,
    "datasets": [{"mine": {"path": "mine.h5ad", "batch": "donor", "cell_type": "kind"}}],
    "tasks": ["held_out_cells"],
    "training": {"max_epochs": 100, "patience": 0},
    "runs": {"nbvae": {"variant": "nbvae"}},
    "metrics": ["elbo"],
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a file of 60 cells, 12 genes and labels with gaps."""
    obs = pd.DataFrame(
        {
            "donor": np.repeat(["d1", "d2"], [25, 35]),
            "donor_id": "d",
            "kind": np.repeat(["T", "B", "nan"], [40, 15, 5]),
        },
        index=[f"cell{n}" for n in range(60)],
    )
    counts = np.random.default_rng(0).poisson(1.0, (60, 12)).astype(np.float32)
    anndata.AnnData(counts, obs=obs).write_h5ad(tmp_path / "mine.h5ad")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def planned(**changes: Any) -> Plan:
    Path("study.yaml").write_text(yaml.safe_dump(STUDY | changes))
    return make_plan(load_study(Path("study.yaml")))


def test_sizes_levels_and_gaps_are_printed() -> None:
    plan = planned()
    text = "\n".join(inspection(plan, descriptions(plan, Descriptions())))
    assert "dataset mine: 60 cells × 12 genes; provides batch, cell_type, counts" in text
    assert "batch (donor): 2 levels: d2 (35), d1 (25)" in text
    assert "cell_type (kind): 2 levels: T (40), B (15); 5 cells without a label" in text
    assert "5 cells have the cell_type 'nan', which means a missing label" in text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"batch": "doner"}, "datasets.mine.batch is 'doner': no such column in obs (did you mean"),
        ({"counts": "raw"}, "datasets.mine.counts is 'raw': not in the file (there are: X)"),
        ({"gene_names": "symbol"}, "datasets.mine.gene_names is 'symbol': no such column in var"),
        ({"where": {"qc": "pass"}}, "datasets.mine.where.qc is 'qc': no such column in obs"),
    ],
)
def test_mistakes_that_only_the_file_shows_are_found_with_the_plan(
    changes: dict[str, Any], words: str
) -> None:
    mine = {"path": "mine.h5ad", "cell_type": "kind", **changes}
    plan = planned(datasets=[{"mine": mine}, "gamma_poisson"])
    with pytest.raises(UserError) as raised:
        descriptions(plan, Descriptions())
    [line] = [str(finding) for finding in raised.value.findings]
    assert words.split(" (")[0] in line


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"batch": "gaps"}, "datasets.mine.batch is 'gaps': no cell has a label in this column"),
        (
            {"batch": "donor", "unknown": ["D1"]},
            "datasets.mine.unknown is 'D1': no cell has such a label",
        ),
        (
            {"batch": "donor", "keep": ["NA"]},
            "datasets.mine.keep is 'NA': no cell has such a label",
        ),
        (
            {"perturbation": "guide", "control": "NT", "min_cells": 31},
            "datasets.mine.min_cells is 31: leaves no perturbation: the largest has 20 cells",
        ),
    ],
)
def test_settings_that_fit_no_cell_are_found_with_the_plan(
    folder: Path, changes: dict[str, Any], words: str
) -> None:
    cells = anndata.read_h5ad("mine.h5ad")
    cells.obs["gaps"] = "nan"
    cells.obs["guide"] = np.repeat(["NT", "A", "B"], [30, 20, 10])
    cells.write_h5ad("mine.h5ad")
    plan = planned(datasets=[{"mine": {"path": "mine.h5ad", **changes}}])
    with pytest.raises(UserError) as raised:
        descriptions(plan, Descriptions())
    [line] = [str(finding) for finding in raised.value.findings]
    assert line.startswith(words)


def test_labels_that_are_alike_single_or_confounded_are_said(folder: Path) -> None:
    cells = anndata.read_h5ad("mine.h5ad")
    cells.obs["kind"] = np.repeat(["T cell", "t_cell", "B"], [20, 20, 20])
    cells.write_h5ad("mine.h5ad")
    mine = {"path": "mine.h5ad", "batch": "donor_id", "cell_type": "kind"}
    plan = planned(datasets=[{"mine": mine}])
    text = "\n".join(inspection(plan, descriptions(plan, Descriptions())))
    assert "batch (donor_id): 1 level: d (60); one level only" in text
    assert "T cell, t_cell are different labels of cell_type: they differ only in case" in text
    plan = planned(datasets=[{"mine": mine | {"batch": "kind"}}])
    text = "\n".join(inspection(plan, descriptions(plan, Descriptions())))
    assert "every batch is one cell type and the reverse" in text


def test_a_file_that_is_damaged_is_found_with_the_plan() -> None:
    plan = planned()
    whole = Path("mine.h5ad").read_bytes()
    Path("mine.h5ad").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError) as raised:
        descriptions(plan, Descriptions())
    assert "datasets.mine: mine.h5ad" in str(raised.value.findings[0])


def test_the_command_ends_with_2_and_one_line_for_each_mistake(
    capsys: pytest.CaptureFixture[str],
) -> None:
    planned(datasets=[{"mine": {"path": "mine.h5ad", "batch": "lane", "cell_type": "sort"}}])
    assert main(["check", "study.yaml"]) == 2
    said = capsys.readouterr().err
    assert "2 problems in the data of the study study:" in said
    assert said.count("there are: donor, donor_id, kind") == 2


def seconds(plan: Plan, cells: int = 1000, speed: float = 1.0, cores: int = 1) -> float:
    return 60 * estimate(plan, {"mine": Size(cells, 12)}, cores, speed).minutes


def test_an_estimate_grows_with_the_work() -> None:
    once = seconds(planned())
    assert seconds(planned(), cells=100_000) > 2 * once
    assert seconds(planned(training={"max_epochs": 100_000, "patience": 0})) > 2 * once
    assert seconds(planned(seeds=50), cells=100_000) > 2 * seconds(planned(), cells=100_000)
    assert seconds(planned(), speed=0.25) > 2 * once
    assert seconds(planned(splits=9), cores=4) < seconds(planned(splits=9))
    more = estimate(planned(splits=4), {"mine": Size(10_000, 2_000)}, 1, 1.0).megabytes
    assert more > 2 * estimate(planned(), {"mine": Size(10_000, 2_000)}, 1, 1.0).megabytes
