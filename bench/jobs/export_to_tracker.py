"""What a finished study holds, in a tool in which people follow experiments."""

from pathlib import Path
from typing import Any

from bench.catalogue import card
from bench.jobs.logged import logged
from bench.results.records import write_record


@logged
def export_to_tracker(tracker: dict[str, Any], written: str) -> None:
    """``written`` records what went where."""
    entry, own = card("trackers", tracker["tracker"]), Path(written).with_suffix("")
    record = entry.mirror(own.parent.parent, own, entry.config(**tracker["config"]))
    write_record(Path(written), record)
