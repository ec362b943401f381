"""Which device a job trains on, how exactly it multiplies there, and what memory it took."""

import fcntl
import os
import resource
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import torch


@contextmanager
def device_for_job() -> Iterator[torch.device]:
    """A CUDA device where there is one, else the CPU.

    On a machine of several devices each job takes one by a lock file and holds it to its end; where
    ``CUDA_VISIBLE_DEVICES`` is set, by a scheduler or by hand, the choice has been made.
    """
    if not torch.cuda.is_available():
        yield torch.device("cpu")
        return
    if os.environ.get("CUDA_VISIBLE_DEVICES"):
        yield torch.device("cuda", 0)
        return
    with _locked_device(torch.cuda.device_count()) as index:
        yield torch.device("cuda", index)


@contextmanager
def _locked_device(n_devices: int) -> Iterator[int]:
    """The first device whose lock is free; if all are taken, wait for the first."""
    folder = Path(tempfile.gettempdir()) / f"scvaebench-devices-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    for index in range(n_devices):
        with (folder / str(index)).open("w") as lock:
            if _taken(lock, fcntl.LOCK_NB):
                yield index
                return
    with (folder / "0").open("w") as lock:
        _taken(lock, 0)
        yield 0


def _taken(lock: IO[str], waiting: int) -> bool:
    """Whether the lock is ours now; it is given back when its file is closed."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | waiting)
    except BlockingIOError:
        return False
    return True


@contextmanager
def arithmetic(precision: str, device: torch.device) -> Iterator[None]:
    """Matrix products in float32 unless a study asks for tf32 or bf16; put back at the end."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")
    try:
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
            yield
    finally:
        torch.set_float32_matmul_precision(before)


def peak_memory_mb(device: torch.device) -> float:
    """Largest memory so far, MB: of the device where it has its own, else of this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def name_of(device: torch.device) -> str:
    """What ``runs.csv`` calls it."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
