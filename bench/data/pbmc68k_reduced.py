"""700 real blood cells and 765 genes from the package of scanpy, without a download.

The package has log(1 + 10⁴ x_ij / n_i), rounded to three decimals, and the total n_i of every cell.
The counts follow from them without ambiguity (the largest distance to an integer is 0.08; the
loader refuses distances above 0.1).  Ten cell types by sorting, one batch.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix

from bench.core.dataset import CountData, Dataset, Description
from bench.core.errors import mistake
from bench.data._cleaning import clean_counts

PER_CELL = 1e4
FARTHEST = 0.1


@dataclass(frozen=True, kw_only=True)
class Pbmc68kReducedConfig:
    """No parameters."""


def load(config: Pbmc68kReducedConfig, files: Mapping[str, Path]) -> CountData:
    """The counts and the cell types.  Raises UserError if this scanpy has other values."""
    import scanpy

    cells = scanpy.datasets.pbmc68k_reduced()
    logged = csr_matrix(cells.raw.X, dtype=np.float64).toarray()
    scaled = np.expm1(logged) * cells.obs["n_counts"].to_numpy(float)[:, None] / PER_CELL
    counts = np.rint(scaled)
    farthest = float(np.abs(scaled - counts).max())
    if farthest > FARTHEST:
        raise mistake(
            "pbmc68k_reduced",
            farthest,
            f"recovered counts have a distance of more than {FARTHEST} from integers",
            "install scanpy 1.11, which has the expected values",
        )
    data = CountData(
        counts=csr_matrix(counts),
        cell_names=cells.obs_names.to_numpy(),
        gene_names=cells.raw.var_names.to_numpy(),
        labels={"cell_type": cells.obs["bulk_labels"].to_numpy()},
    )
    return clean_counts(data, "pbmc68k_reduced")


DATASET = Dataset(
    label="PBMC 68k, reduced",
    config=Pbmc68kReducedConfig,
    load=load,
    provides=frozenset({"counts", "cell_type"}),
    describe=lambda _: Description(n_cells=700, n_genes=765),
    reference="Zheng et al. 2017, doi:10.1038/ncomms14049; the subset shipped with scanpy",
)
