"""The loaders of published screens, on small files of the same layout."""

import json
from pathlib import Path

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix

from bench.core.errors import UserError
from bench.data import _published_selection, norman2019, replogle2022
from bench.data._published_selection import opened, recounted, selected
from bench.data.norman2019 import Norman2019Config
from bench.data.replogle2022 import Replogle2022Config

COUNTS = np.random.default_rng(9).poisson(2.0, size=(9, 6)) + 1
"""(cell, gene)"""


def cells(obs: pd.DataFrame, var: pd.DataFrame, matrix: np.ndarray) -> anndata.AnnData:
    obs.index = [f"c{i}" for i in range(len(obs))]
    return anndata.AnnData(X=matrix, obs=obs, var=var)


def in_old_format(path: Path) -> None:
    """Categories beside the tables that refer to them, as the published files have them."""
    with h5py.File(path, "r+") as file:
        for frame in (file["obs"], file["var"]):
            frame.attrs["encoding-version"] = "0.1.0"
            names = [name for name in frame if isinstance(frame[name], h5py.Group)]
            levels = frame.create_group("__categories")
            for name in names:
                codes, texts = frame[name]["codes"][:], frame[name]["categories"][:]
                del frame[name]
                levels.create_dataset(name, data=texts, dtype=h5py.string_dtype())
                levels[name].attrs["ordered"] = False
                frame.create_dataset(name, data=codes)
                frame[name].attrs["categories"] = levels[name].ref


NORMAN_GUIDES = {
    "guide_CEBPA": [0, 1, 0, 1, 1, 0, 0, 0, 0],
    "guide_KLF1": [0, 0, 1, 1, 1, 0, 0, 0, 0],
    "guide_SET": [0, 0, 0, 0, 0, 1, 0, 0, 1],
}
NORMAN_NAMES = ["control", "CEBPA", "KLF1", *["CEBPA+KLF1"] * 2, "SET", "control", "control", "SET"]


def norman_file(folder: Path, old: bool = False, **more: list[int]) -> dict[str, Path]:
    obs = pd.DataFrame({**NORMAN_GUIDES, **more})
    obs["guide_identity"] = pd.Categorical(["x__x", "y__y", "z__z"] * 3)
    obs["guide_ids"] = pd.Categorical(["", "CEBPA", "KLF1"] * 3)
    symbols = pd.Categorical([f"G{j}" for j in range(6)])
    var = pd.DataFrame({"gene_symbols": symbols, "highly_variable": [True, False] * 3})
    var.index = [f"G{j}" for j in range(6)]
    data = cells(obs, var, np.log1p(COUNTS).astype(np.float32))
    data.layers["counts"] = csr_matrix(COUNTS.astype(np.float32))
    path = folder / norman2019.FILE
    data.write_h5ad(path)
    if old:
        in_old_format(path)
    return {norman2019.FILE: path}


@pytest.mark.parametrize("old", [False, True])
def test_norman_has_counts_of_variable_genes_and_sums_of_guides(tmp_path: Path, old: bool) -> None:
    data = norman2019.load(Norman2019Config(), norman_file(tmp_path, old))
    np.testing.assert_array_equal(data.counts.toarray(), COUNTS[:, ::2])
    assert data.gene_names.tolist() == ["G0", "G2", "G4"]
    assert data.cell_names.tolist() == [f"c{i}" for i in range(9)]
    assert data.labels["perturbation"].tolist() == NORMAN_NAMES


def test_norman_is_recounted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = norman_file(tmp_path)
    said = (
        "the size differs from the publication: 9 cells, 3 genes, 3 targets, 1 combinations; "
        "published: 111,255 cells, 5,000 genes, 105 targets, 132 combinations"
    )
    assert norman2019.load(Norman2019Config(), files).repairs == (said,)
    sizes = {"cells": 9, "genes": 3, "targets": 3, "combinations": 1}
    monkeypatch.setattr(norman2019, "PUBLISHED", sizes)
    assert norman2019.load(Norman2019Config(), files).repairs == ()


def test_norman_with_other_columns_is_refused(tmp_path: Path) -> None:
    files = norman_file(tmp_path, guide_FEV=[0, 0, 0, 0, 0, 0, 0, 0, 2])
    with pytest.raises(UserError, match="have values other than 0 and 1"):
        norman2019.load(Norman2019Config(), files)
    with h5py.File(files[norman2019.FILE], "r+") as file:
        for name in [name for name in file["obs"] if name.startswith("guide_")]:
            del file["obs"][name]
        kept = [n for n in file["obs"].attrs["column-order"] if not n.startswith("guide_")]
        file["obs"].attrs["column-order"] = np.array(kept, dtype=h5py.string_dtype())
    with pytest.raises(UserError, match="obs has no columns guide_<target>"):
        norman2019.load(Norman2019Config(), files)


GENE = [
    "EXOSC1",
    "non-targeting",
    "EXOSC1",
    "WEAK",
    "MED1",
    "non-targeting",
    "MED1",
    "SRP9",
    "MED1",
]
GUIDES = ["e|f", "n1|n2", "e|f", "w|w", "m_+_2|m", "n3|n4", "m_+_1|m", "s_+_1|s", "m_+_2|m"]


