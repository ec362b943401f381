"""Columns of labels: missing words, blanks, numbers, filters, labels of single cells."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest

from bench.core.errors import listed
from bench.data._labels import MISSING
from tests.user_files import loaded, refused, user_file


@pytest.mark.parametrize("word", sorted(MISSING))
@pytest.mark.parametrize("column", ["batch", "cell_type"])
def test_words_for_nothing_are_no_label(tmp_path: Path, word: str, column: str) -> None:
    path = user_file(tmp_path, label=["a", word, "b", f" {word}"])
    data = loaded(path, **{column: "label"})
    assert data.labels[column].tolist() == ["a", "unknown", "b", "unknown"]
    assert f"2 cells without {column} received the label 'unknown'" in data.repairs
    said = f"2 cells have the {column} {word!r}, which means a missing label"
    assert (word == "") or any(repair.startswith(said) for repair in data.repairs)


def test_a_word_for_nothing_is_no_perturbation(tmp_path: Path) -> None:
    path = user_file(tmp_path, guide=["control", "nan", "A", "nan", "A"])
    data = loaded(path, perturbation="guide")
    assert data.labels["perturbation"].tolist() == ["control", "A", "A"]
    assert (
        "2 cells have the perturbation 'nan', which means a missing label; to keep it as a label, "
        "set keep: 'nan'" in data.repairs
    )
    assert "2 of 5 cells had no perturbation label and were removed" in data.repairs


@pytest.mark.parametrize("keep", ["nan", ("nan", "NA")])
def test_a_word_for_nothing_can_be_kept(tmp_path: Path, keep: Any) -> None:
    """A gap of the file stays a gap."""
    path = user_file(tmp_path, guide=["control", "nan", None, "A"])
    data = loaded(path, perturbation="guide", keep=keep)
    assert data.labels["perturbation"].tolist() == ["control", "nan", "A"]


def test_blanks_around_labels_are_removed_and_said(tmp_path: Path) -> None:
    data = loaded(user_file(tmp_path, donor=["d1", " d1", "d2 ", "d2"]), batch="donor")
    assert data.labels["batch"].tolist() == ["d1", "d1", "d2", "d2"]
    said = "blanks around the batch of 2 cells were removed, such as ' d1'"
    assert said in data.repairs


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        (pd.array([1, 2, pd.NA], dtype="Int64"), ["1", "2", "unknown"]),
        (pd.array([True, False, pd.NA], dtype="boolean"), ["True", "False", "unknown"]),
        (pd.array([1, 2, pd.NA], dtype="UInt8"), ["1", "2", "unknown"]),
        (np.array([1.0, 2.0, np.nan]), ["1", "2", "unknown"]),
        (np.array([1.5, 2.0, np.nan], dtype=np.float32), ["1.5", "2", "unknown"]),
        (np.array([True, False, True]), ["True", "False", "True"]),
        (np.array([3, 1, 2], dtype=np.int8), ["3", "1", "2"]),
        (np.array([3, 1, 2], dtype=">i4"), ["3", "1", "2"]),
        (pd.Categorical([1, 2, None], categories=[2, 1]), ["1", "2", "unknown"]),
        (pd.Categorical(["x", None, "y"]), ["x", "unknown", "y"]),
    ],
)
def test_labels_of_every_type(tmp_path: Path, values: Any, labels: list[str]) -> None:
    data = loaded(user_file(tmp_path, lane=values), batch="lane")
    assert data.labels["batch"].tolist() == labels


@pytest.mark.parametrize("unknown", ["Unassigned", ("Unassigned", "?"), 7])
def test_a_label_can_mean_unknown(tmp_path: Path, unknown: Any) -> None:
    path = user_file(tmp_path, kind=["T", "Unassigned", "7", "B"])
    data = loaded(path, cell_type="kind", unknown=unknown)
    expected = ["T", "Unassigned", "unknown", "B"] if unknown == 7 else ["T", "unknown", "7", "B"]
    assert data.labels["cell_type"].tolist() == expected
    assert f"1 cells have the cell_type '{unknown if unknown == 7 else 'Unassigned'}': unknown" in (
        data.repairs
    )
    assert "1 cells without cell_type received the label 'unknown'" in data.repairs


def test_labels_that_may_mean_unknown_are_said(tmp_path: Path) -> None:
    path = user_file(tmp_path, kind=["T", "Unassigned", "unknown", "B"])
    data = loaded(path, cell_type="kind")
    told = " ".join(data.repairs)
    assert "1 cells have the cell_type 'unknown', which means no label" in told
    assert "Unassigned (1 cells) count as a cell type" in told
    assert "add it to the list unknown" in told


@pytest.mark.parametrize("key", ["batch", "cell_type"])
def test_a_label_of_nearly_every_cell_is_refused(tmp_path: Path, key: str) -> None:
    codes = [f"AAAC{i}-1" for i in range(40)]
    path = user_file(tmp_path, code=codes, nearly=[*codes[:36], *codes[:4]], well=codes[:20] * 2)
    assert f"{key} is 'code': has 40 values in 40 cells" in refused(path, **{key: "code"})
    assert f"{key} is 'nearly': has 36 values in 40 cells" in refused(path, **{key: "nearly"})
    assert len(set(loaded(path, **{key: "well"}).labels[key])) == 20


def test_a_perturbation_of_nearly_every_cell_is_refused(tmp_path: Path) -> None:
    path = user_file(tmp_path, guide=["control"] * 9 + [f"G{i}" for i in range(60)])
    told = refused(path, perturbation="guide")
    assert "perturbation is 'guide': has 61 values in 69 cells" in told
    assert "set min_cells" in told


def test_perturbations_of_few_cells_can_be_left_out(tmp_path: Path) -> None:
    rare = [f"RARE{i:02}" for i in range(40)]
    path = user_file(tmp_path, guide=["control"] * 2 + ["A"] * 5 + ["B"] * 4 + rare)
    data = loaded(path, perturbation="guide", min_cells=5)
    assert data.labels["perturbation"].tolist() == ["control"] * 2 + ["A"] * 5
    said = "41 perturbations with fewer than 5 cells were removed (44 cells): B, RARE00, "
    assert any(one.startswith(said) and one.endswith(" and 31 more") for one in data.repairs)
    assert "min_cells is 5: there are no perturbations" in refused(path, min_cells=5)


def test_a_filter_of_cells(tmp_path: Path) -> None:
    path = user_file(tmp_path, donor=list("aabb"), qc=["pass", "fail", "pass ", "low"])
    data = loaded(path, batch="donor", where={"qc": "pass"})
    assert data.cell_names.tolist() == ["c0", "c2"]
    assert data.labels["batch"].tolist() == ["a", "b"]
    assert "2 of 4 cells have pass in qc; the others were removed" in data.repairs
    several = loaded(path, where={"qc": ("pass", "low"), "donor": "b"})
    assert several.cell_names.tolist() == ["c2", "c3"]


@pytest.mark.parametrize("wanted", [True, "True"])
def test_a_filter_by_a_column_of_booleans(tmp_path: Path, wanted: Any) -> None:
    path = user_file(tmp_path, good=[True, False, True], n=[1.0, 2.0, 1.0])
    assert loaded(path, where={"good": wanted}).cell_names.tolist() == ["c0", "c2"]
    assert loaded(path, where={"n": 2}).cell_names.tolist() == ["c1"]


def test_filters_that_leave_nothing(tmp_path: Path) -> None:
    path = user_file(tmp_path, donor=list("ab"), qc=["pass", "fail"])
    assert "where.qc is 'ok': no cell has this label; there are: fail, pass" in refused(
        path, where={"qc": "ok"}
    )
    assert "no cell meets all conditions" in refused(path, where={"qc": "pass", "donor": "b"})
    assert "where.quality is 'quality': no such column in obs" in refused(
        path, where={"quality": "pass"}
    )


def test_symbols_in_a_column_of_var(tmp_path: Path) -> None:
    ids = [f"ENSG{j}" for j in range(6)]
    path = user_file(tmp_path, genes=ids, guide=["control", "KLF1", "SPI1+KLF1", "drug"])
    with h5py.File(path, "r+") as file:
        file["var"]["symbol"] = ["KLF1", "SPI1", "", "G3", "NA", "G5"]
        file["var/symbol"].attrs.update({"encoding-type": "string-array"})
    plain = loaded(path, perturbation="guide")
    assert "0 of 3 treatments have the name of a gene" in " ".join(plain.repairs)
    assert "name the column of var with symbols: gene_names" in " ".join(plain.repairs)
    data = loaded(path, perturbation="guide", gene_names="symbol")
    assert data.gene_names.tolist() == ["KLF1", "SPI1", "ENSG2", "G3", "ENSG4", "G5"]
    assert "2 of 3 treatments have the name of a gene" in data.repairs
    assert "2 genes without symbol kept their name in var" in data.repairs
    assert "gene_names is 'symbl': no such column in var; did you mean symbol?" in refused(
        path, gene_names="symbl"
    )


def test_missing_columns_are_listed_up_to_ten(tmp_path: Path) -> None:
    path = user_file(tmp_path, **{f"column_{i:02}": ["a", "b"] for i in range(14)})
    told = refused(path, batch="donor")
    assert "column_09 and 4 more" in told
    assert "column_10" not in told
    close = user_file(tmp_path, batch=["a", "b"], donor_id=["c", "d"])
    assert "did you mean donor_id?" in refused(close, batch="donor")


def test_lists_end_after_ten() -> None:
    assert listed("abc") == "a, b, c"
    assert listed("abcdefghij") == "a, b, c, d, e, f, g, h, i, j"
    assert listed("abcdefghijkl") == "a, b, c, d, e, f, g, h, i, j and 2 more"


def test_a_word_that_is_nearly_a_label_is_refused(tmp_path: Path) -> None:
    path = user_file(tmp_path, kind=["T", "Doublet", "Debris", "B"])
    said = refused(path, cell_type="kind", unknown=("Debris", "doublet"))
    assert "unknown is 'doublet': no cell has such a label; did you mean Doublet?" in said
    loaded(path, cell_type="kind", unknown=("Debris", "Low quality"))
    assert "unknown is 'Debris': there are no labels" in refused(path, unknown="Debris")


def test_every_control_must_occur_though_gaps_are_controls(tmp_path: Path) -> None:
    path = user_file(tmp_path, guide=[None, None, "luciferase", "A", "A"])
    said = refused(path, perturbation="guide", control=("nan", "lucifrase"))
    assert "control is 'lucifrase': not among the perturbations" in said
    data = loaded(path, perturbation="guide", control=("nan", "luciferase"))
    assert data.labels["perturbation"].tolist() == ["control"] * 3 + ["A"] * 2
    sizes = "2 labels are one set of controls: nan (2 cells), luciferase (1 cells)"
    assert sizes in data.repairs


def test_an_empty_filter_is_refused(tmp_path: Path) -> None:
    path = user_file(tmp_path, qc=["pass", "fail", None])
    assert "where.qc is []: expected at least one label" in refused(path, where={"qc": ()})


def test_labels_that_become_one_are_said(tmp_path: Path) -> None:
    guides = ["control", "drug", "drug_1", "A+A", "B+A", "A+B", "A"]
    data = loaded(user_file(tmp_path, guide=guides), perturbation="guide", dose_separator="_")
    assert "these labels are one perturbation each: drug and drug_1" in data.repairs
    assert "the dosages of a repeated treatment add up: A+A" in data.repairs
    guides = ["control", "A_B", "A", "HLA_X"]
    data = loaded(user_file(tmp_path, guide=guides), perturbation="guide", separator="_")
    assert "no part of these combinations occurs alone: HLA_X" in data.repairs
