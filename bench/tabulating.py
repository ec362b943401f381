"""From what was read out of a run to tables of its treatments and of its perturbations.

A run that was not read out leaves an empty file; a seed whose arrays are no numbers is left out, as
fault was found with it where it was scored.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from bench.core.files import replacing
from bench.core.problem import Problem, load
from bench.core.rows import PERTURBATION_SCORES, TREATMENTS
from bench.parts.effect_scores import correlations
from bench.readouts._store import read, seeds_in


def write_treatments(path: Path) -> None:
    """A row per seed, treatment and latent, of the archive beside ``path``."""
    tables = list(_treatments(path.with_name("readouts.npz")))
    if not tables:
        path.write_bytes(b"")
        return
    with replacing(path) as part:
        pd.concat(tables).to_csv(part, index=False, float_format="%.6g")


def write_perturbation_scores(problem: Path, path: Path) -> None:
    """A row per seed and perturbation, of the archive beside ``path``."""
    tables = list(_perturbations(path.with_name("readouts.npz"), load(problem)))
    if not tables:
        path.write_bytes(b"")
        return
    with replacing(path) as part:
        pd.concat(tables).to_parquet(part, index=False)


def _treatments(archive: Path) -> Iterator[pd.DataFrame]:
    for seed in seeds_in(archive):
        arrays = read(archive, seed)
        names, on = arrays["treatment_names"], arrays["mask_probability"]
        embedding = arrays["treatment_embedding"]
        if np.isfinite(on).all() and np.isfinite(embedding).all():
            treatment, latent = np.indices(on.shape).reshape(2, -1)
            columns = (names[treatment], latent, on.ravel(), embedding.ravel(), seed)
            yield pd.DataFrame(dict(zip(TREATMENTS, columns, strict=True)))


def _perturbations(archive: Path, problem: Problem) -> Iterator[pd.DataFrame]:
    """Predicted and observed effects are in the order of the names."""
    names, observed = problem.answers["perturbation_names"], problem.answers["data_effect"]
    seen, n_cells = np.unique(problem.labels["perturbation"][problem.scored], return_counts=True)
    of_data = (n_cells[np.searchsorted(seen, names)], np.linalg.norm(observed, axis=1))
    for seed in seeds_in(archive):
        predicted = read(archive, seed)["effect"]
        if predicted.shape == observed.shape and np.isfinite(predicted).all():
            columns = (names, seed, correlations(predicted, observed), *of_data)
            yield pd.DataFrame(dict(zip(PERTURBATION_SCORES, columns, strict=True)))
