"""A table for the report: the latents that every treatment shifts."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from bench.core.files import replacing
from bench.core.rows import TREATMENTS
from bench.jobs.logged import logged
from bench.jobs.page_files import replicates_read, seal


@logged
def tabulate_treatments(key: str, readouts: str, treatments: str) -> None:
    """A row per seed, treatment and latent; an empty file without readouts.

    Omits seeds with arrays that are not finite; the scores report them.
    """
    path, tables = Path(treatments), list(_tables(Path(readouts)))
    if tables:
        with replacing(path) as part:
            pd.concat(tables).to_csv(part, index=False, float_format="%.6g")
    seal(path, key)


def _tables(readouts: Path) -> Iterator[pd.DataFrame]:
    for seed, arrays in replicates_read(readouts):
        names, on = arrays["treatment_names"], arrays["mask_probability"]
        embedding = arrays["treatment_embedding"]
        if np.isfinite(on).all() and np.isfinite(embedding).all():
            treatment, latent = np.indices(on.shape).reshape(2, -1)
            columns = (names[treatment], latent, on.ravel(), embedding.ravel(), seed)
            yield pd.DataFrame(dict(zip(TREATMENTS, columns, strict=True)))
