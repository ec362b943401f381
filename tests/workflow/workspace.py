"""A clone of the repository, installed as the README says, to type its commands in."""

import json
import os
import re
import shutil
import signal
import subprocess
import sysconfig
import time
import venv
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import yaml

REPOSITORY = Path(__file__).parents[2]
CODE = ("Snakefile", "workflow", "profiles", "configs", "bench", "pyproject.toml", "README.md")

SNAKEMAKE = "snakemake --cores 8 --configfile configs/mine.yaml"
"""The README's command for a study of one's own; a test finds it there."""

LIMIT_SECONDS = 300

QUIET = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
"""What whoever runs the tests may have set, and a user has not."""


class Workspace:
    """``folder`` is the clone; ``results/mine`` is where its study ends."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        copy_code(folder)
        programs = installed(folder, folder / ".venv")
        kept = {name: value for name, value in os.environ.items() if name not in QUIET}
        self.environment = kept | {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}

    @property
    def study(self) -> Path:
        """The results of the study."""
        return self.folder / "results" / "mine"

    def write(self, study: Mapping[str, Any], name: str = "mine") -> Path:
        """Write ``configs/<name>.yaml``."""
        path = self.folder / "configs" / f"{name}.yaml"
        path.write_text(yaml.safe_dump(dict(study), sort_keys=False))
        return path

    def type(self, command: str = SNAKEMAKE, at: Path | None = None) -> "Said":
        """Type a command and wait for its end."""
        begun = self.begin(command, at)
        said, _ = begun.communicate(timeout=LIMIT_SECONDS)
        return Said(begun.returncode, said)

    def begin(self, command: str = SNAKEMAKE, at: Path | None = None) -> subprocess.Popen[str]:
        """Type a command at a terminal, where Ctrl-C is heard by all that it starts."""
        _hear_interrupts()
        return subprocess.Popen(
            command,
            shell=True,
            executable="/bin/bash",
            cwd=at or self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, command: str = SNAKEMAKE) -> str:
        """Type a command that must end well."""
        done = self.type(command)
        assert done.code == 0, done.text
        return done.text

    def planned(self, command: str = SNAKEMAKE) -> set[str]:
        """What the jobs of a dry run say they would do."""
        return jobs_in(self.run(f"{command} -n"))

    def runs(self) -> pd.DataFrame:
        """``runs.csv``, with empty text where there is none."""
        return pd.read_csv(self.study / "runs.csv", keep_default_na=False)

    def scores(self) -> pd.DataFrame:
        """``scores.csv``."""
        return pd.read_csv(self.study / "scores.csv")

    def record(self, path: str) -> Any:
        """A JSON file below the study's results."""
        return json.loads((self.study / path).read_text())


def _hear_interrupts() -> None:
    """Let programs hear Ctrl-C although the tests may have been started in the background.

    There SIGINT is ignored, which programs inherit; a handler is not inherited.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


class Said:
    """How a command ended, and all it printed."""

    def __init__(self, code: int, text: str) -> None:
        self.code, self.text = code, text


def jobs_in(said: str) -> set[str]:
    """The messages of the jobs that Snakemake names, but for the end of all."""
    found = re.findall(r"^Job \d+: (.*)$", said, re.MULTILINE)
    return {text for text in found if not text.startswith("Everything of results/")}


def trained(said: str) -> set[str]:
    """The runs that Snakemake says it trained."""
    return set(re.findall(r"^Job \d+: Training (\S+) on", said, re.MULTILINE))


def copy_code(place: Path) -> None:
    """What a clone holds of the repository, as it stands here."""
    for name in CODE:
        source = REPOSITORY / name
        if source.is_dir():
            unread = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, place / name, ignore=unread, dirs_exist_ok=True)
        else:
            place.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, place / name)


def installed(clone: Path, place: Path) -> Path:
    """An environment in which the clone is installed beside all that is installed here.

    Returns the folder of its programs.
    """
    venv.create(place, symlinks=True, with_pip=False)
    own = next((place / "lib").glob("python*/site-packages"))
    (own / "clone.pth").write_text(f"{clone}\n{sysconfig.get_path('purelib')}\n")
    snakemake = place / "bin" / "snakemake"
    snakemake.write_text(
        f"#!{place}/bin/python\nimport sys\nfrom snakemake.cli import main\nsys.exit(main())\n"
    )
    snakemake.chmod(0o755)
    return place / "bin"


@contextmanager
def edited(path: Path, extra: str = "\n# an edit\n") -> Iterator[None]:
    """Append to a file, or make it; put it back as it was, times included, at the end."""
    before = (path.read_bytes(), path.stat()) if path.exists() else None
    with path.open("a") as file:
        file.write(extra)
    try:
        yield
    finally:
        if before is None:
            path.unlink()
        else:
            path.write_bytes(before[0])
            os.utime(path, ns=(before[1].st_atime_ns, before[1].st_mtime_ns))


def wait_for(ready: Callable[[], Any]) -> None:
    """Wait until something is the case."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def of_the_clone(clone: Path) -> list[psutil.Process]:
    """Every process that works in a clone."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.cwd() == str(clone) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def children_of(clone: Path, module: str) -> list[psutil.Process]:
    """The processes of a clone that run a module."""
    return [one for one in of_the_clone(clone) if module in " ".join(one.cmdline())]
