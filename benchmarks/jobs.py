"""What a job costs beside its work: CPU seconds and wall time of a study of jobs that do nothing.

    python -m benchmarks.jobs --splits 20

Runs `snakemake --cores 1` on a dataset of 60 cells with the baseline `mean`, once with one split
and once with more.  Every split adds three jobs (make_problem, fit_baseline, score); the difference
of the two runs, divided by the number of these jobs, is printed.  Planning, the imports of the
server and the report are in both runs.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from time import perf_counter
from typing import NamedTuple

import yaml

ROOT = Path(__file__).parents[1]
JOBS_PER_SPLIT = 3
STUDY = {
    "seeds": 1,
    "datasets": [{"tiny": {"dataset": "gamma_poisson", "n_cells": 60, "n_genes": 20}}],
    "tasks": ["thinned_counts"],
    "baselines": ["mean"],
    "metrics": ["heldout_poisson_loglik"],
    "runs": {},
}


class Cost(NamedTuple):
    """Of one study."""

    cpu: float
    wall: float


def cost_of(splits: int, folder: Path) -> Cost:
    """Seconds of Snakemake and of everything that it starts."""
    folder.mkdir()
    (folder / "study.yaml").write_text(yaml.safe_dump({**STUDY, "splits": splits}))
    command = [sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile"), "--cores", "1"]
    profile = ["--workflow-profile", str(ROOT / "profiles/default"), "--configfile", "study.yaml"]
    before, started = getrusage(RUSAGE_CHILDREN), perf_counter()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run(
        [*command, *profile], cwd=folder, check=True, capture_output=True, env=environment
    )
    after = getrusage(RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(cpu, perf_counter() - started)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--splits", type=int, default=20)
    splits = parser.parse_args().splits
    with tempfile.TemporaryDirectory() as folder:
        few = cost_of(1, Path(folder, "few"))
        many = cost_of(splits, Path(folder, "many"))
    n_jobs = JOBS_PER_SPLIT * (splits - 1)
    print(f"study of one split: {few.cpu:.1f} CPU s, {few.wall:.1f} s")
    print(f"study of {splits} splits: {many.cpu:.1f} CPU s, {many.wall:.1f} s")
    cpu, wall = (many.cpu - few.cpu) / n_jobs, (many.wall - few.wall) / n_jobs
    print(f"a job: {cpu:.2f} CPU s, {wall:.2f} s ({n_jobs} jobs)")


if __name__ == "__main__":
    main()
