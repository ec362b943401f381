"""Collect the results of all trials of a search and select one of them."""

from pathlib import Path
from typing import Any

from bench.jobs.logged import logged
from bench.planning.search.outcomes import made_from, outcomes, table
from bench.planning.search.trials import rounds
from bench.results.records import write_record


@logged
def select_trial(search: dict[str, Any], splits: int, key: str, study: str, trials: str) -> None:
    """Write the record ``trials`` with a row per trial."""
    which = (Path(study), search, rounds(search), splits)
    above = made_from(*which)
    found = table(search, outcomes(*which))
    write_record(Path(trials), {"key": key, "above": above, "trials": found})
