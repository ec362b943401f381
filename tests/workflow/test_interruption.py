"""What was cut off is done again, and nothing is left running."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from typing import Any

import psutil
import pytest
from desk import LIMIT_SECONDS, Desk

pytestmark = pytest.mark.slow

PRESSES = 3
"""Of the keys, in the time that three jobs may take."""

GATED = """
import time
from dataclasses import replace
from pathlib import Path

from bench.models.pvae import PVAE, VARIANT as PLAIN


class Gated(PVAE):
    def forward(self, cells, noise):
        Path("waiting").touch()
        while not Path("gate").exists():
            time.sleep(0.05)
        return super().forward(cells, noise)


VARIANT = replace(PLAIN, label="Gated", build=Gated)
"""


def wait_for(ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT_SECONDS
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def at_a_terminal() -> None:
    """Listen to interrupts, which whatever a shell starts in the background is born deaf to."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def interrupt(begun: subprocess.Popen[bytes]) -> None:
    """As Ctrl-C at a terminal does: everything in the foreground is told.

    Snakemake may be told at a moment when it does not listen, and then tries the job again that
    died: whoever sits there presses the keys once more.
    """
    for _ in range(PRESSES):
        os.killpg(begun.pid, signal.SIGINT)
        try:
            begun.wait(LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            continue
        return
    raise AssertionError(f"interrupted {PRESSES} times, and still there")


def test_after_an_interrupt_the_study_goes_on(new_desk: Desk, study: dict[str, Any]) -> None:
    (new_desk.folder / "gated.py").write_text(GATED)
    runs = {"gated": {"variant": "gated.py", "n_latent": 2, "n_hidden": 4}}
    new_desk.write(study | {"runs": runs, "datasets": study["datasets"][:1]})
    begun = subprocess.Popen(
        new_desk.command(),
        cwd=new_desk.folder,
        env=new_desk.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=at_a_terminal,
    )
    wait_for((new_desk.folder / "waiting").exists)
    below = psutil.Process(begun.pid).children(recursive=True)
    assert below
    interrupt(begun)
    assert begun.returncode != 0
    wait_for(lambda: not [child for child in below if child.is_running()])

    (new_desk.folder / "gate").touch()
    planned = new_desk.planned()
    assert "Training gated on tiny, held_out_cells" in planned
    assert "Preparing tiny" not in planned
    new_desk.run()
    assert set(new_desk.runs()["status"]) == {"ok"}
    assert new_desk.planned() == set()
