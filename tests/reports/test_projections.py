"""Pictures on the page: the best runs, labelled cells marked, nothing of what nobody may see."""

import re
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench.reports import projections
from bench.reports._leaderboards import leaderboards
from bench.reports._page import compose
from bench.results.tables import Results, read

StudyFolder = Callable[..., Path]
TASK, DATASET = "thinned_counts", "thinning_example"
N_CELLS, TYPES = 40, np.array(["b cell", "nk, active", "t cell"])
MEANS = {f"nbvae.{k}": ("models", "nbvae", "competitor", k / 10, 0.0) for k in range(8)} | {
    "knn": ("baselines", "knn", "competitor", 0.95, 0.0),
    "mean": ("baselines", "mean", "floor", 0.0, 0.0),
}


def cells(seed: int) -> pd.DataFrame:
    """What a job wrote of 40 cells, ten of them labelled."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"cell": [f"cell-{k}" for k in range(N_CELLS)]})
    table["true_type"] = TYPES[np.arange(N_CELLS) % 3]
    table["predicted_type"] = TYPES[rng.integers(2, size=N_CELLS)]
    table["probability"] = rng.uniform(size=N_CELLS).astype(np.float32)
    table["labelled"] = np.arange(N_CELLS) < 10
    for name in ("umap_1", "umap_2", "pca_1", "pca_2"):
        table[name] = rng.normal(size=N_CELLS).astype(np.float32)
    return table.assign(seed=3)


@pytest.fixture
def drawn(study_folder: StudyFolder) -> Results:
    """A study whose runs were all projected but for the last but one, which left an empty file."""
    folder = study_folder(datasets=(DATASET,), tasks=(TASK,), means=MEANS, without_truth=())
    paths = []
    for number, (run, (kind, *_)) in enumerate(MEANS.items()):
        shelf = "runs" if kind == "models" else "baselines"
        path = folder / shelf / DATASET / TASK / "1" / run / "projection.parquet"
        path.parent.mkdir(parents=True)
        path.write_bytes(b"") if run == "nbvae.6" else cells(number).to_parquet(path)
        paths.append(path)
    return read(folder, paths)


def test_the_best_runs_are_drawn_variants_and_baselines_alike(drawn: Results) -> None:
    found = projections.panels(drawn, leaderboards(drawn))
    wanted = ["knn", "nbvae.7", "nbvae.5", "nbvae.4", "nbvae.3", "nbvae.2"]
    assert [panel.run for panel in found] == wanted
    assert [panel.rank for panel in found] == [1, 2, 4, 5, 6, 7]
    assert {panel.seed for panel in found} == {3}
    assert {panel.n_labelled for panel in found} == {10}


def test_what_is_drawn_is_what_was_written(drawn: Results) -> None:
    best = projections.panels(drawn, leaderboards(drawn))[0]
    # Both pictures share one copy.
    [text] = best.spec["datasets"].values()
    table, truth = pd.read_csv(StringIO(text)), cells(list(MEANS).index("knn"))
    assert table["cell"].tolist() == truth["cell"].tolist()
    assert table["true"].tolist() == truth["true_type"].tolist()
    assert table["predicted"].tolist() == truth["predicted_type"].tolist()
    assert table["labelled"].tolist() == [1] * 10 + [0] * 30
    np.testing.assert_allclose(table["p"], truth["probability"], atol=5e-4)
    for name in ("umap_1", "pca_2"):
        np.testing.assert_allclose(table[name], truth[name], atol=np.ptp(truth[name]) / 500)


def test_a_type_has_one_colour_and_labelled_cells_another_mark(drawn: Results) -> None:
    best = projections.panels(drawn, leaderboards(drawn))[0]
    assert list(best.colours) == sorted(TYPES)
    assert len(set(best.colours.values())) == 3
    assert len(set(projections.COLOURS)) == 20
    pictures = best.spec["hconcat"]
    fields = []
    for picture in pictures:
        others, labelled = picture["layer"]
        assert {"filter": "datum.labelled"} in labelled["transform"]
        assert {"filter": "!datum.labelled"} in others["transform"]
        assert others["mark"]["shape"] != labelled["mark"]["shape"]
        assert labelled["mark"]["stroke"] == "currentColor"
        for layer in (others, labelled):
            scale = layer["encoding"]["fill"]["scale"]
            assert dict(zip(scale["domain"], scale["range"], strict=True)) == best.colours
        tips = {tip["field"] for tip in labelled["encoding"]["tooltip"]}
        assert tips == {"cell", "true", "predicted", "p", "label"}
        fields.append(others["encoding"]["fill"]["field"])
    assert fields == ["true", "predicted"]
    opaque = [p["layer"][0]["encoding"].get("fillOpacity", {}).get("field") for p in pictures]
    assert opaque == [None, "p"]


def test_the_page_holds_them_and_loads_nothing(drawn: Results) -> None:
    page, plain = compose(drawn), compose(replace(drawn, page_files=()))
    assert 'id="projections"' in page
    assert 'id="projections"' not in plain
    assert "#projections" not in plain.partition("<script")[0]
    own = re.sub(r'<script type="module">.*?</script>', "", page, flags=re.DOTALL)
    assert "://" not in own
    assert "url(" not in own
    for panel in projections.panels(drawn, leaderboards(drawn)):
        assert panel.spec["config"]["background"] == "transparent"
    assert len(page) - len(plain) < 1e5


def test_a_full_board_stays_light() -> None:
    """1,500 cells with long names, six runs of them: less than 1.5 MB."""
    table = pd.concat([cells(k) for k in range(38)])[:1500]
    table["cell"] = [f"AAACCTGAGCATCATC-1-donor-{k:05d}" for k in range(len(table))]
    assert len(projections._compact(table)) * projections.MOST_RUNS < 1.5e6


def test_the_page_says_that_colours_repeat(
    study_folder: StudyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = "3 types and 2 colours: types 2 places apart in this list share a colour"
    folder = study_folder(datasets=(DATASET,), tasks=(TASK,), means=MEANS, without_truth=())
    path = folder / "runs" / DATASET / TASK / "1" / "nbvae.7" / "projection.parquet"
    path.parent.mkdir(parents=True)
    cells(1).to_parquet(path)
    assert note not in compose(read(folder, [path]))
    monkeypatch.setattr(projections, "COLOURS", projections.COLOURS[:2])
    assert note in compose(read(folder, [path]))


def test_every_tooltip_shows_a_column_of_the_data_or_a_computed_one(drawn: Results) -> None:
    spec = projections.panels(drawn, leaderboards(drawn))[0].spec
    [text] = spec["datasets"].values()
    known = {*pd.read_csv(StringIO(text)).columns}
    found = set[str]()

    def visit(node: object) -> None:
        if isinstance(node, dict):
            known.update([node["as"]] if isinstance(node.get("as"), str) else [])
            tips = node.get("tooltip", [])
            found.update(tip["field"] for tip in tips if isinstance(tip, dict))
        for part in (
            node.values() if isinstance(node, dict) else node if isinstance(node, list) else []
        ):
            visit(part)

    visit(spec)
    assert "label" in found
    assert found <= known
