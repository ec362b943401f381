"""Processes and their parents: whether a process is alive, and how a child ends with its parent."""

import ctypes
import os
import resource
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

OWNER = "SCVAEBENCH_OWNER"
"""Environment variable with the Snakemake process of a job: host, process, start."""

LIFELINE = "SCVAEBENCH_LIFELINE"
"""Environment variable with the pipe whose other end the parent holds until it ends."""

EVERY = 0.5
"""Seconds between checks of the owner."""

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36


def identity(process: int | None = None) -> str:
    """A unique name of this process, or of another process on this machine."""
    process = process or os.getpid()
    return f"{socket.gethostname()}:{process}:{_start(process)}"


def is_alive(owner: str) -> bool:
    """Whether a process on this machine still runs; always true for other machines."""
    host, process, start = owner.rsplit(":", 2)
    if host != socket.gethostname():
        return True
    return _start(int(process)) == start


def leave_with_owner() -> None:
    """End this process and its child when its Snakemake process has ended."""
    owner = os.environ.get(OWNER)
    if owner:
        threading.Thread(target=_watch, args=(owner,), daemon=True).start()


def die_with_parent() -> None:
    """Let the kernel kill this process when its parent ends (Linux)."""
    if sys.platform == "linux":
        parent = os.getppid()
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)


@contextmanager
def adopt_orphans() -> Iterator[None]:
    """At the end, kill every process that children of this process started and left running.

    This includes processes in another session: on Linux, this process adopts such orphans.
    """
    import psutil  # only where it is needed: the workflow starts light

    me = psutil.Process()
    before = set(me.children())
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    try:
        yield
    finally:
        while left := [one for one in me.children() if one not in before]:
            for one in left:
                with suppress(psutil.NoSuchProcess):
                    one.kill()
            psutil.wait_procs(left)


def kill_group(leader: int) -> None:
    """Kill a process and all processes of its group."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def end_children() -> None:
    """End all processes that this process has started."""
    import psutil  # a slow import that only this function needs

    for child in psutil.Process().children(recursive=True):
        try:
            child.terminate()
        except psutil.NoSuchProcess:
            continue


def guard() -> None:
    """Fork into a worker and a waiting process that kills the process group if the parent ends.

    The waiting process ends with the exit status of the worker.  A process that a user started by
    hand does not fork.
    """
    handle = os.environ.pop(LIFELINE, None)
    if handle is None:
        return
    worker = os.fork()
    if worker == 0:
        os.close(int(handle))
        die_with_parent()
        return
    threading.Thread(target=_hold, args=(int(handle),), daemon=True).start()
    _end_as(os.waitpid(worker, 0)[1])


def _hold(handle: int) -> None:
    # The parent never writes: the read returns when the parent has ended.
    os.read(handle, 1)
    kill_group(os.getpgrp())


def _end_as(status: int) -> None:
    if os.WIFSIGNALED(status):
        # Avoid a second core dump.
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        number = os.WTERMSIG(status)
        if number != signal.SIGKILL:
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(os.waitstatus_to_exitcode(status))


def _watch(owner: str) -> None:
    while is_alive(owner):
        time.sleep(EVERY)
    os._exit(1)


def _start(process: int) -> str:
    """Start time of a process, in ticks of the kernel; empty if it does not run."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return _start_elsewhere(process)
    return "" if fields[0] in "ZX" else fields[19]


def _start_elsewhere(process: int) -> str:
    if Path("/proc/self/stat").exists():
        return ""
    import psutil  # for systems without /proc

    try:
        one = psutil.Process(process)
        return "" if one.status() == psutil.STATUS_ZOMBIE else str(one.create_time())
    except psutil.NoSuchProcess:
        return ""
