"""Propose the trials of a round from the validation values of all earlier trials."""

from pathlib import Path
from typing import Any

from bench.jobs.logged import logged
from bench.planning.search import outcomes, proposals
from bench.results.records import write_record

Row = dict[str, Any]


@logged
def propose(
    search: Row, round: int, numbers: list[int], splits: int, key: str, study: str, made: str
) -> None:
    """Write the record ``made`` of the round."""
    before = (Path(study), search, range(1, round), splits)
    proposed = proposals.propose(search, round, numbers, outcomes.outcomes(*before))
    above = outcomes.made_from(*before)
    write_record(Path(made), {"key": key, "above": above, **proposed})
