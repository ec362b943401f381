"""The cells with hidden labels, and the probabilities of their types.

    predicted_i = argmax_c p_ic, the first of ties              true_i: the type in the data

Known types are those of the labelled cells, in alphabetical order.  A cell of another type cannot
be found: it counts as wrong.  Labelled cells are not scored, nor are cells whose type nobody knows.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.core.dataset import UNKNOWN
from bench.core.metric import NotApplicable, View

Array = NDArray[Any]
Floats = NDArray[np.float64]

PLUGIN = View(
    label="plug-in",
    description="The probabilities are the classifier's at the mean of the latent's posterior "
    "instead of their average over draws of the latent. Most papers report this.",
    arrays={"class_probability": "class_probability_plugin"},
)

PROBES = {
    "knn": View(
        label="k-NN on the latent",
        description="The probabilities are votes of the five nearest labelled cells in the latent, "
        "weighed by 1 / distance. They measure any latent, whether its model classifies or not.",
        arrays={"class_probability": "knn_probability"},
    ),
    "logistic": View(
        label="logistic regression on the latent",
        description="The probabilities are those of a logistic regression (penalty |W|² / 2) on "
        "the standardised latent, fitted to labelled cells alone. They measure any latent, whether "
        "its model classifies or not.",
        arrays={"class_probability": "logistic_probability"},
    ),
}
"""Views of every measure of classification, see :mod:`bench.parts.scoring.probes`."""


class HiddenCells(NamedTuple):
    """The cells with hidden labels, and their predictions."""

    probability: Floats
    """(cell, type)."""
    types: Array
    """(type,) names of the known types, ascending."""
    true_type: Array
    """(cell,) names."""

    @property
    def predicted(self) -> Array:
        """(cell,) names of the most probable types."""
        return np.asarray(self.types[self.probability.argmax(1)])

    @property
    def present(self) -> Array:
        """Names of the types of these cells, ascending; some may have no labelled cell."""
        return np.unique(self.true_type)


def hidden_cells(probability: Array, known_type: Array, true_type: Array) -> HiddenCells:
    """The scored cells with hidden labels; ``probability`` is (scored, known type).

    Raises :class:`NotApplicable` if no scored cell has a hidden label, and ValueError if
    ``probability`` does not contain probabilities of the known types.
    """
    hidden = (known_type == "") & (true_type != UNKNOWN)
    types = np.unique(known_type[known_type != ""])
    if not hidden.any():
        raise NotApplicable("no scored cell has a hidden label")
    if probability.shape != (len(known_type), len(types)):
        raise ValueError(f"{probability.shape} are not probabilities of {len(types)} known types")
    if not np.isfinite(probability).all():
        raise ValueError("some probabilities are not finite")
    return HiddenCells(probability[hidden].astype(np.float64), types, true_type[hidden])
