"""The server of jobs: it forks a child for each job, and a job ends with its script."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from bench.jobs import request, server

pytestmark = pytest.mark.skipif(not server.is_possible(), reason="jobs are not forked here")

PROGRAM = """
import os, signal, sys, time, types
from pathlib import Path
from bench.jobs import forked, server
from bench.jobs.isolation import Limits, run_isolated


def job(path, what):
    with Path(path).open("a") as file:
        file.write(f"{os.getpid()} {os.getppid()} {forked.is_forked()}\\n")
    if what == "exit":
        sys.exit(3)
    if what == "raise":
        raise ValueError("told by the job")
    if what == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "sleep":
        time.sleep(600)
    if what == "child":
        outcome = run_isolated("train", child, Path(path).parent, limits(path, 1))
        Path(path).write_text(f"{outcome.status}: {outcome.reason}")
    if what == "late":
        outcome = run_isolated("train", sleeper, Path(path).parent, limits(path, 0.005))
        Path(path).write_text(f"{outcome.status}: {outcome.reason}")


def limits(path, minutes):
    return Limits(log=path + ".log", threads=1, minutes=minutes)


def child(folder):
    print("of the child", os.environ["OMP_NUM_THREADS"], flush=True)
    os.kill(os.getpid(), signal.SIGSEGV)


def sleeper(folder):
    time.sleep(600)


server.import_libraries = lambda: None
sys.modules["bench.jobs.fake"] = types.SimpleNamespace(fake=job)
signal.signal(signal.SIGINT, signal.SIG_IGN)
server.Server(sys.argv[1]).run()
"""


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator["subprocess.Popen[str]"]:
    """A server whose jobs are those of PROGRAM."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(request.SERVER, "jobs.sock")
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "jobs.sock"], stderr=subprocess.PIPE, text=True
    )
    _until(lambda: Path("jobs.sock").exists())
    yield process
    process.kill()
    process.wait()
    if process.stderr:
        process.stderr.close()


def _until(met: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not met():
        assert time.monotonic() < end
        time.sleep(0.01)


def _ended(process: int) -> bool:
    """Whether a process runs no more, though nobody may have waited for it."""
    try:
        return psutil.Process(process).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def ask(what: str) -> int:
    """The exit code of a script that asks for this job."""
    try:
        request.request("fake", path="noted.txt", what=what)
    except SystemExit as end:
        return int(str(end.code))
    return 0


@pytest.mark.parametrize(("what", "code"), [("work", 0), ("exit", 3), ("raise", 1), ("die", 1)])
def test_a_job_is_a_child_of_the_server_and_its_code_comes_back(
    running: "subprocess.Popen[str]", what: str, code: int
) -> None:
    assert ask(what) == code
    assert ask("work") == 0
    first, second = (line.split() for line in Path("noted.txt").read_text().splitlines())
    assert first[1] == second[1] == str(running.pid)
    assert first[0] != second[0]
    assert first[2] == "True"
    running.kill()
    assert running.stderr is not None
    assert ("told by the job" in running.stderr.read()) == (what == "raise")


def test_a_job_ends_when_its_script_does(running: "subprocess.Popen[str]") -> None:
    code = "from bench.jobs.request import request; request('fake', path='noted.txt', what='sleep')"
    script = subprocess.Popen([sys.executable, "-c", code])
    _until(lambda: Path("noted.txt").exists() and bool(Path("noted.txt").read_text()))
    job = int(Path("noted.txt").read_text().split()[0])
    script.kill()
    script.wait()
    _until(lambda: _ended(job))
    assert ask("work") == 0


def test_a_job_that_is_killed_does_not_wait_for_another(running: "subprocess.Popen[str]") -> None:
    """The second job starts while the first has a connection, and runs on when that is killed."""
    code = "from bench.jobs.request import request; request('fake', path={!r}, what='sleep')"
    scripts = []
    for name in ("first.txt", "second.txt"):
        scripts.append(subprocess.Popen([sys.executable, "-c", code.format(name)]))
        _until(lambda name=name: Path(name).exists() and bool(Path(name).read_text()))
    os.kill(int(Path("first.txt").read_text().split()[0]), 9)
    assert scripts[0].wait(timeout=10) == 1
    assert scripts[1].poll() is None
    scripts[1].kill()
    scripts[1].wait()


def test_all_jobs_end_with_the_server(running: "subprocess.Popen[str]") -> None:
    code = "from bench.jobs.request import request; request('fake', path='noted.txt', what='sleep')"
    script = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
    _until(lambda: Path("noted.txt").exists() and bool(Path("noted.txt").read_text()))
    job = int(Path("noted.txt").read_text().split()[0])
    running.kill()
    assert "was killed" in script.communicate()[1]
    assert script.returncode == 1
    _until(lambda: _ended(job))


def test_a_model_runs_in_a_copy_of_its_job(running: "subprocess.Popen[str]") -> None:
    assert ask("child") == 0
    assert Path("noted.txt").read_text() == "failed: killed by signal 11 (SIGSEGV)"
    assert Path("noted.txt.log").read_text() == "of the child 1\n"
    assert ask("late") == 0
    assert Path("noted.txt").read_text().startswith("timeout: stopped after 0.00485 minutes")


def test_without_a_server_the_script_does_the_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as left:
        left.bind("left.sock")
    for address in ("", "left.sock", "no.sock"):
        monkeypatch.setenv(request.SERVER, address)
        with pytest.raises(ModuleNotFoundError, match=r"bench\.jobs\.fake"):
            request.request("fake", path="noted.txt", what="work")


def test_a_server_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    code = (
        "import os; from pathlib import Path; from bench.jobs import request, server;"
        "server.start(Path('cache')); print(os.environ[request.SERVER])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("cache/")
    assert not list((tmp_path / "cache").iterdir())
    assert os.environ.get(request.SERVER) is None


def test_the_libraries_of_jobs_are_imported_before_a_job_starts() -> None:
    wanted = "{'torch', 'pandas', 'sklearn.neighbors', 'scipy.stats', 'h5py', 'numba'}"
    code = (
        "import os, sys; from bench.jobs.server import import_libraries; import_libraries();"
        f"print({wanted} - set(sys.modules), len(os.listdir('/proc/self/task')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=server.environment(),
    )
    assert done.stdout.split() == ["set()", "1"]
