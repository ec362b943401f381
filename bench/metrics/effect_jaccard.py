"""Agreement of the genes that are predicted to move most with those that do.

    mean_p |A_p and B_p| / |A_p or B_p|
    A_p, B_p: the n genes of the largest |predicted_pj| and |observed_pj|

A gene without any predicted effect is in no A_p.  Higher means that more of these genes are the
same; chance alone gives about n / (2 x genes).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.core.metric import Metric, NotApplicable, View
from bench.parts.scoring.effect_scores import strongest


def score(*, effect: NDArray[Any], data_effect: NDArray[Any], n_genes: int) -> float:
    if effect.shape[1] <= n_genes:
        raise NotApplicable(f"there are no more than {n_genes} genes")
    one, other = (_among_strongest(array, n_genes) for array in (effect, data_effect))
    both, either = (one & other).sum(1), (one | other).sum(1)
    return float(np.divide(both, either, out=np.zeros(len(both)), where=either > 0).mean())


def _among_strongest(effect: NDArray[Any], n_genes: int) -> NDArray[np.bool_]:
    """(perturbation, gene) whether the gene is among the strongest, and moves; ties go by order."""
    among = np.zeros(effect.shape, dtype=bool)
    np.put_along_axis(among, strongest(effect, n_genes), True, axis=1)
    return among & (effect != 0)


METRIC = Metric(
    label="Jaccard index of strongest genes",
    score=score,
    better="higher",
    bounds=(0.0, 1.0),
    unit="share of genes",
    family="perturbation effects",
    blind_to="It is blind to the direction and the size of effects.",
    reference="CRADLE-VAE (dmis-lab), Baek et al. 2024, arXiv 2409.05484",
    default="20",
    views={
        "20": View(label="20 genes", description="n = 20.", options={"n_genes": 20}),
        "50": View(label="50 genes", description="n = 50.", options={"n_genes": 50}),
    },
)
