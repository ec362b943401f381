"""Perturbations of a user's file: one spelling for all, and everything wrong said at once."""

from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix

from bench.core.dataset import CountData
from bench.core.errors import UserError
from bench.data.h5ad import H5adConfig, load
from bench.parts.perturbations.treatments import dosages

LABELS = ["ctrl", "B+A", "A+ctrl", " A + B ", "C", "ctrl+ctrl", "ctrl+C"]


def written(
    folder: Path, labels: list[Any], dosage: list[Any] | None = None, empty: tuple[int, ...] = ()
) -> str:
    """A file of these cells; those numbered in ``empty`` have no counts."""
    counts = np.random.default_rng(3).poisson(3.0, size=(len(labels), 6)) + 1
    counts[list(empty)] = 0
    obs = pd.DataFrame({"guide": labels}, index=[f"c{i}" for i in range(len(labels))])
    if dosage is not None:
        obs["dose"] = dosage
    cells = anndata.AnnData(X=csr_matrix(counts.astype(np.float32)), obs=obs)
    cells.write_h5ad(folder / "screen.h5ad")
    return str(folder / "screen.h5ad")


def loaded(path: str, **config: Any) -> CountData:
    return load(H5adConfig(path=path, perturbation="guide", **config), {})


def said(path: str, **config: Any) -> str:
    with pytest.raises(UserError) as caught:
        loaded(path, **config)
    return str(caught.value)


def no_gene(n_treatments: int) -> str:
    """The sentence about treatments of which none is a gene of the file."""
    named = f"0 of {n_treatments} treatments have the name of a gene"
    return f"{named}; if treatments are genes, name the column of var with symbols: gene_names"


def test_labels_come_out_in_one_spelling(tmp_path: Path) -> None:
    data = loaded(written(tmp_path, LABELS), control="ctrl")
    expected = ["control", "A+B", "A", "A+B", "C", "control", "C"]
    assert data.labels["perturbation"].tolist() == expected
    assert data.repairs == (
        "blanks around the perturbation of 1 cells were removed, such as ' A + B '",
        "the perturbations of 5 cells were renamed, such as 'B+A' as 'A+B'",
        no_gene(3),
    )


def test_labels_that_need_no_change_are_no_repair(tmp_path: Path) -> None:
    labels = ["control", "A", "A+B", "A@0.5+B", "chr3.5_top_two", "mail@home"]
    data = loaded(written(tmp_path, labels))
    assert data.labels["perturbation"].tolist() == labels
    assert data.repairs == (no_gene(4),)


def test_dosages_stand_behind_an_at(tmp_path: Path) -> None:
    labels = ["ctrl", "drug", "drug", "gene+drug", "gene+ctrl", "ctrl+drug", "drug"]
    dosage = ["", "0.5", "1", "1+1e+20", "2+1", "7+0.25", "0"]
    data = loaded(written(tmp_path, labels, dosage), control="ctrl", dosage="dose")
    expected = ["control", "drug@0.5", "drug", "drug@1e20+gene", "gene@2", "drug@0.25", "control"]
    assert data.labels["perturbation"].tolist() == expected
    names, amounts = dosages(data.labels["perturbation"])
    assert names == ("drug", "gene")
    np.testing.assert_array_equal(
        amounts.toarray(), [[0, 0], [0.5, 0], [1, 0], [1e20, 1], [0, 2], [0.25, 0], [0, 0]]
    )


def test_dosages_may_be_a_column_of_numbers(tmp_path: Path) -> None:
    """Those of the controls may be anything, NaN too."""
    path = written(tmp_path, ["control", "drug", "drug"], [np.nan, 2.5, 10_000_000.0])
    data = loaded(path, dosage="dose")
    assert data.labels["perturbation"].tolist() == ["control", "drug@2.5", "drug@10000000"]


def test_a_dosage_of_nothing_is_a_control(tmp_path: Path) -> None:
    """So no name of the control is needed, unless one is given."""
    path = written(tmp_path, ["drug", "drug", "drug"], ["0", "1", "0.0"])
    data = loaded(path, dosage="dose")
    assert data.labels["perturbation"].tolist() == ["control", "drug", "control"]
    assert "control is 'vehicle': not among the perturbations" in said(
        path, dosage="dose", control="vehicle"
    )


def test_cells_without_a_label_are_dropped_and_counted(tmp_path: Path) -> None:
    path = written(tmp_path, ["control", None, "A", "", "A", "  "])
    data = loaded(path)
    assert data.labels["perturbation"].tolist() == ["control", "A", "A"]
    assert data.cell_names.tolist() == ["c0", "c2", "c4"]
    assert data.repairs == ("3 of 6 cells had no perturbation label and were removed", no_gene(1))


