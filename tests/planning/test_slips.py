"""Slips in the YAML of a study: the message says how it is written."""

from pathlib import Path

import pytest

from bench.__main__ import main

STUDY = """seeds: 1
datasets: [gamma_poisson]
tasks: [held_out_cells]
runs: {a: {variant: nbvae}}
"""


@pytest.mark.parametrize(
    ("written", "instead", "words"),
    [
        ("datasets: [", "datasets:\n\t- [", "line 3, column 1: is not valid YAML"),
        ("datasets: [", "datasets:\n\t- [", "indent with blanks, not with tabs"),
        ("poisson]", "poisson", "a bracket that opens in line 2 may not be closed"),
        ("nbvae}}", "nbvae}", "a bracket that opens in line 4 may not be closed"),
        ("seeds: 1", 'seeds: 1\ntitle: "one', "a quotation mark in line 2 may not be closed"),
        ("[gamma_poisson]", "{mine: {path: x.h5ad}}", "with a dash, such as '- mine: {...}'"),
        ("[held_out_cells]", "{few_labels: {}}", "with a dash, such as '- few_labels: {...}'"),
        ("{a: {variant: nbvae}}", "[scvi]", "such as 'scvi: {variant: scvi}'"),
        ("{variant: nbvae}", "{variant:nbvae}", "a blank is missing after the colon; write var"),
        ("seeds: 1", "seeds: 0", "seeds is 0: expected: Number of replicates"),
    ],
)
def test_a_slip_is_explained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], written: str, instead: str, words: str
) -> None:
    study = tmp_path / "slip.yaml"
    study.write_text(STUDY.replace(written, instead))
    assert main(["check", str(study)]) == 2
    assert words in capsys.readouterr().err
