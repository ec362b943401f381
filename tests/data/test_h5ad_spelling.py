"""How a study says what controls, combinations and doses are called in its file."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.catalogue import card
from bench.core.errors import UserError
from bench.parts.perturbations.treatments import dosages
from tests.user_files import loaded, refused, user_file


def perturbations(path: str, **config: Any) -> list[str]:
    return loaded(path, perturbation="guide", **config).labels["perturbation"].tolist()


def repairs(path: str, **config: Any) -> str:
    return " | ".join(loaded(path, perturbation="guide", **config).repairs)


ENANTIOMERS = ["control", "(+)-X", "(-)-X", "b-(+|-)", "c-(+|-)"]


def test_a_plus_that_belongs_to_names_is_refused(tmp_path: Path) -> None:
    told = refused(user_file(tmp_path, guide=ENANTIOMERS), perturbation="guide")
    assert "separator is '+': splits 3 labels into parts that never occur alone" in told
    assert "such as '(+)-X' into '(' and ')-X'" in told
    assert "(+)-X, b-(+|-), c-(+|-)" in told
    assert "set separator: none" in told


def test_without_a_separator_each_label_is_one_treatment(tmp_path: Path) -> None:
    path = user_file(tmp_path, guide=[*ENANTIOMERS, "A@2"])
    data = loaded(path, perturbation="guide", separator="none", dose_separator="none")
    names, _ = dosages(data.labels["perturbation"])
    assert names == ("(-)-X", "(⁺)-X", "A at 2", "b-(⁺|-)", "c-(⁺|-)")
    assert "renamed, such as '(+)-X' as '(⁺)-X'" in " ".join(data.repairs)
    assert "A@2" in perturbations(path, separator="none")


def test_half_a_bracket_is_refused_beside_real_combinations(tmp_path: Path) -> None:
    path = user_file(tmp_path, guide=["control", "A", "B", "A+B", "[+]-Y"])
    assert "such as '[+]-Y' into '[' and ']-Y'" in refused(path, perturbation="guide")


def test_combinations_of_which_no_part_is_alone_need_a_word(tmp_path: Path) -> None:
    path = user_file(tmp_path, guide=["control", "A+B", "C+D"])
    assert "splits 2 labels into parts that never occur alone" in refused(
        path, perturbation="guide"
    )
    assert perturbations(path, separator="+") == ["control", "A+B", "C+D"]


@pytest.mark.parametrize("separator", ["_", "|", ";", "&", " and "])
def test_parts_joined_otherwise(tmp_path: Path, separator: str) -> None:
    labels = [one.replace("_", separator) for one in ("ctrl", "A_ctrl", "B_ctrl", "B_A", "A")]
    path = user_file(tmp_path, guide=labels)
    expected = ["control", "A", "B", "A+B", "A"]
    assert perturbations(path, control="ctrl", separator=separator) == expected


@pytest.mark.parametrize("separator", ["_", "|", ";"])
def test_a_separator_that_would_work_is_suggested(tmp_path: Path, separator: str) -> None:
    labels = [one.replace("_", separator) for one in ("ctrl", "A_ctrl", "B_ctrl", "A_B")]
    path = user_file(tmp_path, guide=labels)
    told = refused(path, perturbation="guide", control="ctrl")
    assert f"2 labels join a control by {separator}: A{separator}ctrl, B{separator}ctrl" in told
    assert f'set separator: "{separator}"' in told
    assert f"A{separator}B" in perturbations(path, control="ctrl", separator="+")


def test_labels_made_of_other_labels_are_said(tmp_path: Path) -> None:
    path = user_file(tmp_path, guide=["control", "A", "B", "A_B", "C_D"])
    assert "A_B consist of other labels joined by _" in repairs(path)
    assert "consist" not in repairs(path, separator="+")


def test_doses_behind_another_character(tmp_path: Path) -> None:
    path = user_file(tmp_path, guide=["control", "drug_0.5", "drug_1", "drug_high", "X@2"])
    assert perturbations(path, dose_separator="_", separator="none") == [
        *("control", "drug@0.5", "drug", "drug_high", "X at 2")
    ]
    assert perturbations(path)[1] == "drug_0.5"


def test_doses_of_a_column_are_joined_like_the_parts(tmp_path: Path) -> None:
    path = user_file(tmp_path, guide=["control", "A|B", "B"], dose=["", "2|0.5", "3"])
    config: dict[str, Any] = {"dosage": "dose", "separator": "|"}
    assert perturbations(path, **config) == ["control", "A@2+B@0.5", "B@3"]
    assert "numbers of parts and dosages joined by +" not in refused(
        path, perturbation="guide", dosage="dose"
    )


def test_several_controls_are_one_set(tmp_path: Path) -> None:
    path = user_file(tmp_path, guide=["NegCtrl0", "NegCtrl1", "A", "A+NegCtrl1", "NegCtrl0"])
    config: dict[str, Any] = {"control": ("NegCtrl0", "NegCtrl1")}
    assert perturbations(path, **config) == ["control", "control", "A", "A", "control"]
    said = "2 labels are one set of controls: NegCtrl0 (2 cells), NegCtrl1 (1 cells)"
    assert said in repairs(path, **config)
    missing = refused(path, perturbation="guide", control=("NegCtrl0", "NegCtrl7"))
    assert "control is 'NegCtrl7': not among the perturbations" in missing
    assert "expected at least one label" in refused(path, perturbation="guide", control=())


@pytest.mark.parametrize(
    "name", ["NegCtrl1", "non-targeting", "NT", "DMSO", "Vehicle", "ctrl", "negative control 2"]
)
def test_labels_that_look_like_controls_are_said(tmp_path: Path, name: str) -> None:
    path = user_file(tmp_path, guide=["control", "A", name, name])
    assert f"{name} (2 cells) may be controls by name and count as perturbations" in repairs(path)
    assert "may be controls" not in repairs(path, control=("control", name))
    other = user_file(tmp_path, guide=["A", "B", name])
    assert f"did you mean {name}?" in refused(other, perturbation="guide")


def test_usual_names_of_genes_are_no_controls(tmp_path: Path) -> None:
    path = user_file(tmp_path, guide=["control", "WTAP", "CTRL1A", "NTRK1", "MOCK2L", "PBSX"])
    assert "may be controls" not in repairs(path)


def test_cells_without_a_label_may_be_the_controls(tmp_path: Path) -> None:
    path = user_file(tmp_path, guide=[None, None, "A", "nan", "B"])
    told = refused(path, perturbation="guide", control="ctrl")
    assert "3 cells have no label; if these are the controls, set control: nan" in told
    assert perturbations(path, control="nan") == ["control", "control", "A", "control", "B"]
    assert "had no perturbation label: controls" in repairs(path, control="nan")


def test_a_control_may_be_a_number(tmp_path: Path) -> None:
    path = user_file(tmp_path, guide=[0, 1, 2, 0])
    for control in (0, 0.0, "0", ("0",)):
        assert perturbations(path, control=control) == ["control", "1", "2", "control"]


def test_a_task_without_combinations_shows_the_labels(tmp_path: Path) -> None:
    path = user_file(tmp_path, guide=["control", "A", "B", "A_B"] * 5)
    data = loaded(path, perturbation="guide", separator="none")
    task = card("tasks", "unseen_combinations")
    with pytest.raises(UserError) as caught:
        task.problem_of(data, task.config(), 1, np.random.default_rng(1))
    assert "0 of 0 are of treatments" in str(caught.value)
    assert "no label has a + (A, A_B, B); an h5ad dataset has the key separator" in str(
        caught.value
    )


def test_rare_perturbations_are_listed_up_to_ten(tmp_path: Path) -> None:
    rare = [f"G{i:02}" for i in range(14) for _ in range(2)]
    data = loaded(user_file(tmp_path, guide=["control"] * 60 + rare), perturbation="guide")
    task = card("tasks", "seen_perturbations")
    with pytest.raises(UserError) as caught:
        task.problem_of(data, task.config(), 1, np.random.default_rng(1))
    assert "min_cells" in str(caught.value)
    assert str(caught.value).endswith("  and 4 more")
    assert len(caught.value.findings) == 14
