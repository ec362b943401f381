"""Export a finished study to a tracker such as Weights & Biases or MLflow."""

from pathlib import Path
from typing import Any

from bench.catalogue import card
from bench.jobs.logged import logged
from bench.results.records import write_record


@logged
def export_to_tracker(tracker: dict[str, Any], written: str) -> None:
    """Export and write the record ``written`` of the exported content."""
    entry, own = card("trackers", tracker["tracker"]), Path(written).with_suffix("")
    record = entry.mirror(own.parent.parent, own, entry.config(**tracker["config"]))
    write_record(Path(written), record)
