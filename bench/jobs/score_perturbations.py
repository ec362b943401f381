"""A table for the report: correlation of predicted and observed effect per perturbation."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from bench.core.files import replacing
from bench.core.problem import Problem, load
from bench.core.rows import PERTURBATION_SCORES
from bench.jobs.logged import logged
from bench.jobs.page_files import replicates_read, seal
from bench.parts.scoring.effect_scores import correlations


@logged
def score_perturbations(key: str, problem: str, readouts: str, scores: str) -> None:
    """A row per seed and perturbation; an empty file without readouts."""
    path, tables = Path(scores), list(_tables(Path(readouts), load(Path(problem))))
    if tables:
        with replacing(path) as part:
            pd.concat(tables).to_parquet(part, index=False)
    seal(path, key)


def _tables(readouts: Path, problem: Problem) -> Iterator[pd.DataFrame]:
    """Tables per seed; predicted and observed effects are in the order of the names."""
    names, observed = problem.answers["perturbation_names"], problem.answers["data_effect"]
    seen, n_cells = np.unique(problem.labels["perturbation"][problem.scored], return_counts=True)
    of_data = (n_cells[np.searchsorted(seen, names)], np.linalg.norm(observed, axis=1))
    for seed, arrays in replicates_read(readouts):
        predicted = arrays["effect"]
        if predicted.shape == observed.shape and np.isfinite(predicted).all():
            columns = (names, seed, correlations(predicted, observed), *of_data)
            yield pd.DataFrame(dict(zip(PERTURBATION_SCORES, columns, strict=True)))
