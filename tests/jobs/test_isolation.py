"""What becomes of a child, said by its parent; and that nothing it started lives on."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from bench.core.errors import mistake
from bench.core.files import read_json
from bench.core.problem import Problem
from bench.jobs.isolation import Limits, MachineFault, Outcome, run_isolated, run_limited
from bench.jobs.logged import logged
from bench.jobs.reasons import LONGEST_REASON, TAIL_BYTES, TAIL_LINES, log_tail, reason_of
from bench.jobs.train import train
from bench.planning.plan import make_plan
from bench.planning.study import from_config
from bench.results.keys import train_params
from bench.results.layout import failure_note
from bench.results.records import read_record
from tests import written

CHILD = """
from pathlib import Path
from bench.jobs.isolation import as_child


def work(folder):
    {body}


as_child(work)
"""


def outcome_of(body: str, folder: Path, minutes: float = 1.0) -> Outcome:
    """What becomes of a child that does this."""
    program = folder / "child.py"
    program.write_text(CHILD.format(body=body.replace("\n", "\n    ")))
    limits = Limits(log=str(folder / "log.txt"), threads=1, minutes=minutes)
    return run_limited([sys.executable, str(program), str(folder)], folder, limits)


MACHINE = True


@pytest.mark.parametrize(
    ("body", "status", "reason", "blamed"),
    [
        ("print('done')", "ok", "", False),
        ("raise ValueError('too large')", "failed", "ValueError: too large", False),
        ("raise ValueError", "failed", "ValueError", False),
        ("raise SystemExit(0)", "failed", "SystemExit: 0", False),
        ("raise OSError(28, 'full')", "failed", "OSError: [Errno 28] full", MACHINE),
        (
            "try:\n    raise OSError(5, 'broken disk')\n"
            "except OSError as e:\n    raise RuntimeError('lost') from e",
            *("failed", "RuntimeError: lost", MACHINE),
        ),
        ("raise RuntimeError('No space left on device')", "failed", "RuntimeError: No sp", MACHINE),
        ("import os; os.kill(os.getpid(), 9)", "failed", "killed by signal 9 (SIGKILL)", MACHINE),
        ("import os; os.kill(os.getpid(), 15)", "failed", "killed by signal 15", MACHINE),
        ("import os; os.kill(os.getpid(), 11)", "failed", "killed by signal 11 (SIGSEGV)", False),
        ("import os; os.abort()", "failed", "killed by signal 6 (SIGABRT)", False),
        (
            "import os; print('so it is'); os._exit(3)",
            "failed",
            "the process ended with exit code 3",
            False,
        ),
        ("import os; os.kill(os.getpid(), 40)", "failed", "killed by signal 40", MACHINE),
        ("raise KeyboardInterrupt", "failed", "KeyboardInterrupt", False),
        ("e = ValueError('bad'); e.__cause__ = e; raise e", "failed", "ValueError: bad", False),
        ("raise MemoryError", "out_of_memory", "MemoryError", MACHINE),
        (
            "raise RuntimeError('CUDA out of memory. Tried to allocate 2 GiB')",
            *("out_of_memory", "RuntimeError: CUDA out of memory. Tried", MACHINE),
        ),
        (
            "raise RuntimeError('CUDA error: assert\\nCompile with TORCH_USE_CUDA_DSA')",
            *("failed", "RuntimeError: CUDA error: assert Compile with", False),
        ),
    ],
)
def test_every_end_has_its_status(
    tmp_path: Path, body: str, status: str, reason: str, blamed: bool
) -> None:
    outcome = outcome_of(body, tmp_path)
    assert (outcome.status, outcome.of_the_machine) == (status, blamed)
    assert outcome.reason.startswith(reason)
    assert bool(reason) == bool(outcome.reason)


def test_a_child_that_does_not_end_is_stopped(tmp_path: Path) -> None:
    begin = time.perf_counter()
    outcome = outcome_of("import time; time.sleep(600)", tmp_path, minutes=0.01)
    assert (outcome.status, outcome.of_the_machine) == ("timeout", False)
    assert "stopped after 0.0097 minutes" in outcome.reason
    assert time.perf_counter() - begin < 30


def test_nothing_that_a_child_started_lives_on(tmp_path: Path) -> None:
    """Neither what left its session nor a thread that does not end."""
    body = """
