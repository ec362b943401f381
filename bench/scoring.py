"""Every metric of one run, seed by seed, as a record."""

from pathlib import Path
from typing import Any

from bench.catalogue import card
from bench.core.files import write_json
from bench.core.problem import load
from bench.metrics._scoring import score_all
from bench.readouts._store import read, seeds_in


def write_scores(run: dict[str, Any], problem: Path, scores: Path) -> None:
    """Score what lies in the archive beside ``scores``; a deterministic run once for all seeds."""
    archive, posed = scores.with_name("readouts.npz"), load(problem)
    metrics = {Path(name).stem: card("metrics", name) for name in run["metrics"]}
    rows: list[dict[str, Any]] = []
    failures: list[dict[str, Any]] = []
    for seed in seeds_in(archive):
        good, bad = score_all(metrics, read(archive, seed), posed)
        for same in run["seeds"] if run["deterministic"] else [seed]:
            rows += [{"seed": same} | row for row in good]
            failures += [{"seed": same} | row for row in bad]
    write_json(scores, {"scores": rows, "failures": failures})
