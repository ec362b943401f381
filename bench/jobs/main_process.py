"""Work of Snakemake's main process for a study: lock it, repair it, and print its results.

Only one Snakemake process works on a study.  It holds a lock that the kernel releases when the
process ends, so that a later process can distinguish an active study from an abandoned one.
"""

import fcntl
import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from bench.core.errors import mistake
from bench.jobs import server
from bench.jobs.ending import ending, failed_by_themselves
from bench.jobs.process import OWNER, end_children, identity
from bench.planning.job_params import JobParams
from bench.planning.plan_cache import remember_current
from bench.planning.plan_record import Plan
from bench.planning.search.trials import runs_of
from bench.results import layout
from bench.results.digests import Digests
from bench.results.integrity import remove_parts, repair
from bench.results.settings import write_settings

MOST_DAMAGES = 10
"""Maximum number of damaged files in messages."""


class MainProcess:
    """``workflow`` is Snakemake's object, ``plan`` the file of the plan, ``cache`` has locks."""

    def __init__(self, workflow: Any, plan: Path, cache: Path, root: Path) -> None:
        self.workflow, self.plan, self.cache, self.root = workflow, plan, cache, root
        self.interrupted = False
        self._lock: IO[str] | None = None
        if not workflow.subprocess_exec:
            os.environ[OWNER] = identity()
        kernels = Path(__file__).parents[1] / "parts/nn/kernels"
        if not os.access(kernels, os.W_OK):
            # Compiled kernels lie beside their source, else beside the results.
            os.environ.setdefault("NUMBA_CACHE_DIR", str(cache.resolve() / "numba"))
        if workflow.remote_exec:
            # The server of the process that submitted this job works outside of its limits.
            server.start(cache)
        if workflow.is_main_process:
            planned = json.loads(plan.read_text(encoding="utf8"))
            if workflow.output_settings.dryrun:
                self._foresee(planned)
            else:
                self._begin(planned)

    def _foresee(self, planned: dict[str, Any]) -> None:
        """In a dry run: print the damaged files, which Snakemake itself does not detect."""
        for damage in damages(planned, self.cache, remove=False):
            say(f"Will be made again, with all results that depend on it: {damage}")

    def _begin(self, planned: dict[str, Any]) -> None:
        study = layout.study_folder(planned["name"])
        try:
            self._lock = claim(self.cache / f"{planned['name']}.lock", study)
            remember_current(planned["name"], self.plan)
            if not (study / layout.REPORTED).is_file():
                # There is work: the server imports while Snakemake plans its jobs.
                server.start(self.cache)
            for line in release_stale_locks(study):
                say(line)
            remove_parts(study)
            for damage in damages(planned, self.cache, remove=True):
                say(f"Made again: {damage}")
            write_all_settings(planned, study)
        except OSError as error:
            raise mistake(
                str(error.filename), None, f"cannot be written: {error.strerror}"
            ) from None
        signal.signal(signal.SIGINT, self._interrupt)
        logging.getLogger("snakemake.logging").addFilter(self._is_news)

    def _interrupt(self, *_: object) -> None:
        """Ctrl-C: end the jobs, which ignore this signal (see ``common.smk``), without messages."""
        self.interrupted = True
        end_children()
        raise KeyboardInterrupt

    def _is_news(self, record: logging.LogRecord) -> bool:
        """Whether to print a record; interrupted jobs are not errors."""
        return not (self.interrupted and record.levelno >= logging.ERROR)

    def started(self) -> None:
        """Before the first job: start the server of jobs."""
        server.start(self.cache)
        if self.workflow.local_exec:
            # Snakemake repeats every decision after a second in case its limit of submissions to a
            # cluster has allowed more: with hundreds of jobs this takes a third of a core.
            self.workflow.scheduler.job_rate_limiter = None

    def finished(self) -> None:
        """Print the summary after all jobs of a study ended."""
        study = layout.study_folder(json.loads(self.plan.read_text(encoding="utf8"))["name"])
        if not (study / layout.REPORTED).is_file():
            say(f"Tables and report in {study} are out of date; other jobs come first.")
            return
        self._say_how_it_ended()
        if folders := failed_by_themselves(study):
            say(
                "To repeat a failed run, correct its model or remove its folder: "
                f"rm -r {folders[0]}"
            )

    def ended_early(self) -> None:
        """Print the summary after failed or interrupted jobs, and report finished results."""
        scheduler = self.workflow.scheduler
        if self.interrupted or getattr(scheduler, "_user_kill", None):
            done, planned = scheduler.finished_jobs, len(self.workflow.dag)
            say(f"Interrupted: {done} of {planned} jobs are finished, {planned - done} remain.")
            say("To continue, run the same command again.")
            say(f"To report finished results: python -m bench report {self._study_file()}")
            return
        command = [sys.executable, "-m", "bench.jobs.report", str(self.plan), str(self.root)]
        subprocess.run(command, check=False)
        self._say_how_it_ended()
        say("Correct the problems above, then run the same command again.")

    def _say_how_it_ended(self) -> Path:
        planned = json.loads(self.plan.read_text(encoding="utf8"))
        study = layout.study_folder(planned["name"])
        write_all_settings(planned, study)
        for line in ending(study):
            say(line)
        return study

    def _study_file(self) -> str:
        files = list(self.workflow.configfiles)
        return str(files[-1]) if files else str(self.root / "configs/default.yaml")


