"""Average treatment effects: the change of mean expression by a perturbation.

    y_ij = log2(1 + 10,000 x_ij / sum_j x_ij)     counts; over the modelled genes
    y_ij = x_ij                                   real values
    effect of p = mean of y over cells with p - mean of y over controls

All arrays are (perturbation, gene), perturbations in alphabetical order without the control.  A
cell without counts has y = 0.
Source: Bereket and Karaletsos 2023, arXiv 2311.02794 (``perturbseq``).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags

from bench.core.dataset import CONTROL, Measured
from bench.core.problem import TRAIN, Problem
from bench.parts.perturbations.treatments import perturbations_in

Floats = NDArray[np.floating[Any]]
Rows = NDArray[np.int64]

DEPTH = 10_000.0
"""Library size after normalisation."""

N_COMPONENTS, MOST_CELLS = 30, 20_000
"""Dimensions of the space for comparisons of distributions of cells, and the maximum number of
training cells for its fit, evenly spaced over the training rows, because they are dense there."""

MOST_GENES = 2000
"""Above this number of genes the components are computed iteratively."""


def expression(matrix: csr_matrix | Floats, measured: Measured) -> Floats:
    """(cell, gene) y of counts or values, dense."""
    dense = matrix.toarray() if isinstance(matrix, csr_matrix) else matrix
    if measured == "values":
        return np.asarray(dense, dtype=np.float32)
    library = dense.sum(-1, keepdims=True, dtype=np.float32)
    return np.log2(1 + DEPTH * dense.astype(np.float32) / np.maximum(library, 1))


def mean_expression(matrix: csr_matrix, groups: csr_matrix, measured: Measured) -> Floats:
    """(group, gene) mean y; row g of the (group, cell) matrix selects the cells of group g."""
    if measured == "values":
        y = matrix.astype(float)
    else:
        library = np.asarray(matrix.sum(1), dtype=float).ravel()
        y = csr_matrix(diags(DEPTH / np.maximum(library, 1)) @ matrix.astype(float))
        y.data = np.log2(1 + y.data)
    sizes = np.asarray(groups.sum(1)).ravel()
    return (groups @ y).toarray() / sizes[:, None]


def observed_effects(
    matrix: csr_matrix, perturbation: NDArray[np.str_], rows: Rows, measured: Measured
) -> tuple[NDArray[np.str_], Floats]:
    """The perturbations among these rows, and their effects among these rows.

    Raises ValueError without a control or without a perturbed cell.
    """
    names, code = np.unique(perturbation[rows], return_inverse=True)
    if CONTROL not in names or len(names) < 2:
        lacking = "cells of a perturbation" if CONTROL in names else "control cells"
        raise ValueError(f"no effect can be told: there are no {lacking} here")
    ones = np.ones(len(rows))
    groups = csr_matrix((ones, (code, np.arange(len(rows)))), shape=(len(names), len(rows)))
    means = mean_expression(matrix[rows], groups, measured)
    treated = names != CONTROL
    return names[treated], means[treated] - means[~treated]


def training_effects(problem: Problem) -> tuple[NDArray[np.str_], Floats]:
    """The effects among the training cells."""
    perturbation, rows = problem.labels["perturbation"], problem.rows(TRAIN)
    return observed_effects(problem.counts, perturbation, rows, problem.measured)


def scored_perturbations(problem: Problem) -> NDArray[np.str_]:
    """The scored perturbations, in the order of all arrays of effects."""
    return perturbations_in(problem.labels["perturbation"][problem.scored_rows])


class Space:
    """The principal components of training cells, for comparisons of distributions of cells."""

    def __init__(self, matrix: csr_matrix, rows: Rows, measured: Measured) -> None:
        from sklearn.decomposition import PCA

        fitted = rows[:: -(-len(rows) // MOST_CELLS)]
        y = expression(matrix[fitted], measured)
        n_components = min(N_COMPONENTS, *y.shape)
        # The time of an exact decomposition grows with the cube of the number of genes.
        few = y.shape[1] <= MOST_GENES or n_components >= min(y.shape)
        solver = "covariance_eigh" if few else "arpack"
        self._pca = PCA(n_components, svd_solver=solver, random_state=0).fit(y)

    def project(self, y: Floats) -> NDArray[np.float32]:
        """(…, gene) expression -> (…, component)."""
        flat = self._pca.transform(np.asarray(y).reshape(-1, y.shape[-1]))
        return flat.reshape(*y.shape[:-1], -1).astype(np.float32)


def space_of(problem: Problem) -> Space:
    """The space of the training cells of a problem."""
    return Space(problem.counts, problem.rows(TRAIN), problem.measured)


def effect_targets(
    matrix: csr_matrix,
    perturbation: NDArray[np.str_],
    train: Rows,
    scored: Rows,
    measured: Measured,
    among: Rows,
    space: Space | None = None,
) -> dict[str, NDArray[Any]]:
    """Targets of the metrics of effects.

    ``perturbation_names`` (perturbation,) of the scored cells; ``data_effect`` among the cells of
    ``among``; ``mean_training_effect`` (gene,) over the training perturbations; and the scored
    cells except the controls, in the space of the training cells unless another is given:
    ``observed_cells`` (cell, component), ``observed_perturbation`` (cell,) index of its
    perturbation.
    """
    names = perturbations_in(perturbation[scored])
    (_, of_training), (there, effect) = (
        observed_effects(matrix, perturbation, rows, measured) for rows in (train, among)
    )
    treated = scored[perturbation[scored] != CONTROL]
    cells = (space or Space(matrix, train, measured)).project(expression(matrix[treated], measured))
    return {
        "perturbation_names": names,
        "data_effect": effect[np.searchsorted(there, names)],
        "mean_training_effect": of_training.mean(0),
        "observed_cells": cells,
        "observed_perturbation": np.searchsorted(names, perturbation[treated]),
    }
