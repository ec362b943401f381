"""Truths about YAML that would crash, hang or change values: each is a message or is text."""

from pathlib import Path
from time import perf_counter
from typing import Any

import pytest

from bench.core.errors import UserError
from bench.planning.yaml_file import LONGEST_FILE, merged, read_yaml
from bench.planning.yaml_loader import DEEPEST

NINE = ",".join(["{}"] * 9)
LEVELS = [f"- &a{n} [{NINE.format(*[f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
BOMB = "\n  ".join(["title:", f"- &a0 [{NINE.format(*'x' * 9)}]", *LEVELS])
CHAIN = "\n".join(["a0: &a0 [x]", *(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 300))])
MERGES = "\n".join(["a0: &a0 {k: 1}", *(f"a{n}: &a{n} {{<<: *a{n - 1}}}" for n in range(1, 300))])


def content(tmp_path: Path, text: str) -> Any:
    file = tmp_path / "mine.yaml"
    file.write_bytes(text.encode("utf8", "surrogatepass"))
    return read_yaml(file)[0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("seeds: !!int foo", "line 1, column 8: .* expected a whole number, not 'foo'"),
        ("a: !!int", "expected a whole number, not ''"),
        ("a: !!bool foo", "expected true or false, not 'foo'"),
        ("a: !!float foo", "expected a number, not 'foo'"),
        ("a: !!float ''", "expected a number"),
        ("a: !!binary aGk=", "the tag !!binary has no meaning"),
        ("a: !!set {b}", "the tag !!set has no meaning"),
        ("a: !!omap [b: 1]", "the tag !!omap has no meaning"),
        ("a: !!map b", "expected a mapping"),
        ("a: !!python/object:os.system b", "could not determine a constructor"),
        ("a: !!int {b: 1}", "expected a scalar"),
        ("a: " + "9" * 5000, "a whole number of 5000 digits"),
        ("a: 9223372036854775808", "put quotes around a label"),
        ("a: -9223372036854775809", "put quotes around a label"),
        ("a: " + "{a: " * 3000, f"at most {DEEPEST} levels"),
        ("a: " + "[" * 3000, f"at most {DEEPEST} levels"),
        ("- " * 3000, f"at most {DEEPEST} levels"),
        (BOMB, "values, aliases included"),
        (CHAIN, f"at most {DEEPEST} levels"),
        (MERGES, f"at most {DEEPEST} levels"),
        ("a: &a [*a]", "recursive"),
        ("a: &a {b: *a}", "recursive"),
        (r'a: "\UFFFFFFFF"', "cannot be read"),
        (r'a: "\ud800"', "a character that no text can have"),
        (r'a: "\0"', "a character that no text can have"),
        ("a: \0", "unacceptable character"),
        ("a: 1\n---\nb: 2", "single document"),
        ("%YAML 9.9\n---\na: 1", "incompatible"),
        ("#" * (LONGEST_FILE + 1), "is longer than a study can be: 1,000,000 bytes"),
    ],
    ids=lambda text: repr(text)[:40],
)
def test_what_yaml_cannot_say_in_a_study_is_a_message(
    tmp_path: Path, text: str, words: str
) -> None:
    start = perf_counter()
    with pytest.raises(UserError, match=words):
        content(tmp_path, text)
    assert perf_counter() - start < 20


@pytest.mark.parametrize(
    "text", ["2026-02-30", "2026-01-01", "007", "1:30", "1:30.5", "1_000", "0x10", "+5", "=", "1e3"]
)
def test_what_yaml_would_change_stays_as_it_is_written(tmp_path: Path, text: str) -> None:
    assert content(tmp_path, f"a: {text}") == {"a": text}
    assert merged([], {"a": text}) == {"a": text}


@pytest.mark.parametrize(
    ("text", "value"),
    [("0", 0), ("-3", -3), ("2024", 2024), ("1.50", 1.5), ("1.0e-3", 1e-3), (".inf", float("inf"))],
)
def test_plain_numbers_are_numbers(tmp_path: Path, text: str, value: float) -> None:
    found = content(tmp_path, f"a: {text}")["a"]
    assert found == value
    assert type(found) is type(value)


def test_short_aliases_and_merges_work(tmp_path: Path) -> None:
    text = "a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: [*a, *a]"
    assert content(tmp_path, text)["b"] == {"x": 1, "y": 3}
    assert content(tmp_path, text)["c"] == [{"x": 1, "y": 2}] * 2


def test_the_command_line_has_the_same_limits() -> None:
    assert merged([], {"title": BOMB})["title"] == BOMB
    assert merged([], {"title": "9" * 5000})["title"] == "9" * 5000
