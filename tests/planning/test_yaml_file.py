"""Truths about reading YAML as people write it."""

from pathlib import Path

import pytest

from bench.core.errors import UserError
from bench.planning.study import load_study
from bench.planning.yaml_file import merged, read_yaml


def test_yaml_is_read_as_people_write_it(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(
        "datasets: [gamma_poisson]\ntasks: [held_out_cells]\nseeds: [4, 2]\n"
        "runs: {nbvae: {variant: nbvae, learning_rate: 1e-3, max_epochs: 1e2}}\n"
    )
    found = load_study(file)
    assert (found.name, found.seeds, found.findings) == ("mine", (4, 2), ())
    assert found.runs[0].training["learning_rate"] == 1e-3
    assert found.runs[0].training["max_epochs"] == 100


def test_a_key_that_stands_twice_is_told_with_both_lines(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("seeds: 1\nruns:\n  a: {}\n  a: {}\nseeds: 2\n")
    lines = [str(finding) for finding in read_yaml(file)[1]]
    assert lines[0].startswith("line 5 is 'seeds'")
    assert "duplicate key, first used in line 1" in lines[0]
    assert lines[1].startswith("line 4 is 'a'")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("runs: [", "line 1, column 8"),
        ("a:\n\tb: 1", "line 2, column 1"),
        ("- a", "expected keys"),
        ("? [1]\n: 2", "line 1"),
    ],
)
def test_broken_yaml_is_told_with_line_and_column(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    with pytest.raises(UserError, match=words):
        read_yaml(file)


def test_a_missing_study_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        load_study(tmp_path / "none.yaml")


def test_later_files_and_the_command_line_replace_whole_keys(tmp_path: Path) -> None:
    one, two = tmp_path / "one.yaml", tmp_path / "two.yaml"
    one.write_text("seeds: 1\nruns: {a: {}}\nsplits: 1\n")
    two.write_text("runs: {b: {}}\n")
    config = merged([one, two], {"splits": 3})
    assert config == {"seeds": 1, "runs": {"b": {}}, "splits": 3}


def test_merging_refuses_a_key_that_stands_twice(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("seeds: 1\nseeds: 2\n")
    with pytest.raises(UserError, match="line 2 is 'seeds'"):
        merged([file], {})


def test_what_is_typed_on_the_command_line_reads_as_in_a_file() -> None:
    typed = {"strict": "true", "seeds": ["3", "4"], "training": {"learning_rate": "1.0e-3"}}
    assert merged([], typed) == {
        "strict": True,
        "seeds": [3, 4],
        "training": {"learning_rate": 1e-3},
    }
    assert merged([], {"title": "a: b: c", "splits": 2}) == {"title": "a: b: c", "splits": 2}