def test_empty_cells_go_after_those_without_a_label(tmp_path: Path) -> None:
    path = written(tmp_path, ["control", None, "A", "B", "A"], empty=(1, 3))
    data = loaded(path)
    assert data.labels["perturbation"].tolist() == ["control", "A", "A"]
    assert data.repairs == (
        "1 of 5 cells had no perturbation label and were removed",
        "1 of 4 cells had no counts and were removed",
        no_gene(1),
    )


def test_controls_without_a_count_are_no_controls(tmp_path: Path) -> None:
    path = written(tmp_path, ["control", "A", "control", "A"], empty=(0, 2))
    assert "no control cell has any counts" in said(path)


def test_a_control_that_is_not_there(tmp_path: Path) -> None:
    labels = ["Non-Targeting"] * 4 + ["KLF1"] * 9 + [f"G{i}" for i in range(20)]
    path = written(tmp_path, labels)
    told = said(path, control="non_targeting")
    assert "control is 'non_targeting': not among the perturbations" in told
    assert "did you mean Non-Targeting? there are: KLF1, Non-Targeting, G0, " in told
    assert "and 12 more" in told


def test_the_control_is_missed_even_where_it_is_not_named(tmp_path: Path) -> None:
    told = said(written(tmp_path, ["ctrl", "A", "B"]))
    assert "control is 'control': not among the perturbations" in told
    assert "did you mean ctrl? there are: ctrl, A, B" in told


def test_a_control_of_combinations_only(tmp_path: Path) -> None:
    told = said(written(tmp_path, ["A+ctrl", "B+ctrl"]), control="ctrl")
    assert "control is 'ctrl': only in combinations" in told


def test_no_label_at_all(tmp_path: Path) -> None:
    assert "no cell has a label" in said(written(tmp_path, [None, "", None]))


def test_everything_wrong_is_said_at_once(tmp_path: Path) -> None:
    labels = ["A", "A", "A+B", "A+B", "A+B", "A", "A@2", "A", "+A", "A"]
    dosage = ["-1", "-0.5", "1", "1+1+1", "1+x", "nan", "1", "", "1+1", "inf"]
    path = written(tmp_path, labels, dosage)
    with pytest.raises(UserError) as caught:
        loaded(path, dosage="dose", batch="gem", cell_type="line")
    told = str(caught.value)
    for one in (
        "batch is 'gem': no such column in obs",
        "cell_type is 'line': no such column in obs",
        "dosage is 'dose': 2 cells have a negative dosage, such as 'A' with '-1'",
        "2 cells have different numbers of parts and dosages joined by +, such as 'A+B' with '1'",
        "2 cells have a dosage that is not a number, such as 'A+B' with '1+x'",
        "1 cells have a dosage in the label in addition to that of the column, "
        "such as 'A@2' with '1'",
        "2 cells have no dosage, such as 'A' with ''",
        "1 cells have a part without a name next to a +, such as '+A' with '1+1'",
        "control is 'control': not among the perturbations",
    ):
        assert one in told
    assert len(caught.value.findings) == 9


def test_dosages_in_labels_are_checked_too(tmp_path: Path) -> None:
    told = said(written(tmp_path, ["control", "A@-1", "B@nan+A", "A@0.5"]))
    assert "perturbation is 'guide': 2 cells have a dosage in the label that is negative" in told


def test_a_treatment_may_not_bear_the_name_of_controls(tmp_path: Path) -> None:
    told = said(written(tmp_path, ["vehicle", "control", "A+control"]), control="vehicle")
    assert "2 cells have the name 'control', but the key control is 'vehicle'" in told


def test_columns_that_are_not_there(tmp_path: Path) -> None:
    path = written(tmp_path, ["control", "A"])
    assert "dosage is 'dose': no such column in obs; there are: guide" in said(path, dosage="dose")
    with pytest.raises(UserError, match="did you mean guide"):
        load(H5adConfig(path=path, perturbation="guides", control="ctrl"), {})


def test_keys_that_need_a_perturbation(tmp_path: Path) -> None:
    path = written(tmp_path, ["control", "A"], ["1", "1"])
    with pytest.raises(UserError) as caught:
        load(H5adConfig(path=path, control="ctrl", dosage="dose"), {})
    assert len(caught.value.findings) == 2
    assert "control is 'ctrl': there are no perturbations" in str(caught.value)
    assert "perturbation" not in load(H5adConfig(path=path), {}).labels
