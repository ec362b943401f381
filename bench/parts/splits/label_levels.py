"""What tasks about perturbations object to in the levels of the labels."""

import numpy as np
from numpy.typing import NDArray

from bench.core.dataset import CONTROL, Levels
from bench.core.errors import Finding
from bench.core.problem import TEST, TRAIN, VALIDATION

PARTS = (TRAIN, VALIDATION, TEST)


def perturbations_of(levels: Levels) -> NDArray[np.str_]:
    """The perturbations of a dataset, in alphabetical order, without the control."""
    return np.array(sorted(set(levels["perturbation"]) - {CONTROL}), dtype=str)


def lacking_effects(levels: Levels) -> list[Finding]:
    """Findings if there are not enough controls, or perturbed cells, for all parts of a split."""
    perturbations = levels.get("perturbation", {})
    n_control = perturbations.get(CONTROL, 0)
    n_perturbed = sum(perturbations.values()) - n_control
    counted = {"control cells": n_control, "perturbed cells": n_perturbed}
    fewest = len(PARTS)
    expected = f"expected at least {fewest}: one for training, validation and test each"
    return [Finding(name, n, expected) for name, n in counted.items() if n < fewest]
