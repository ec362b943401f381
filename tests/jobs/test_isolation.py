"""What becomes of a child, said by its parent."""

import sys
import time
from pathlib import Path
from typing import Any

import pytest

from bench import jobs
from bench.core.errors import mistake
from bench.core.files import read_json
from bench.core.problem import Problem, save
from bench.jobs.isolation import TAIL_LINES, Outcome, supervised, told, watched
from bench.planning.plan import make_plan
from bench.planning.study import from_config


def outcome_of(code: str, folder: Path, minutes: float = 1.0) -> Outcome:
    command = [sys.executable, "-c", code]
    return watched(command, log=str(folder / "log.txt"), threads=1, minutes=minutes)


@pytest.mark.parametrize(
    ("code", "status", "reason"),
    [
        ("print('done')", "ok", ""),
        ("raise ValueError('too large')", "failed", "ValueError: too large"),
        ("raise SystemExit(3)", "failed", "ended with exit code 3"),
        ("import os; os.kill(os.getpid(), 9)", "failed", "killed by signal 9"),
        ("import os; os.kill(os.getpid(), 11)", "failed", "killed by signal 11"),
        ("raise MemoryError", "out_of_memory", "MemoryError"),
        (
            "raise RuntimeError('CUDA out of memory. Tried to allocate 2 GiB')",
            "out_of_memory",
            "RuntimeError: CUDA out of memory. Tried to allocate 2 GiB",
        ),
    ],
)
def test_every_end_has_its_status(tmp_path: Path, code: str, status: str, reason: str) -> None:
    outcome = outcome_of(code, tmp_path)
    assert (outcome.status, outcome.reason) == (status, reason)


def test_a_child_that_does_not_end_is_stopped(tmp_path: Path) -> None:
    begin = time.perf_counter()
    outcome = outcome_of("import time; time.sleep(600)", tmp_path, minutes=0.01)
    assert outcome.status == "timeout"
    assert "stopped after 0.0097 minutes" in outcome.reason
    assert time.perf_counter() - begin < 30


def test_the_log_holds_everything_and_the_record_its_end(tmp_path: Path) -> None:
    outcome = outcome_of("print(*range(100), sep='\\n'); raise SystemExit(1)", tmp_path)
    said = [str(n) for n in range(100)]
    assert (tmp_path / "log.txt").read_text().splitlines() == said
    assert outcome.log_tail.splitlines() == said[-TAIL_LINES:]


def test_a_child_uses_the_threads_it_was_given(tmp_path: Path) -> None:
    code = "import os; assert os.environ['OMP_NUM_THREADS'] == '1'"
    assert outcome_of(code, tmp_path).status == "ok"


def test_a_job_of_the_package_runs_in_a_child(tmp_path: Path) -> None:
    log = str(tmp_path / "log.txt")
    outcome = supervised("no_such_job", {}, log=log, threads=1, minutes=1)
    assert (outcome.status, outcome.reason) == ("failed", "KeyError: 'no_such_job'")


def test_a_mistake_is_told_in_the_log_without_a_traceback(tmp_path: Path) -> None:
    @told
    def job() -> None:
        raise mistake("mine.h5ad", None, "no counts")

    with pytest.raises(SystemExit):
        job(log=str(tmp_path / "log.txt"))
    text = (tmp_path / "log.txt").read_text()
    assert "mine.h5ad: no counts" in text
    assert "Traceback" not in text


def test_a_defect_is_told_in_the_log_with_its_traceback(tmp_path: Path) -> None:
    @told
    def job() -> None:
        print("so far so good")
        raise ZeroDivisionError("by zero")

    with pytest.raises(ZeroDivisionError):
        job(log=str(tmp_path / "log.txt"))
    text = (tmp_path / "log.txt").read_text()
    assert text.startswith("so far so good\nTraceback")
    assert text.endswith("ZeroDivisionError: by zero\n")


ENDLESS = """
import time
from dataclasses import replace

from bench.models.pvae import PVAE, VARIANT as PLAIN


class Endless(PVAE):
    def forward(self, cells, noise):
        print("thinking", flush=True)
        time.sleep(600)


VARIANT = replace(PLAIN, label="Endless", build=Endless)
"""


def planned_run(variant: str) -> dict[str, Any]:
    config = {
        "seeds": 2,
        "datasets": ["gamma_poisson"],
        "tasks": ["held_out_cells"],
        "runs": {"endless": {"variant": variant}},
    }
    (row,) = make_plan(from_config(config, "mine")).runs
    return row


@pytest.mark.slow
def test_training_that_does_not_end_is_a_record(
    tmp_path: Path, problems: dict[str, Problem]
) -> None:
    (tmp_path / "endless.py").write_text(ENDLESS)
    save(problems["held_out_cells"], tmp_path / "problem.npz")
    # What an earlier attempt left must not be taken for this one's.
    for name in ("trained.json", "states.pt", "curve.parquet"):
        (tmp_path / name).write_text("old")
    status = tmp_path / "status.json"
    jobs.train(
        run=planned_run(str(tmp_path / "endless.py")),
        problem=str(tmp_path / "problem.npz"),
        status=str(status),
        log=str(tmp_path / "log.txt"),
        threads=1,
        minutes=0.25,
    )
    record = read_json(status)
    assert record["status"] == "timeout"
    assert record["log_tail"].splitlines()[-1].endswith("thinking")
    assert (record["seeds"], record["costs"]) == ({}, {})
    assert not (tmp_path / "trained.json").exists()
    assert not (tmp_path / "states.pt").read_bytes()
    assert not (tmp_path / "curve.parquet").read_bytes()
