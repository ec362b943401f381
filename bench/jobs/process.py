"""Processes and their parents: who is alive, and how a child dies with whoever started it."""

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
"""Environment variable that names the Snakemake a job belongs to: host, process, start."""

LIFELINE = "SCVAEBENCH_LIFELINE"
"""Environment variable that names the pipe whose other end the parent holds while it lives."""

EVERY = 0.5
"""Seconds between two looks at the owner."""

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36


def identity(process: int | None = None) -> str:
    """What tells this process, or another of this machine, from all others."""
    process = process or os.getpid()
    return f"{socket.gethostname()}:{process}:{_start(process)}"


def is_alive(owner: str) -> bool:
    """Whether a process of this machine still runs; one of another machine counts as alive."""
    host, process, start = owner.rsplit(":", 2)
    if host != socket.gethostname():
        return True
    return _start(int(process)) == start


def leave_with_owner() -> None:
    """End this process, and its child with it, once the Snakemake it belongs to is gone."""
    owner = os.environ.get(OWNER)
    if owner:
        threading.Thread(target=_watch, args=(owner,), daemon=True).start()


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent dies (Linux)."""
    if sys.platform == "linux":
        parent = os.getppid()
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)


@contextmanager
def adopt_orphans() -> Iterator[None]:
    """End, at the end, all that processes begun meanwhile have left behind.

    Also what left their group: on Linux the orphans of this process's children become its own.
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
    """Kill a process with everything it started."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def end_children() -> None:
    """End everything this process has started."""
    import psutil  # only where it is needed: the workflow starts light

    for child in psutil.Process().children(recursive=True):
        try:
            child.terminate()
        except psutil.NoSuchProcess:
            continue


def guard() -> None:
    """Split in two: one half goes on and works, the other waits and takes everything down with it.

    The waiting half kills the whole group as soon as the process that started it is gone, and ends
    as the working half ended.  A process that was started by hand goes on alone.
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
    # Nothing is ever written: reading ends when the parent does, however it ends.
    os.read(handle, 1)
    kill_group(os.getpgrp())


def _end_as(status: int) -> None:
    if os.WIFSIGNALED(status):
        # One dump of the core is enough.
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
    """When a process started, in ticks of the kernel; empty where it does not run."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return _start_elsewhere(process)
    return "" if fields[0] in "ZX" else fields[19]


def _start_elsewhere(process: int) -> str:
    if Path("/proc/self/stat").exists():
        return ""
    import psutil  # where there is no /proc

    try:
        one = psutil.Process(process)
        return "" if one.status() == psutil.STATUS_ZOMBIE else str(one.create_time())
    except psutil.NoSuchProcess:
        return ""
