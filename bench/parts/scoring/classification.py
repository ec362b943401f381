"""How well cells whose label was hidden are classified, from the probabilities of the known types.

    predicted_i = argmax_c p_ic,  of equals the first        true_i: the type in the data

Types are those that some labelled cell is said to be of, in alphabetical order.  A cell of another
type cannot be found: it counts as wrong.  Labelled cells are not judged.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from bench.core.metric import NotApplicable

Array = NDArray[Any]
Floats = NDArray[np.float64]

FLOOR = 1e-12
"""Smallest probability that is scored: what was said to be impossible costs 27.6 nats."""

N_BINS = 15
"""Bins of the top probability that calibration is read in."""


class Judged(NamedTuple):
    """The cells whose label was hidden, and what was said of them."""

    probability: Floats
    """(cell, type)."""
    kinds: Array
    """(type,) names, ascending."""
    true_type: Array
    """(cell,) names."""

    @property
    def predicted(self) -> Array:
        """(cell,) names of the most probable types."""
        return np.asarray(self.kinds[self.probability.argmax(1)])

    @property
    def correct(self) -> NDArray[np.bool_]:
        """(cell,) whether the most probable type is the true one."""
        return np.asarray(self.predicted == self.true_type)


def judged(probability: Array, known_type: Array, true_type: Array) -> Judged:
    """The hidden ones among (scored, type) probabilities.

    Raises :class:`NotApplicable` where no hidden cell is scored, and ValueError where these are no
    probabilities of the known types.
    """
    hidden, kinds = known_type == "", np.unique(known_type[known_type != ""])
    if not hidden.any():
        raise NotApplicable("no cell whose label was hidden is scored")
    if probability.shape != (len(known_type), len(kinds)):
        raise ValueError(f"{probability.shape} are not probabilities of {len(kinds)} known types")
    if not np.isfinite(probability).all():
        raise ValueError("some probabilities are not finite")
    return Judged(probability[hidden].astype(np.float64), kinds, true_type[hidden])


def accuracy(cells: Judged) -> float:
    """(1/N) #{i: predicted_i = true_i}"""
    return float(cells.correct.mean())


def balanced_accuracy(cells: Judged) -> float:
    """Mean over the true types c of #{i: predicted_i = true_i = c} / #{i: true_i = c}."""
    present = np.unique(cells.true_type)
    return float(np.mean([cells.correct[cells.true_type == kind].mean() for kind in present]))


def macro_f1(cells: Judged) -> float:
    """Mean over the true types c of 2 TP_c / (#{i: true_i = c} + #{i: predicted_i = c})."""
    predicted, found = cells.predicted, cells.true_type[cells.correct]
    each = [
        2 * (found == kind).sum() / ((cells.true_type == kind).sum() + (predicted == kind).sum())
        for kind in np.unique(cells.true_type)
    ]
    return float(np.mean(each))


def log_loss(cells: Judged) -> float:
    """Mean over cells of -log max(p_i,true_i, FLOOR), nats."""
    of_truth = (cells.probability * (cells.kinds == cells.true_type[:, None])).sum(1)
    return float(-np.log(np.clip(of_truth, FLOOR, 1)).mean())


def expected_calibration_error(cells: Judged) -> float:
    """sum over bins b of the top probability of (n_b / N) |share correct_b - mean probability_b|"""
    top = cells.probability.max(1)
    number = np.clip(np.ceil(top * N_BINS).astype(int) - 1, 0, N_BINS - 1)
    surplus = np.bincount(number, weights=cells.correct - top, minlength=N_BINS)
    return float(np.abs(surplus).sum() / len(top))


def auroc(cells: Judged) -> float:
    """Mean over types c of P(p_ic > p_jc) + P(p_ic = p_jc) / 2 for i of type c and j of another.

    Raises :class:`NotApplicable` where no known type has cells both of it and of others.
    """
    ranks, areas = rankdata(cells.probability, axis=0), []
    for rank, kind in zip(ranks.T, cells.kinds, strict=True):
        mine = cells.true_type == kind
        n_mine, n_others = mine.sum(), (~mine).sum()
        if n_mine and n_others:
            areas.append((rank[mine].sum() - n_mine * (n_mine + 1) / 2) / (n_mine * n_others))
    if not areas:
        raise NotApplicable("no known type has both cells of it and of others")
    return float(np.mean(areas))
