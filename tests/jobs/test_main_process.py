"""The lock of a study, and what its main process says of damage."""

import os
from pathlib import Path

import pytest

from bench.core.errors import UserError
from bench.jobs.main_process import claim


def test_one_process_at_a_time_works_on_a_study(tmp_path: Path) -> None:
    """Another one is told which process it is; a process that ended holds nothing."""
    lock, study = tmp_path / "locks" / "mine.lock", Path("results/mine")
    held = claim(lock, study)
    with pytest.raises(UserError, match=f"results/mine: process {os.getpid()} already works on"):
        claim(lock, study)
    held.close()
    claim(lock, study).close()
