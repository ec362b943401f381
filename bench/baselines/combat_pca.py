"""ComBat on log counts, then principal components.

    y_ij = a_j + g_bj + d_bj e_ij   ->   (y_ij - a_j - g*_bj) / d*_bj + a_j

g* and d*, shift and scale of a gene in a batch, are shrunk towards what the batch's other genes
say (Johnson et al. 2007); computed by scanpy, dense.  No cell type is given, so where batches
differ in composition some of the biology is taken for batch effects.  A batch of a single cell has
no scale: its cell is left as it is, and so are a cell without a batch and a gene that does not
vary.  Embeds the cells it was
fitted to and no others.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray

from bench.core.baseline import Baseline, FittedBaseline, by_fitted_cell
from bench.core.dataset import UNKNOWN
from bench.core.problem import Problem
from bench.parts.counts.log_counts import Floats, components, log_counts


@dataclass(frozen=True, kw_only=True)
class ComBatPCAConfig:
    """Number of components."""

    n_components: Annotated[int, Ge(1)] = 10


def fit(problem: Problem, config: ComBatPCAConfig, rng: np.random.Generator) -> FittedBaseline:
    logs, batch = log_counts(problem.counts).toarray(), problem.labels["batch"]
    names, code, size = np.unique(batch, return_inverse=True, return_counts=True)
    size = np.where(names == UNKNOWN, 0, size)
    cells = np.flatnonzero(size[code] > 1)
    genes = np.flatnonzero(np.ptp(logs[cells], axis=0) > 0) if len(cells) else cells
    if (size > 1).sum() > 1 and len(genes):
        block = np.ix_(cells, genes)
        logs[block] = corrected(logs[block], batch[cells])
    latent = components(logs, config.n_components, rng)
    return FittedBaseline(functions={"latent": by_fitted_cell(latent, problem)})


def corrected(logs: Floats, batch: NDArray[np.str_]) -> Floats:
    """(cell, gene) log counts after ComBat."""
    import scanpy
    from anndata import AnnData
    from pandas import Categorical, DataFrame

    names = [str(number) for number in range(len(logs))]
    cells = AnnData(logs, obs=DataFrame({"batch": Categorical(batch)}, index=names))
    return scanpy.pp.combat(cells, "batch", inplace=False)


BASELINE = Baseline(
    label="ComBat, then PCA",
    config=ComBatPCAConfig,
    fit=fit,
    needs=frozenset({"all_cells", "batch", "counts"}),
    can=frozenset({"latent"}),
    deterministic=False,
    role="competitor",
    reference="Johnson et al. 2007, doi:10.1093/biostatistics/kxj037; scanpy",
)
