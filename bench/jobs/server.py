"""A process that imports the libraries of all jobs once, and forks a child for each job.

Snakemake's main process starts it for a study.  It imports and then forks: a job needs milliseconds
to start instead of seconds.  Every job still has its own process, and models and metrics still run
in a child of it (``bench.jobs.isolation``), which is forked too.  Only on Linux: elsewhere
libraries do not allow a fork after their import.
"""

import atexit
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from bench.jobs import forked
from bench.jobs.isolation import limited_env
from bench.jobs.process import die_with_parent, identity, is_alive
from bench.jobs.request import LENGTH, SERVER, perform, received

LONGEST_PATH = 100
"""Characters of the address of a socket; the kernel allows 107."""

QUEUE = 128
"""Jobs that wait for the imports."""


def start(folder: Path) -> None:
    """Start a server that ends with this process, once; ``folder`` is that of its socket.

    Without a server, on other systems or where no socket can be made, a job is a new process.
    """
    path = folder / f"{identity().replace(':', '-')}.sock"
    if os.environ.get(SERVER) == str(path):
        return
    # That of another Snakemake, which submitted this one to a cluster.
    os.environ.pop(SERVER, None)
    if not is_possible() or len(str(path)) > LONGEST_PATH:
        return
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob("*.sock"):
        if not is_alive(":".join(left.stem.rsplit("-", 2))):
            left.unlink(missing_ok=True)
    command = [sys.executable, "-m", __name__, str(path)]
    child = subprocess.Popen(command, env=environment(), stdin=subprocess.DEVNULL)
    os.environ[SERVER] = str(path)
    atexit.register(_stop, child, path)


def environment() -> dict[str, str]:
    """That of a process with one thread: only such a process is copied whole."""
    return limited_env(1) | {"JE_ARROW_MALLOC_CONF": "background_thread:false"}


def _stop(child: "subprocess.Popen[bytes]", path: Path) -> None:
    child.kill()
    child.wait()
    path.unlink(missing_ok=True)


def import_libraries() -> None:
    """Import what most jobs import; the other modules are imported by the jobs that need them."""
    import h5py  # noqa: F401
    import pandas  # noqa: F401
    import psutil  # noqa: F401
    import pyarrow.parquet  # noqa: F401
    import safetensors.torch  # noqa: F401
    import scipy.stats  # noqa: F401
    import sklearn.linear_model
    import sklearn.metrics
    import sklearn.neighbors  # noqa: F401
    import torch._dynamo
    import torch.func  # noqa: F401

    import bench.jobs.fit_baseline
    import bench.jobs.make_page_file
    import bench.jobs.make_problem
    import bench.jobs.prepare
    import bench.jobs.read_out
    import bench.jobs.score
    import bench.training.loop
    import bench.training.reading_out
    import bench.training.records  # noqa: F401
    from bench.parts.nn.kernel_calls import load_kernels
    from bench.planning.fingerprint import PACKAGE, sources

    load_kernels()
    # Every job compares the sources with the plan: what is parsed here is parsed once.
    sources(*PACKAGE.rglob("*.py"))


def is_possible() -> bool:
    """Whether this system can fork after the import of libraries."""
    return sys.platform == "linux" and hasattr(os, "pidfd_open")


class Server:
    """Listens on a socket; one connection is one job."""

    def __init__(self, path: str) -> None:
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(QUEUE)
        self.selector = selectors.DefaultSelector()
        self.jobs: dict[int, tuple[int, socket.socket]] = {}
        """Descriptor of a process -> its number, and the connection of its job."""

    def run(self) -> NoReturn:
        """Answer requests until this process is ended."""
        import_libraries()
        self.selector.register(self.listener, selectors.EVENT_READ)
        while True:
            for key, _ in self.selector.select():
                if key.fileobj is self.listener:
                    self._begin(self.listener.accept()[0])
                elif key.fd in self.jobs:
                    self._end(key.fd)
                else:
                    self._cancel(key.fd)

    def _begin(self, connection: socket.socket) -> None:
        data = received(connection)
        process = os.fork()
        if process == 0:
            self._close_all()
            _work(data)
        descriptor = os.pidfd_open(process)
        self.jobs[descriptor] = (process, connection)
        self.selector.register(descriptor, selectors.EVENT_READ)
        self.selector.register(connection, selectors.EVENT_READ)

    def _close_all(self) -> None:
        """In a child: an open connection would keep the script of another job waiting."""
        self.listener.close()
        self.selector.close()
        for descriptor, (_, connection) in self.jobs.items():
            os.close(descriptor)
            connection.close()

    def _end(self, descriptor: int) -> None:
        process, connection = self.jobs.pop(descriptor)
        code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        self.selector.unregister(descriptor)
        os.close(descriptor)
        with suppress(KeyError):
            self.selector.unregister(connection)
        with suppress(OSError):
            # A job that a signal ended has a negative code: no answer, as if it were lost.
            if code >= 0:
                connection.sendall(code.to_bytes(LENGTH, "big"))
        connection.close()

    def _cancel(self, descriptor: int) -> None:
        """End the job whose script has ended: Snakemake does not wait for it any more."""
        for process, connection in self.jobs.values():
            if connection.fileno() == descriptor:
                self.selector.unregister(connection)
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)


def _work(data: bytes) -> NoReturn:
    """Do the job of a request in this process, a child of the server."""
    code = 1
    try:
        forked.begin()
        message = json.loads(data)
        perform(message["rule"], message["arguments"])
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # a user's file may raise anything; Snakemake needs the exit code
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def main() -> None:
    """Main function; the argument is the path of the socket."""
    # Ctrl-C reaches all processes of the terminal: Snakemake ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with_parent()
    Server(sys.argv[1]).run()


if __name__ == "__main__":
    main()
