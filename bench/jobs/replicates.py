"""One stage of a run: valid replicates are kept, and a child process makes the others.

The child works in a separate folder for the attempt.  Its results are used only if no later attempt
has started: a job that continues after its Snakemake process has ended cannot change a newer run.
"""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from bench.core.files import PART, flush, read_json, write_text
from bench.jobs.isolation import Limits, MachineFault, Outcome, run_here, run_isolated
from bench.jobs.sources import Sources
from bench.results.layout import RESULT, SETTINGS, seed_folder
from bench.results.records import (
    Damaged,
    Record,
    digests,
    find_record,
    verify_files,
    write_record,
)
from bench.results.settings import write_settings

Records = dict[int, Record]


@dataclass(frozen=True, kw_only=True)
class Stage:
    """The work of a job for every replicate of a run."""

    job: str
    """The module of ``bench.jobs`` that runs in the child."""
    work: Callable[[Path], None]
    """The function of the child, with the folder of the attempt as its argument."""
    record: str
    """Its record in the replicate's folder."""
    files: tuple[str, ...]
    """Files of a successful replicate."""
    stacked: bool = False
    """Whether replicates are made together, so that rounding depends on all of them."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """The requested replicates, their settings and their inputs."""

    settings: Mapping[str, Any]
    """The settings that the child reads."""
    key: str
    inputs: Mapping[int, Mapping[str, str]]
    """Per seed: sha256 of its inputs."""
    sources: Sources
    """What the child imports."""


def carry_out(stage: Stage, folder: Path, order: Order, limits: Limits) -> Records:
    """The records of all replicates by seed, kept or new.

    Raises :class:`bench.jobs.isolation.MachineFault` if the machine interrupted the work.
    """
    kept = {seed: _kept(stage, folder, seed, order) for seed in order.inputs}
    records = {seed: record for seed, record in kept.items() if record}
    for seeds in _groups(stage, kept):
        records |= _make(stage, folder, order, seeds, limits)
    return {seed: records[seed] for seed in order.inputs}


def summary(folder: Path, stage: Stage, records: Records) -> dict[str, Any]:
    """The content of a run's record for a stage: all replicates, with digests of their files."""
    names = []
    for seed, record in records.items():
        own = seed_folder(Path(), seed)
        names += [str(own / name) for name in (stage.record, *record["files"])]
    seeds = {str(seed): _content(record) for seed, record in records.items()}
    return {"seeds": seeds, "files": digests(folder, names)}


def _kept(stage: Stage, folder: Path, seed: int, order: Order) -> Record | None:
    """The record of an existing replicate with the same inputs and undamaged files."""
    own = seed_folder(folder, seed)
    record = find_record(own / stage.record)
    if not record or (record["key"], record["inputs"]) != (order.key, order.inputs[seed]):
        return None
    try:
        verify_files(own, record["files"])
    except Damaged as damage:
        print(f"{damage}; it will be made again")
        return None
    return record


def _groups(stage: Stage, kept: Mapping[int, Record | None]) -> Iterator[list[int]]:
    """The replicates to make, in groups that train together.

    A lost replicate is made again with the whole stack of its training, for identical results; new
    replicates form a separate group.
    """
    todo = [seed for seed, record in kept.items() if record is None]
    for record in filter(None, kept.values() if stage.stacked else ()):
        stack = record.get("costs", {}).get("stack", [])
        if set(stack) & set(todo):
            todo = [seed for seed in todo if seed not in stack]
            yield stack
    if todo:
        yield todo


def _make(stage: Stage, folder: Path, order: Order, todo: Sequence[int], limits: Limits) -> Records:
    before = order.sources.need_planned()
    with _attempt(folder, stage.job) as attempt:
        threads = {"threads": limits.threads}
        write_settings(attempt, {**order.settings, "seeds": list(todo), **threads})
        if limits.log is None:
            outcome = run_here(stage.work, attempt)
        else:
            outcome = run_isolated(stage.job, stage.work, attempt, limits)
        if outcome.of_the_machine:
            raise MachineFault(outcome)
        made = {seed: _made(stage, attempt, seed, order, outcome) for seed in todo}
        order.sources.need_unchanged(before)
        _need_current(folder, stage.job, attempt)
        for seed, record in made.items():
            _take_over(stage, seed_folder(attempt, seed), seed_folder(folder, seed), record)
    return made


def _made(stage: Stage, attempt: Path, seed: int, order: Order, outcome: Outcome) -> Record:
    """The record of a replicate from the result of the child, or from its failure."""
    own = seed_folder(attempt, seed)
    files = [name for name in stage.files if (own / name).is_file()]
    fields = {name: getattr(outcome, name) for name in ("status", "reason", "log_tail")}
    if (own / RESULT).is_file():
        fields = read_json(own / RESULT)
    is_whole = (own / RESULT).is_file() and len(files) == len(stage.files)
    if fields["status"] == "ok" and not is_whole:
        reason = "the process ended with exit code 0 but wrote no result"
        fields = {"status": "failed", "reason": reason}
    # The stack of a lost replicate may contain replicates that are not requested.
    inputs = order.inputs.get(seed) or next(iter(order.inputs.values()))
    proof = {"key": order.key, "inputs": dict(inputs), "files": digests(own, files)}
    return write_record(own / stage.record, {**fields, **proof})


@contextmanager
def _attempt(folder: Path, job: str) -> Iterator[Path]:
    """A folder for a new attempt, which replaces all earlier ones; removed at the end."""
    attempt = folder / f".{job}-{uuid4().hex[:12]}{PART}"
    for earlier in folder.glob(f".{job}-*{PART}"):
        shutil.rmtree(earlier, ignore_errors=True)
    attempt.mkdir(parents=True)
    token = folder / f".{job}{PART}"
    write_text(token, attempt.name)
    try:
        yield attempt
    finally:
        shutil.rmtree(attempt, ignore_errors=True)
        if _is_current(folder, job, attempt):
            token.unlink()


def _is_current(folder: Path, job: str, attempt: Path) -> bool:
    token = folder / f".{job}{PART}"
    return token.is_file() and token.read_text(encoding="utf8") == attempt.name


def _need_current(folder: Path, job: str, attempt: Path) -> None:
    """Raise if a later attempt has started or the folder of this attempt was removed."""
    if not _is_current(folder, job, attempt) or not (attempt / SETTINGS).is_file():
        reason = "its folder was taken away, or a later attempt has begun: its results are not used"
        raise MachineFault(Outcome(status="failed", reason=reason, of_the_machine=True))


def _take_over(stage: Stage, made: Path, own: Path, record: Record) -> None:
    """Move the files of an attempt into the replicate's folder; the record is moved last."""
    own.mkdir(parents=True, exist_ok=True)
    for name in (stage.record, *stage.files):
        (own / name).unlink(missing_ok=True)
    for name in (*record["files"], stage.record):
        (made / name).replace(own / name)
    flush(own)


def _content(record: Record) -> dict[str, Any]:
    proof = ("key", "inputs", "files", "digest")
    return {name: value for name, value in record.items() if name not in proof}
