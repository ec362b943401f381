"""The device of a job, the precision of its matrix products, and its peak memory."""

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
    """A CUDA device if there is one, else the CPU.

    On a machine with several devices each job locks one device with a lock file until the job ends.
    If a scheduler or the user has set ``CUDA_VISIBLE_DEVICES``, the job uses that device.
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
    """Whether this process has the lock now; closing the file releases the lock."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | waiting)
    except BlockingIOError:
        return False
    return True


@contextmanager
def arithmetic(precision: str, device: torch.device) -> Iterator[None]:
    """Set the precision of matrix products (float32, tf32 or bf16); restore it at the end."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")
    try:
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
            yield
    finally:
        torch.set_float32_matmul_precision(before)


def peak_memory_mb(device: torch.device) -> float:
    """Peak memory so far in MB: of a CUDA device, else of this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def name_of(device: torch.device) -> str:
    """The name of the device in ``runs.csv``."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
