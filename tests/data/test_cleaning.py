"""What is not counts is refused with all reasons; what is mended is recorded."""

import re
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from bench.core.dataset import CountData
from bench.core.errors import Finding, UserError
from bench.data._cleaning import clean_counts, kept_cells, not_counts, refuse_invalid

COUNTS = np.array([[1, 0, 3], [0, 2, 1], [4, 0, 1]])


def data(matrix: Any, **parts: Any) -> CountData:
    n_cells, n_genes = matrix.shape
    named = {
        "cell_names": np.array([f"c{i}" for i in range(n_cells)]),
        "gene_names": np.array([f"g{j}" for j in range(n_genes)]),
    }
    return CountData(counts=matrix, **(named | parts))


@pytest.mark.parametrize(
    ("matrix", "said"),
    [
        (COUNTS - 1, "negative, down to -1"),
        (np.log1p(COUNTS), "looks log-transformed"),
        (COUNTS * 30.4, "not counts"),
        (np.where(COUNTS == 4, np.nan, COUNTS), "1 entries are NaN or infinite"),
        (np.where(COUNTS == 4, np.inf, COUNTS), "1 entries are NaN or infinite"),
        (COUNTS * 0, "every entry is zero"),
        (COUNTS * 1e10, "beyond 2,147,483,647"),
        (COUNTS[:0], "no entries: 0 cells and 3 genes"),
        (COUNTS.astype(str), "; expected numbers"),
    ],
)
def test_what_is_not_counts_is_refused(matrix: Any, said: str) -> None:
    with pytest.raises(UserError, match=said):
        clean_counts(data(matrix), "here")


def test_sparse_and_dense_are_judged_alike() -> None:
    for matrix in (COUNTS, COUNTS - 0.5, np.log1p(COUNTS)):
        assert bool(not_counts(matrix)) == bool(not_counts(csr_matrix(matrix)))


def test_all_reasons_come_at_once() -> None:
    matrix = np.array([[-1.0, 0.5], [np.nan, 3e9]])
    own = Finding("batch", "dnor", "no such column")
    with pytest.raises(UserError) as caught:
        refuse_invalid(data(matrix), "my.h5ad: X", "try counts: raw", [own])
    assert len(caught.value.findings) == 5
    assert str(caught.value).count("try counts: raw") == 4
    assert "dnor" in str(caught.value)


def test_counts_stay_as_they_are() -> None:
    clean = clean_counts(data(csr_matrix(COUNTS)), "here")
    assert clean.repairs == ()
    assert clean.counts.dtype == np.int32
    np.testing.assert_array_equal(clean.counts.toarray(), COUNTS)


def test_float_dust_is_rounded_and_recorded() -> None:
    clean = clean_counts(data(COUNTS + np.float32(2e-7) * (COUNTS > 0)), "here")
    np.testing.assert_array_equal(clean.counts.toarray(), COUNTS)
    assert any("rounded" in repair for repair in clean.repairs)


def test_empty_cells_go_with_all_that_belongs_to_them() -> None:
    matrix = np.vstack([COUNTS[0], np.zeros(3, int), COUNTS[1]])
    rate = np.arange(9.0).reshape(3, 3)
    truth = {"rate": rate, "inverse_dispersion": np.arange(3.0)}
    clean = clean_counts(data(matrix, labels={"batch": np.array(list("abc"))}, truth=truth), "here")
    assert clean.counts.shape == (2, 3)
    assert list(clean.labels["batch"]) == ["a", "c"]
    assert list(clean.cell_names) == ["c0", "c2"]
    np.testing.assert_array_equal(clean.truth["rate"], rate[[0, 2]])
    assert len(clean.truth["inverse_dispersion"]) == 3
    assert "1 of 3 cells had no counts and were removed" in clean.repairs


