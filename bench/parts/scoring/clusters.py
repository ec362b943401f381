"""K-means clusters of cells, as many as there are cell types."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.parts.scoring.neighbours import coded

N_STARTS = 10
"""Number of initialisations of k-means, of which the best is used; equal for every latent."""


def kmeans(points: NDArray[Any], cell_type: NDArray[Any]) -> NDArray[np.int64]:
    """(cell,) the cluster of each of the (cell, dimension) points; of few points, fewer clusters.

    Without standardisation: the result depends on the scale of the latent.
    """
    from sklearn.cluster import KMeans

    at_most = len(np.unique(points, axis=0))
    n_clusters = min(coded(cell_type)[1], at_most)
    clusters = KMeans(n_clusters, n_init=N_STARTS, random_state=0)
    return clusters.fit_predict(points.astype(np.float64)).astype(np.int64)
