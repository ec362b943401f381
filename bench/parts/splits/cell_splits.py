"""Assignment of cells to roles and scored rows, the same for every competitor.

Nothing here looks at a count, so nothing a task leaves out can move a split; but copies of a cell
(``parts.splits.duplicates``) are dealt out together, for whoever sees one has seen them all.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from bench.core.dataset import CountData
from bench.core.errors import Finding, UserError, mistake
from bench.core.problem import TEST, TRAIN, VALIDATION
from bench.parts.splits.duplicates import first_of

ROLES = {"train": TRAIN, "validation": VALIDATION, "test": TEST}


def roles(
    n_cells: int,
    fractions: Mapping[str, float],
    rng: np.random.Generator,
    strata: NDArray[np.str_] | None = None,
    groups: NDArray[np.int64] | None = None,
) -> NDArray[np.int8]:
    """(cell,) roles: the named fractions of ``validation`` and ``test``, the rest is training.

    Sizes are exact to the nearest cell.  With ``strata`` (cell,), every stratum gets its share of
    each role to within about one cell.  Cells of one of the ``groups`` (cell,), copies of each
    other, have the role of the first, and sizes are then exact on average.  Raises
    :class:`UserError` where a part would be empty.
    """
    sizes = {name: round(fraction * n_cells) for name, fraction in fractions.items()}
    sizes["train"] = n_cells - sum(sizes.values())
    _refuse_empty(sizes, fractions, n_cells)
    order = _shuffled(n_cells, rng, strata)
    role = np.full(n_cells, TRAIN, dtype=np.int8)
    for name in fractions:
        chosen = _evenly(order, sizes[name])
        role[order[chosen]] = ROLES[name]
        order = order[~chosen]
    if groups is not None:
        role = role[first_of(groups)]
        left = {name: int((role == ROLES[name]).sum()) for name in sizes}
        _refuse_empty(left, fractions, n_cells)
    return role


def need_training(**shares: float) -> None:
    """Raises :class:`UserError` if these shares leave nothing for training."""
    if sum(shares.values()) >= 1:
        named = " and ".join(shares)
        raise mistake(named, None, "together leave no cells for training", "lower one of them")


def ranks(
    strata: NDArray[np.str_], rng: np.random.Generator, groups: NDArray[np.int64] | None = None
) -> NDArray[np.floating]:
    """(cell,) in [0, 1), evenly spread over the cells of each stratum, in random order.

    Those below s are a share s of every stratum, to within one cell; a larger s only adds cells.
    Cells of one of the ``groups`` (cell,), copies of each other, have the rank of the first.
    """
    order = rng.permutation(len(strata))
    _, stratum, sizes = np.unique(strata[order], return_inverse=True, return_counts=True)
    # A random offset below one cell, so that small strata do not all round in one direction.
    start = rng.uniform(size=len(sizes))
    rank = np.empty(len(strata))
    rank[np.argsort(stratum, kind="stable")] = np.concatenate([np.arange(n) for n in sizes])
    spread = np.empty(len(strata))
    spread[order] = (rank + start[stratum]) / sizes[stratum]
    return spread if groups is None else spread[first_of(groups)]


def scored_rows(n_cells: int, at_most: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """All rows, or a random sample of ``at_most`` rows without replacement, ascending."""
    sampled = rng.permutation(n_cells)[:at_most]
    return np.sort(sampled).astype(np.int64)


def rates_in_exposure(data: CountData, exposure: float = 1.0) -> dict[str, NDArray]:
    """True values for the oracle, for visible counts of ``exposure`` times the original depth."""
    scaled = {name: data.truth[name] * exposure for name in ("rate", "mean") if name in data.truth}
    unscaled = {n: data.truth[n] for n in ("inverse_dispersion",) if n in data.truth}
    return scaled | unscaled


def _refuse_empty(sizes: Mapping[str, int], fractions: Mapping[str, float], n_cells: int) -> None:
    findings = [
        Finding(
            name,
            fractions.get(name),
            f"leaves {max(size, 0)} of {n_cells:,} cells for {name}",
            "choose other fractions or take more cells",
        )
        for name, size in sizes.items()
        if size < 1
    ]
    if findings:
        raise UserError("The cells cannot be split like this:", findings)


def _shuffled(
    n_cells: int, rng: np.random.Generator, strata: NDArray[np.str_] | None
) -> NDArray[np.int64]:
    order = rng.permutation(n_cells)
    if strata is None:
        return order
    kinds, stratum = np.unique(strata, return_inverse=True)
    # Strata are consecutive, in random order, so that small strata do not always get the same role.
    rank = rng.permutation(len(kinds))[stratum]
    return order[np.argsort(rank[order], kind="stable")]


def _evenly(order: NDArray[np.int64], size: int) -> NDArray[np.bool_]:
    """True at ``size`` evenly spaced positions of ``order``."""
    steps = np.arange(len(order) + 1) * size // len(order)
    return np.diff(steps) > 0