import subprocess, threading, time
left = subprocess.Popen(["sleep", "600"], start_new_session=True)
(folder / "left").write_text(str(left.pid))
threading.Thread(target=time.sleep, args=(600,)).start()
"""
    begin = time.perf_counter()
    assert outcome_of(body, tmp_path).status == "ok"
    assert time.perf_counter() - begin < 60
    assert not psutil.pid_exists(int((tmp_path / "left").read_text()))


def test_the_log_holds_everything_and_the_record_its_end(tmp_path: Path) -> None:
    body = "import os; print(*range(100), sep=chr(10), flush=True); os._exit(1)"
    outcome = outcome_of(body, tmp_path)
    said = [str(n) for n in range(100)]
    assert (tmp_path / "log.txt").read_text().splitlines() == said
    assert outcome.log_tail.splitlines() == said[-TAIL_LINES:]


def test_reasons_and_tails_are_bounded_in_bytes(tmp_path: Path) -> None:
    (tmp_path / "long.txt").write_bytes(b"\xff\x00" + b"x" * 2**24)
    assert len(log_tail(tmp_path / "long.txt").encode()) <= TAIL_BYTES
    for text in ("é" * 2**20, 'one\ntwo, "three"\r\n=1+1', "\x1b[31mred\x00", ""):
        reason = reason_of(RuntimeError(text))
        assert len(reason.encode()) <= LONGEST_REASON + 4
        assert reason.startswith("RuntimeError")
        assert reason.isprintable()
    assert reason_of(RuntimeError("one\ntwo")) == "RuntimeError: one two"


def test_a_child_uses_the_threads_it_was_given(tmp_path: Path) -> None:
    body = "import os; assert os.environ['OMP_NUM_THREADS'] == '1'"
    assert outcome_of(body, tmp_path).status == "ok"


def test_a_job_of_the_package_runs_in_a_child(tmp_path: Path) -> None:
    limits = Limits(log=str(tmp_path / "log.txt"), threads=1, minutes=1)
    outcome = run_isolated("no_such_job", lambda folder: None, tmp_path, limits)
    assert outcome.status == "failed"
    assert "No module named bench.jobs.no_such_job" in outcome.reason


FAMILY = """
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
Path(folder, "born").touch()
{then}
"""
PARENT = """
import sys
from pathlib import Path
from bench.jobs.isolation import Limits, run_limited

folder = Path(sys.argv[1])
limits = Limits(log=str(folder / "log.txt"), threads=1, minutes=10)
run_limited([sys.executable, str(folder / "child.py"), str(folder)], folder, limits)
"""


def family_of(folder: Path) -> list[psutil.Process]:
    """Every process that names the folder, or that one of these started."""
    named = [one for one in psutil.process_iter() if str(folder) in " ".join(_line(one))]
    return [one for each in named for one in [each, *each.children(recursive=True)]]


def _line(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


def wait_for_end(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that are still alive after ten seconds."""
    return psutil.wait_procs(processes, timeout=10)[1]


@pytest.mark.parametrize("minutes", [0.05, 1.0])
def test_what_a_child_started_ends_with_it(tmp_path: Path, minutes: float) -> None:
    """After a time-out, and after a good end."""
    then = "time.sleep(600)" if minutes < 1 else "time.sleep(1)"
    body = FAMILY.format(then=then)
    outcome = outcome_of(body, tmp_path, minutes)
    assert (tmp_path / "born").exists()
    assert outcome.status == ("timeout" if minutes < 1 else "ok")
    assert not family_of(tmp_path)


