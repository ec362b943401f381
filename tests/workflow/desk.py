"""A folder to work in, and Snakemake run there as a user would, on a copy of everything it runs."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

REPOSITORY = Path(__file__).parents[2]
CODE = ("Snakefile", "workflow", "configs", "bench")
LIMIT_SECONDS = 240


class Desk:
    """``folder`` is where Snakemake runs; ``code`` holds the Snakefile and the package it uses."""

    def __init__(self, folder: Path, code: Path) -> None:
        self.folder, self.code = folder, code
        folder.mkdir(parents=True, exist_ok=True)
        self.environment = {**os.environ, "PYTHONPATH": str(code), "OMP_NUM_THREADS": "1"}

    def write(self, study: Mapping[str, Any], name: str = "tiny") -> Path:
        """Write a study file into the folder."""
        path = self.folder / f"{name}.yaml"
        path.write_text(yaml.safe_dump(dict(study), sort_keys=False))
        return path

    def command(self, *arguments: str, study: str = "tiny") -> list[str]:
        """The command line: the repository's profile, a study of this folder."""
        chosen = ["--configfile", f"{study}.yaml"] if study else []
        profile = self.code / "workflow" / "profiles" / "default"
        return [
            *(sys.executable, "-m", "snakemake", "--cores", "2"),
            *("--snakefile", str(self.code / "Snakefile"), "--workflow-profile", str(profile)),
            *chosen,
            *arguments,
        ]

    def snakemake(self, *arguments: str, study: str = "tiny") -> subprocess.CompletedProcess[str]:
        """Run Snakemake; what it says, on either stream, is in ``stdout``."""
        return subprocess.run(
            self.command(*arguments, study=study),
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LIMIT_SECONDS,
            check=False,
        )

    def run(self, study: str = "tiny", *arguments: str) -> str:
        """Run a study that must end well."""
        done = self.snakemake(*arguments, study=study)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def planned(self, study: str = "tiny", *arguments: str) -> set[str]:
        """What the jobs of a dry run say they would do."""
        said = self.run(study, *arguments, "--dry-run", "--quiet", "host", "reason")
        return set(re.findall(r"^Job \d+: (.*)$", said, re.MULTILINE))

    def runs(self, study: str = "tiny") -> pd.DataFrame:
        """``runs.csv``, with empty text where there is none."""
        return pd.read_csv(self.folder / "results" / study / "runs.csv", keep_default_na=False)

    def scores(self, study: str = "tiny") -> pd.DataFrame:
        """``scores.csv``."""
        return pd.read_csv(self.folder / "results" / study / "scores.csv")

    def record(self, path: str) -> Any:
        """A JSON file below the results."""
        return json.loads((self.folder / "results" / path).read_text())


def copied_code(place: Path) -> Path:
    """A copy of the Snakefile, its rules and the package, which may be edited."""
    for name in CODE:
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, place / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            place.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, place / name)
    return place


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
