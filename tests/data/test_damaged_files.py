"""Damaged files: each is read with its true counts or refused; see ``benchmarks/fuzz_files.py``."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.fuzz_files import DAMAGES, Good, good_files, outcome, tried

SEED, N_FILES = 5, 30


@pytest.fixture(scope="module")
def goods(tmp_path_factory: pytest.TempPathFactory) -> list[Good]:
    return good_files(tmp_path_factory.mktemp("good"))


def test_good_files_have_the_same_counts(goods: list[Good]) -> None:
    for good in goods:
        np.testing.assert_array_equal(good.counts, goods[0].counts)
        assert outcome(good, good.path) == "same counts"


def test_damaged_files_are_read_or_refused(goods: list[Good], tmp_path: Path) -> None:
    found = [tried(goods, number, SEED, tmp_path) for number in range(N_FILES)]
    assert {result for _, result in found} == {"refused", "same counts"}
    assert {kind for kind, _ in found} == {"flipped bits", "cut", "zeros", "edited structure"}


def test_other_counts_would_be_noticed(goods: list[Good], tmp_path: Path) -> None:
    good = goods[0]
    other = Good(tmp_path, "csc", None)
    other.counts = other.counts + 1
    assert outcome(other, good.path) == "OTHER COUNTS"


@pytest.mark.parametrize("damage", sorted(set(DAMAGES), key=lambda damage: damage.__name__))
def test_damages_change_the_file(goods: list[Good], tmp_path: Path, damage: Any) -> None:
    """Not always: a block of zeros may have been zeros before."""
    changed = []
    for seed in range(10):
        damage(goods[1], tmp_path / "damaged.h5ad", random.Random(seed))
        changed.append((tmp_path / "damaged.h5ad").read_bytes() != goods[1].content)
    assert sum(changed) >= 3