@pytest.mark.parametrize("victim", ["parent", "guard", "worker"])
def test_nobody_survives_a_kill(tmp_path: Path, victim: str) -> None:
    """Whoever of them is killed, and however suddenly (R2)."""
    (tmp_path / "child.py").write_text(
        CHILD.format(body=FAMILY.format(then="time.sleep(600)").replace("\n", "\n    "))
    )
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path)])
    deadline = time.monotonic() + 60
    while not (tmp_path / "born").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    guard = psutil.Process(parent.pid).children()[0]
    worker = guard.children()[0]
    everyone = [*family_of(tmp_path), *worker.children()]
    assert len({one.pid for one in everyone}) == 4
    {"parent": psutil.Process(parent.pid), "guard": guard, "worker": worker}[victim].kill()
    parent.wait(20)
    assert not wait_for_end(everyone)


def test_a_mistake_is_told_in_the_log_without_a_traceback(tmp_path: Path) -> None:
    @logged
    def job() -> None:
        raise mistake("mine.h5ad", None, "no counts")

    with pytest.raises(SystemExit):
        job(log=str(tmp_path / "log.txt"))
    text = (tmp_path / "log.txt").read_text()
    assert "mine.h5ad: no counts" in text
    assert "Traceback" not in text
    note = read_json(failure_note(tmp_path / "log.txt"))
    assert (note["status"], note["reason"]) == ("failed", "mine.h5ad: no counts")


def test_a_defect_is_told_in_the_log_with_its_traceback(tmp_path: Path) -> None:
    @logged
    def job(fails: bool) -> None:
        print("so far so good")
        if fails:
            raise ZeroDivisionError("by zero")

    with pytest.raises(SystemExit):
        job(True, log=str(tmp_path / "log.txt"))
    text = (tmp_path / "log.txt").read_text()
    assert text.startswith("so far so good\nTraceback")
    assert text.endswith("ZeroDivisionError: by zero\n")
    assert read_json(failure_note(tmp_path / "log.txt"))["reason"] == "ZeroDivisionError: by zero"
    job(False, log=str(tmp_path / "log.txt"))
    assert not failure_note(tmp_path / "log.txt").exists()


def test_a_fault_of_the_machine_is_noted_as_what_it_was(tmp_path: Path) -> None:
    @logged
    def job() -> None:
        outcome = Outcome(status="out_of_memory", reason="killed", of_the_machine=True)
        raise MachineFault(outcome)

    with pytest.raises(SystemExit):
        job(log=str(tmp_path / "log.txt"))
    note = read_json(failure_note(tmp_path / "log.txt"))
    assert (note["status"], note["reason"]) == ("out_of_memory", "killed")


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
    return train_params(row)


@pytest.mark.slow
@pytest.mark.nightly
def test_training_that_does_not_end_is_a_record(
    tmp_path: Path, problems: dict[str, Problem]
) -> None:
    (tmp_path / "endless.py").write_text(ENDLESS)
    posed = written.problem(problems["held_out_cells"], tmp_path / "problem.npz")
    # What an earlier attempt left must not be taken for this one's.
    (tmp_path / "seed-0").mkdir()
    for name in ("trained.json", "weights.safetensors", "curve.parquet"):
        (tmp_path / "seed-0" / name).write_text("old")
    train(
        run=planned_run(str(tmp_path / "endless.py")),
        problem=str(posed),
        record=str(tmp_path / "status.json"),
        log=str(tmp_path / "log.txt"),
        threads=1,
        minutes=0.3,
    )
    record = read_record(tmp_path / "status.json")
    for state in record["seeds"].values():
        assert state["status"] == "timeout"
        assert state["log_tail"].splitlines()[-1].endswith("thinking")
    assert set(record["files"]) == {"seed-0/trained.json", "seed-1/trained.json"}
    assert sorted(path.name for path in (tmp_path / "seed-0").iterdir()) == ["trained.json"]