def say(line: str) -> None:
    """Print to the standard error stream, as Snakemake does."""
    print(line, file=sys.stderr, flush=True)


def claim(lock: Path, study: Path) -> IO[str]:
    """The lock of a study, held until this process ends.

    Raises UserError where another process holds it.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    file = lock.open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        holder = f"process {file.read().strip()}"
        file.close()
        fix = "wait until it ends, or interrupt it with Ctrl-C, then run the same command again"
        raise mistake(str(study), None, f"{holder} already works on this study", fix) from None
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


def release_stale_locks(study: Path) -> Iterator[str]:
    """Remove Snakemake's own locks on a study; the caller holds the lock of the study."""
    stale = [path for path in Path(".snakemake/locks").glob("*.lock") if _names(path, study)]
    for path in stale:
        path.unlink(missing_ok=True)
    if stale:
        yield f"Removed the lock on {study}, left by an earlier process that was killed."


def damages(planned: dict[str, Any], cache: Path, remove: bool) -> Iterator[str]:
    """Messages on damaged files; ``remove`` deletes their records and those of another plan."""
    study, jobs = layout.study_folder(planned["name"]), JobParams(Plan(**planned))
    with Digests(cache / "digests.json") as digests:
        runs = all_runs(planned, study)
        found = repair(study, runs, jobs.records_of_study(), digests, remove)
    yield from found[:MOST_DAMAGES]
    if len(found) > MOST_DAMAGES:
        yield f"and {len(found) - MOST_DAMAGES} more files"


def all_runs(planned: Mapping[str, Any], study: Path) -> list[dict[str, Any]]:
    """The runs of a plan, and all trials proposed so far."""
    trials = [runs_of(study, row, planned["splits"]) for row in planned["searches"]]
    return [*planned["runs"], *(run for one in trials for run in one)]


def write_all_settings(planned: Mapping[str, Any], study: Path) -> None:
    """Write ``run.yaml`` of every run."""
    for run in all_runs(planned, study):
        write_settings(study / layout.run_folder(run), _settings(run, study))


def _settings(run: Mapping[str, Any], study: Path) -> dict[str, Any]:
    """Settings for a child process of a job that a user starts by hand."""
    problem = study / layout.problem_file(run["dataset"], run["task"], run["split"])
    paths = {"problem": str(problem), "run": str(study / layout.run_folder(run))}
    return {**run, "seeds": list(run["seeds"]), "threads": 1, "paths": paths}


def _names(lock: Path, study: Path) -> bool:
    try:
        return any(line.startswith(f"{study}/") for line in lock.read_text().splitlines())
    except OSError:
        return False