def replogle_files(folder: Path, old: bool = False, lists: str = "") -> dict[str, Path]:
    """The matrix is dense and contiguous."""
    obs = pd.DataFrame({"gene": pd.Categorical(GENE), "sgID_AB": pd.Categorical(GUIDES)})
    symbols = pd.Categorical(["A", "B", "TWIN", "C", "TWIN", "D"])
    var = pd.DataFrame({"gene_name": symbols}, index=[f"ENSG{j}" for j in range(6)])
    path = folder / replogle2022.FILE
    cells(obs, var, COUNTS.astype(np.float32)).write_h5ad(path)
    if old:
        in_old_format(path)
    sources = [
        "%load_ext autoreload\n",
        'string = """EXOSC1,MED1\nMED1,SRP9,ABSENT"""\n',
        lists or 'string_genes = """A,TWIN\nD"""',
    ]
    notebook = {"cells": [{"cell_type": "code", "source": [text]} for text in sources]}
    (folder / replogle2022.LISTS).write_text(json.dumps(notebook), encoding="utf8")
    return {name: folder / name for name in (replogle2022.FILE, replogle2022.LISTS)}


@pytest.mark.parametrize("old", [False, True])
def test_replogle_has_listed_targets_and_genes(tmp_path: Path, old: bool) -> None:
    """A pair of guides is a treatment, numbered where its gene has several."""
    data = replogle2022.load(Replogle2022Config(), replogle_files(tmp_path, old))
    strong = [i for i, gene in enumerate(GENE) if gene != "WEAK"]
    np.testing.assert_array_equal(data.counts.toarray(), COUNTS[strong][:, [0, 2, 4, 5]])
    assert data.gene_names.tolist() == ["A", "TWIN", "TWIN-1", "D"]
    assert data.cell_names.tolist() == [f"c{i}" for i in strong]
    named = ["EXOSC1", "control", "EXOSC1", "MED1#2", "control", "MED1#1", "SRP9", "MED1#2"]
    assert data.labels["perturbation"].tolist() == named
    assert data.repairs == (
        "1 duplicate gene names received a number to make them unique",
        "the size differs from the publication: 8 cells, 4 genes; published: 118,641 cells, "
        "1,187 genes",
    )


def test_replogle_by_gene(tmp_path: Path) -> None:
    files = replogle_files(tmp_path)
    data = replogle2022.load(Replogle2022Config(treatment="gene"), files)
    named = ["EXOSC1", "control", "EXOSC1", "MED1", "control", "MED1", "SRP9", "MED1"]
    assert data.labels["perturbation"].tolist() == named


def test_the_non_targeting_cells_are_those_numpy_draws_with_seed_0() -> None:
    """As published: the legacy global stream, seeded with 0, shuffles their numbers."""
    targets = np.array(["non-targeting", "MED1"])[np.random.default_rng(1).integers(2, size=9000)]
    drawn = replogle2022._controls(targets)
    own = np.flatnonzero(targets == "non-targeting")
    state = np.random.get_state()
    try:
        np.random.seed(0)
        np.random.shuffle(own)
    finally:
        np.random.set_state(state)
    assert drawn.sum() == 2000
    np.testing.assert_array_equal(np.flatnonzero(drawn), np.sort(own[:2000]))


def test_a_notebook_without_the_lists_is_refused(tmp_path: Path) -> None:
    files = replogle_files(tmp_path, lists="genes = []")
    with pytest.raises(UserError, match="cannot be read as the notebook with the two lists"):
        replogle2022.load(Replogle2022Config(), files)
    files[replogle2022.LISTS].write_text("<html>", encoding="utf8")
    with pytest.raises(UserError, match="delete and fetch again"):
        replogle2022.load(Replogle2022Config(), files)


@pytest.mark.parametrize("dense", [True, False])
@pytest.mark.parametrize("at_a_time", [1, 2, 4, 100])
def test_a_part_is_read_some_rows_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dense: bool, at_a_time: int
) -> None:
    monkeypatch.setattr(_published_selection, "ROWS_AT_A_TIME", at_a_time)
    matrix = COUNTS.astype(np.float32) if dense else csr_matrix(COUNTS.astype(np.float32))
    anndata.AnnData(X=matrix).write_h5ad(tmp_path / "cells.h5ad")
    rows = np.array([0, 1, 1, 0, 0, 0, 0, 1, 1], dtype=bool)
    columns = np.array([1, 0, 0, 1, 1, 0], dtype=bool)
    with opened(tmp_path / "cells.h5ad") as file:
        part = selected(file, "X", rows, columns)
        nothing = selected(file, "X", ~rows & rows, columns)
    np.testing.assert_array_equal(part.toarray(), COUNTS[rows][:, columns])
    assert nothing.shape == (0, 3)


def test_a_damaged_file_is_said_to_be_one(tmp_path: Path) -> None:
    files = norman_file(tmp_path)
    path = files[norman2019.FILE]
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(UserError, match=r"Norman_2019\.h5ad: cannot be read.*delete and fetch"):
        norman2019.load(Norman2019Config(), files)


def test_a_file_without_a_column_is_refused_by_its_name(tmp_path: Path) -> None:
    files = replogle_files(tmp_path)
    files[replogle2022.FILE] = norman_file(tmp_path)[norman2019.FILE]
    with pytest.raises(UserError, match="obs has no gene, sgID_AB"):
        replogle2022.load(Replogle2022Config(), files)


def test_sizes_as_published_are_not_mentioned() -> None:
    assert recounted({"cells": 3, "genes": 2}, {"cells": 3, "genes": 2}) == ()
    assert recounted({"cells": 1234}, {"cells": 5678}) == (
        "the size differs from the publication: 1,234 cells; published: 5,678 cells",
    )
