"""Facts about a user's counts that change what scores mean; sentences for the report."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from bench.parts.perturbations.treatments import treatments_of

FEWEST_CELLS = 20
EQUAL_TOTALS = 0.02
"""Totals that differ by less than this share of their median, in nearly all cells."""
NEARLY_ALL = 0.95


def scaled_counts(counts: csr_matrix) -> list[str]:
    """Signs that whole numbers are values that were normalised and rounded, or scaled."""
    totals = np.asarray(counts.sum(axis=1), dtype=np.float64).ravel()
    totals, entries = totals[totals > 0], counts.data[counts.data > 0]
    if len(totals) < FEWEST_CELLS:
        return []
    signs, middle = [], float(np.median(totals))
    share = float((np.abs(totals - middle) <= EQUAL_TOTALS * middle).mean())
    # Totals of a few counts are equal by chance, or because they are small.
    if share >= NEARLY_ALL and middle > 1 / EQUAL_TOTALS:
        equal = f"{share:.0%} of the cells have nearly the same total ({middle:,.0f})"
        signs.append(f"{equal}: these may be normalised values that were rounded, not counts")
    if (smallest := float(entries.min())) >= 2:
        signs.append(f"no entry is 1, the smallest is {smallest:g}: these may be scaled values")
    return signs


def n_treatment_genes(perturbation: NDArray[np.str_], gene_names: NDArray[np.str_]) -> int:
    """The number of treatments that have the name of a gene."""
    return len(_treatments(perturbation).intersection(gene_names.tolist()))


def matching_genes(
    perturbation: NDArray[np.str_], gene_names: NDArray[np.str_], key: str
) -> list[str]:
    """How many treatments have the name of a gene: methods that use this need at least some.

    ``key`` is the study's ``gene_names``.
    """
    n_treatments = len(_treatments(perturbation))
    n_found = n_treatment_genes(perturbation, gene_names)
    sentence = f"{n_found:,} of {n_treatments:,} treatments have the name of a gene"
    if n_found or key or not n_treatments:
        return [sentence]
    return [f"{sentence}; if treatments are genes, name the column of var with symbols: gene_names"]


def _treatments(perturbation: NDArray[np.str_]) -> set[str]:
    named = np.unique(perturbation[perturbation != ""]).tolist()
    return {treatment for name in named for treatment in treatments_of(name)}
