"""Projections of cells to two dimensions, for figures only: they do not preserve distances.

    PCA    x = U S V',  the centred latent;  the first two columns of U S,  each with the sign that
           makes its largest entry positive
    UMAP   of the latent, 15 neighbours, minimum distance 0.1, from the PCA;  one thread, one seed

A figure has a limited number of cells: all labelled cells and a random sample of the others, the
same for every competitor of a task.  Source: McInnes et al. 2018, arXiv 1802.03426.
"""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Floats = NDArray[np.float64]

MOST_CELLS = 1_500
"""Maximum number of projected cells."""
SEED = 1
"""Seed of the sample of cells and of UMAP."""
N_NEIGHBOURS = 15
FEWEST_CELLS = 5
"""Minimum number of cells for UMAP; fewer cells are shown by their principal components."""


def projected(
    names: Array, true_type: Array, known_type: Array, latent: Array, probability: Array
) -> dict[str, Array]:
    """Table of the cells in the figure, one row per cell.

    All arguments have a row per scored cell; ``known_type`` is "" for unlabelled cells, and
    ``probability`` has a column per known type, in alphabetical order.
    """
    rows = chosen(known_type != "")
    kinds = np.unique(known_type[known_type != ""])
    main = components(latent[rows])
    near = neighbourhoods(latent[rows], main)
    return {
        "cell": names[rows],
        "true_type": true_type[rows],
        "predicted_type": kinds[probability[rows].argmax(1)],
        "probability": probability[rows].max(1).astype(np.float32),
        "labelled": known_type[rows] != "",
        **{f"umap_{axis + 1}": near[:, axis].astype(np.float32) for axis in range(2)},
        **{f"pca_{axis + 1}": main[:, axis].astype(np.float32) for axis in range(2)},
    }


def chosen(labelled: NDArray[np.bool_], most: int = MOST_CELLS) -> NDArray[np.int64]:
    """Rows of the cells in the figure, ascending; labelled cells have priority over others."""
    order = np.random.default_rng(SEED).permutation(len(labelled))
    return np.sort(order[np.argsort(~labelled[order], kind="stable")][:most])


def components(latent: Array) -> Floats:
    """(cell, 2) principal components; zeros if the latent has fewer dimensions."""
    centred = latent.astype(np.float64) - latent.mean(0, dtype=np.float64)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    found = (left * sizes)[:, :2]
    largest = found[np.abs(found).argmax(0), np.arange(found.shape[1])]
    out = np.zeros((len(latent), 2))
    out[:, : found.shape[1]] = found * np.where(largest < 0, -1.0, 1.0)
    return out


def neighbourhoods(latent: Array, start: Floats) -> Floats:
    """(cell, 2) UMAP coordinates, initialised at ``start``."""
    varies = np.ptp(start, axis=0) > 1e-6 * np.abs(latent).max(initial=1e-300)
    if len(latent) < FEWEST_CELLS or not varies.any():
        return start
    with warnings.catch_warnings():
        # On import the package warns that one of its models needs another library.
        warnings.filterwarnings("ignore", "Tensorflow not installed", ImportWarning)
        from umap import UMAP
    model = UMAP(
        n_neighbors=min(N_NEIGHBOURS, len(latent) - 1),
        min_dist=0.1,
        # An axis without variation cannot be scaled to the range of UMAP.
        init=start if varies.all() else "random",
        random_state=SEED,
        n_jobs=1,
    )
    return np.asarray(model.fit_transform(latent.astype(np.float32)), dtype=np.float64)