def test_silent_genes_stay_and_are_mentioned() -> None:
    clean = clean_counts(data(np.hstack([COUNTS, np.zeros((3, 2), int)])), "here")
    assert clean.counts.shape == (3, 5)
    assert "2 of 5 genes have no counts and were kept" in clean.repairs


def test_repeated_names_become_unique() -> None:
    named = {"cell_names": np.array(["a", "a", "a-1"]), "gene_names": np.array(["g", "h", "g"])}
    clean = clean_counts(data(COUNTS, **named), "here")
    assert len(set(clean.cell_names)) == 3
    assert list(clean.gene_names) == ["g", "h", "g-1"]
    assert sum("duplicate" in repair for repair in clean.repairs) == 2


def test_cells_without_a_label_are_unknown() -> None:
    values = np.array(["x", np.nan, None], dtype=object)
    clean = clean_counts(data(COUNTS, labels={"cell_type": values}), "here")
    assert list(clean.labels["cell_type"]) == ["x", "unknown", "unknown"]
    assert "2 cells without cell_type received the label 'unknown'" in clean.repairs


VALUES = np.array([[1.5, -2.0, 0.0], [0.0, 0.0, 0.0], [-0.25, 1e-9, 7.0]])


def test_values_pass_as_they_are() -> None:
    """Negative, fractional, and a cell of nothing but zeros."""
    clean = clean_counts(data(VALUES, measured="values"), "here")
    assert clean.counts.dtype == np.float32
    assert clean.measured == "values"
    assert clean.repairs == ()
    np.testing.assert_array_equal(clean.counts.toarray(), VALUES.astype(np.float32))
    twice = clean_counts(clean, "here")
    assert (clean.counts != twice.counts).nnz == 0


@pytest.mark.parametrize(
    ("matrix", "said"),
    [
        (np.where(VALUES == 7, np.nan, VALUES), "1 entries are NaN or infinite"),
        (np.where(VALUES == 7, -np.inf, VALUES), "1 entries are NaN or infinite"),
        (VALUES * 1e39, "the largest entry, 7e+39, is beyond"),
        (VALUES[:, :0], "no entries: 3 cells and 0 genes"),
        (VALUES.astype(str), "; expected numbers"),
    ],
)
def test_what_is_no_finite_value_is_refused(matrix: Any, said: str) -> None:
    with pytest.raises(UserError, match=re.escape(said)):
        clean_counts(data(matrix, measured="values"), "here")


def test_truths_of_cells_go_with_them_and_others_stay() -> None:
    rng = np.random.default_rng(6)
    truth = {
        "true_latent": rng.normal(size=(3, 2)),
        "true_mask": rng.random((3, 2)) < 0.5,
        "true_embedding": rng.normal(size=(3, 2)),
        "true_effect": rng.normal(size=(3, 3)),
    }
    keep = np.array([True, False, True])
    less = kept_cells(data(COUNTS, truth=truth), keep)
    np.testing.assert_array_equal(less.truth["true_latent"], truth["true_latent"][keep])
    for name in ("true_mask", "true_embedding", "true_effect"):
        np.testing.assert_array_equal(less.truth[name], truth[name])


def test_tidying_twice_changes_nothing() -> None:
    matrix = np.vstack([COUNTS, np.zeros(3, int)]).astype(float) * [1, 1, 0] + [1e-6, 0, 0]
    values = np.array(["x", np.nan, None, ""], dtype=object)
    once = clean_counts(data(matrix, labels={"batch": values}), "here")
    twice = clean_counts(once, "here")
    assert once.repairs == twice.repairs
    assert (once.counts != twice.counts).nnz == 0


def test_explicit_zeros_and_split_entries_are_merged() -> None:
    parts = (np.array([1, 2, 0, 5]), np.array([0, 0, 1, 1]), np.array([0, 3, 4]))
    clean = clean_counts(data(csr_matrix(parts, shape=(2, 2))), "here")
    np.testing.assert_array_equal(clean.counts.toarray(), [[3, 0], [0, 5]])
    assert clean.counts.nnz == 2
