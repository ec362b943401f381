"""K-means clusters of cells, as many as there are cell types."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.core.metric import NotApplicable
from bench.parts.scoring.neighbours import coded

N_STARTS = 10
"""Number of initialisations of k-means, of which the best is used; equal for every latent."""


def kmeans(points: NDArray[Any], cell_type: NDArray[Any]) -> NDArray[np.int64]:
    """(cell,) the cluster of each of the (cell, dimension) points; of few points, fewer clusters.

    Standardises nothing: a latent's own scale counts.  Raises :class:`NotApplicable` where all
    cells have one type, or each its own: then every clustering agrees.
    """
    from sklearn.cluster import KMeans

    n_types = coded(cell_type)[1]
    if not 1 < n_types < len(cell_type):
        raise NotApplicable(f"{n_types} types of {len(cell_type)} cells: nothing to agree with")
    at_most = len(np.unique(points, axis=0))
    n_clusters = min(n_types, at_most)
    clusters = KMeans(n_clusters, n_init=N_STARTS, random_state=0)
    return clusters.fit_predict(points.astype(np.float64)).astype(np.int64)
