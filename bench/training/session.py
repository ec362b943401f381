"""Threads, device and precision of a process that trains or computes readouts."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from bench.training.devices import arithmetic, device_for_job


@contextmanager
def session(precision: str, threads: int) -> Iterator[torch.device]:
    """The device for this job; torch uses ``threads`` threads, the threads of the rule."""
    torch.set_num_threads(threads)
    with device_for_job() as device, arithmetic(precision, device):
        yield device
