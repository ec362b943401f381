"""Which latents every treatment moves: a row per seed, treatment and latent.

Columns :data:`bench.core.rows.TREATMENTS`.  A seed with values that are not finite is left out: it
was reported where the run was scored.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from bench.core.page_file import PageFile, Replicate
from bench.core.rows import TREATMENTS


def make(replicates: Iterable[Replicate], paths: Mapping[str, Path]) -> Iterator[pd.DataFrame]:
    for seed, arrays in replicates:
        names, on = arrays["treatment_names"], arrays["mask_probability"]
        embedding = arrays["treatment_embedding"]
        if np.isfinite(on).all() and np.isfinite(embedding).all():
            treatment, latent = np.indices(on.shape).reshape(2, -1)
            columns = (names[treatment], latent, on.ravel(), embedding.ravel(), seed)
            yield pd.DataFrame(dict(zip(TREATMENTS, columns, strict=True)))


PAGE_FILE = PageFile(
    label="latents that treatments move",
    format="csv",
    needs=frozenset({"treatment_names", "mask_probability", "treatment_embedding"}),
    make=make,
)
