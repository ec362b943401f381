"""The made-up study, written where a test may look at it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bench.trackers._results import Replicate, finished
from tests.trackers.made_up import write_study


@pytest.fixture(scope="session")
def replicates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Replicate]:
    """The records of the made-up study by their names."""
    folder = write_study(tmp_path_factory.mktemp("records"))
    return {one.name: one for one in finished(folder).replicates()}


@pytest.fixture
def new_study(tmp_path: Path) -> Callable[..., Path]:
    """Write the made-up study, with these particulars, where a test may change it."""
    return lambda **particulars: write_study(tmp_path, **particulars)
