"""How well a run predicts the effect of every perturbation: a row per seed and perturbation.

Columns :data:`bench.core.rows.PERTURBATION_SCORES`.  A seed whose effects are not finite is left
out: it was reported where the run was scored.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from bench.core.page_file import PageFile, Replicate
from bench.core.problem import load
from bench.core.rows import PERTURBATION_SCORES
from bench.parts.scoring.effect_scores import correlations


def make(replicates: Iterable[Replicate], paths: Mapping[str, Path]) -> Iterator[pd.DataFrame]:
    """Predicted and observed effects are in the order of the names."""
    problem = load(paths["problem"])
    names, observed = problem.targets["perturbation_names"], problem.targets["data_effect"]
    seen, n_cells = np.unique(
        problem.labels["perturbation"][problem.scored_rows], return_counts=True
    )
    of_data = (n_cells[np.searchsorted(seen, names)], np.linalg.norm(observed, axis=1))
    for seed, arrays in replicates:
        predicted = arrays["effect"]
        if predicted.shape == observed.shape and np.isfinite(predicted).all():
            columns = (names, seed, correlations(predicted, observed), *of_data)
            yield pd.DataFrame(dict(zip(PERTURBATION_SCORES, columns, strict=True)))


PAGE_FILE = PageFile(
    label="correlation of predicted and observed effect by perturbation",
    format="parquet",
    needs=frozenset({"effect", "effect_perturbation", "data_effect", "perturbation_names"}),
    reads=frozenset({"problem"}),
    make=make,
)
