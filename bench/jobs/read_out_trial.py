"""Compute the readouts of a trial and its validation value for the selection."""

from pathlib import Path
from typing import Any

from bench.catalogue import metric, metric_file
from bench.core.files import write_json
from bench.core.problem import for_selection, load
from bench.jobs.asked import asked
from bench.jobs.isolation import Limits, as_child
from bench.jobs.logged import logged
from bench.jobs.read_out import READING, model_of, opened, read_out_stage, readouts_of
from bench.jobs.replicates import Stage
from bench.jobs.sources import Sources
from bench.planning.search.validation import validated, values_of
from bench.readouts._store import write
from bench.results.layout import ARRAYS, RESULT, VALIDATION, seed_folder
from bench.results.records import write_record
from bench.results.settings import read_settings


@logged
def read_out_trial(
    run: dict[str, Any], problem: str, record: str, log: str | None, threads: int, minutes: float
) -> None:
    """As :func:`bench.jobs.read_out.read_out`; ``validation.json`` has a value per seed."""
    limits = Limits(log=log, threads=threads, minutes=minutes)
    files = (*readouts_of(run), model_of(run), metric_file(run["selects_by"]["metric"]))
    sources, folder = Sources("read_out_trial", files, run["code"]), Path(record).parent
    trained, read = read_out_stage(READING_TRIAL, run, Path(problem), folder, limits, sources)
    values = values_of(trained, {str(seed): record for seed, record in read.items()})
    write_record(folder / VALIDATION, {"key": run["keys"]["read_out"], **values})


def read_out_trial_here(folder: Path) -> None:
    """Score a trial on validation cells, then compute its readouts, in this process."""
    run = read_settings(folder)
    problem = load(Path(run["paths"]["problem"]))
    seen, selects_by = for_selection(problem), metric(run["selects_by"]["metric"])
    selecting, readouts = asked(run["selects_by"]["readouts"]), asked(run["readouts"])
    with opened(run, problem) as arrays_of:
        for seed in run["seeds"]:
            values = validated(selects_by, arrays_of(seen, selecting, seed), seen)
            write(seed_folder(folder, seed) / ARRAYS, arrays_of(problem, readouts, seed))
            write_json(seed_folder(folder, seed) / RESULT, {"status": "ok", "validation": values})


READING_TRIAL = Stage(
    job="read_out_trial", work=read_out_trial_here, record=READING.record, files=READING.files
)

if __name__ == "__main__":
    as_child(read_out_trial_here)
