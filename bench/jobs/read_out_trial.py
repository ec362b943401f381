"""Compute the readouts of a trial and its validation value for the selection."""

from pathlib import Path
from typing import Any

from bench.catalogue import card
from bench.core.files import write_json
from bench.core.problem import for_selection, load
from bench.jobs.isolation import Limits, as_child
from bench.jobs.logged import logged
from bench.jobs.read_out import READING, arrays_of, read_out_stage
from bench.jobs.replicates import Stage
from bench.readouts._store import write
from bench.results.layout import ARRAYS, RESULT, VALIDATION, seed_folder
from bench.results.records import write_record
from bench.results.settings import read_settings
from bench.search.validation import validated, values_of


@logged
def read_out_trial(
    run: dict[str, Any], problem: str, record: str, log: str | None, threads: int, minutes: float
) -> None:
    """As :func:`bench.jobs.read_out.read_out`; ``validation.json`` has a value per seed."""
    limits = Limits(log=log, threads=threads, minutes=minutes)
    trained, read = read_out_stage(READING_TRIAL, run, Path(problem), Path(record).parent, limits)
    said = values_of(trained, {str(seed): record for seed, record in read.items()})
    write_record(Path(record).parent / VALIDATION, {"key": run["keys"]["read_out"], **said})


def read_out_trial_here(folder: Path) -> None:
    """Score a trial on validation cells, then compute its readouts, in this process."""
    run = read_settings(folder)
    problem = load(Path(run["paths"]["problem"]))
    seen, metric = for_selection(problem), card("metrics", run["selects_by"]["metric"])
    for seed in run["seeds"]:
        selecting = arrays_of(run, seen, run["selects_by"]["readouts"], seed)
        said = validated(metric, selecting, seen)
        arrays = arrays_of(run, problem, run["readouts"], seed)
        write(seed_folder(folder, seed) / ARRAYS, arrays)
        write_json(seed_folder(folder, seed) / RESULT, {"status": "ok", "validation": said})


READING_TRIAL = Stage(
    job="read_out_trial", work=read_out_trial_here, record=READING.record, files=READING.files
)

if __name__ == "__main__":
    as_child(read_out_trial_here)
