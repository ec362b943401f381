"""Truths: the deviance that ranks genes, against its definition on dense counts."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from scipy.special import xlogy

from bench.core.dataset import CountData
from bench.core.errors import UserError
from bench.data._genes import detected, kept_genes, most_variable, top_genes


def data(counts: np.ndarray) -> CountData:
    n_cells, n_genes = counts.shape
    cells, genes = np.arange(n_cells).astype(str), np.arange(n_genes).astype(str)
    return CountData(counts=csr_matrix(counts), cell_names=cells, gene_names=genes)


def test_the_largest_deviances_are_kept() -> None:
    rng = np.random.default_rng(3)
    counts = rng.poisson(rng.gamma(0.5, 4.0, size=(50, 12)))
    expected = counts.sum(1, keepdims=True) * counts.sum(0) / counts.sum()
    deviance = 2 * (xlogy(counts, counts / expected) - (counts - expected)).sum(0)
    keep = most_variable(csr_matrix(counts), 5)
    assert set(np.flatnonzero(keep)) == set(np.argsort(-deviance)[:5])


def test_genes_keep_their_order_and_the_choice_is_recorded() -> None:
    counts = np.random.default_rng(4).poisson(2.0, size=(20, 6))
    small = top_genes(data(counts), 3)
    assert small.counts.shape == (20, 3)
    assert list(small.gene_names) == sorted(small.gene_names)
    assert small.repairs == ("3 of 6 genes were kept: largest Poisson deviance",)
    assert top_genes(data(counts), 0).counts.shape == (20, 6)
    assert top_genes(data(counts), 99).counts.shape == (20, 6)


def test_genes_seen_too_rarely_are_told_apart() -> None:
    counts = np.array([[1, 0, 2], [1, 0, 0], [5, 1, 0]])
    assert list(detected(csr_matrix(counts), 2)) == [True, False, False]
    with pytest.raises(UserError, match="none of 3 remains"):
        kept_genes(data(counts), detected(csr_matrix(counts), 4), "detected in 4 cells")
