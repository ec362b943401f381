"""Mutated studies: a sample of what benchmarks/fuzz_studies.py does at length."""

from itertools import islice
from pathlib import Path

import pytest

from benchmarks.fuzz_studies import mutants, outcome

pytestmark = pytest.mark.slow


def test_every_mutant_ends_as_a_plan_or_as_a_message(tmp_path: Path) -> None:
    texts = list(mutants(60, seed=5))
    found = [outcome(text, tmp_path) for text in texts]
    ends = ("plan", "refused")
    pairs = zip(texts, found, strict=True)
    assert [(text[:500], one) for text, one in pairs if one.kind not in ends] == []
    assert {one.kind for one in found} == set(ends)


def test_mutants_depend_on_the_seed_alone() -> None:
    assert list(mutants(5, seed=1)) == list(islice(mutants(20, seed=1), 5))
    assert list(mutants(5, seed=1)) != list(mutants(5, seed=2))


def test_a_traceback_and_a_study_without_end_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(text: str, file: Path) -> str:
        raise KeyError(text)

    def endless(text: str, file: Path) -> str:
        while True:
            pass

    monkeypatch.setattr("benchmarks.fuzz_studies._planned", broken)
    assert outcome("x", tmp_path).kind == "traceback"
    monkeypatch.setattr("benchmarks.fuzz_studies._planned", endless)
    assert outcome("x", tmp_path, limit=0.2).kind == "too long"
