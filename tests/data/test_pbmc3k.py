"""The loader of 10x's archive, on a tiny archive of the same layout."""

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
from scipy.io import mmwrite
from scipy.sparse import coo_matrix

from bench.core.errors import UserError
from bench.data.pbmc3k import ARCHIVE, FOLDER, Pbmc3kConfig, load

COUNTS = np.array([[3, 0, 1], [0, 0, 2], [1, 0, 4], [2, 1, 0]])
"""(cell, gene)"""


def archive(path: Path, n_barcodes: int = 4) -> Path:
    matrix = io.BytesIO()
    mmwrite(matrix, coo_matrix(COUNTS.T))
    members = {
        "matrix.mtx": matrix.getvalue(),
        "genes.tsv": b"ENSG1\tCD3D\nENSG2\tMS4A1\nENSG3\tCD3D\n",
        "barcodes.tsv": "".join(f"AAC{i}-1\n" for i in range(n_barcodes)).encode(),
    }
    with tarfile.open(path, "w:gz") as file:
        for name, content in members.items():
            entry = tarfile.TarInfo(f"{FOLDER}/{name}")
            entry.size = len(content)
            file.addfile(entry, io.BytesIO(content))
    return path


def test_cells_genes_and_counts_come_out_of_the_archive(tmp_path: Path) -> None:
    files = {ARCHIVE: archive(tmp_path / ARCHIVE)}
    data = load(Pbmc3kConfig(min_cells=0), files)
    np.testing.assert_array_equal(data.counts.toarray(), COUNTS)
    assert list(data.gene_names) == ["CD3D", "MS4A1", "CD3D-1"]
    assert list(data.cell_names) == ["AAC0-1", "AAC1-1", "AAC2-1", "AAC3-1"]
    assert any("duplicate gene names" in repair for repair in data.repairs)


def test_genes_seen_in_few_cells_are_left_out(tmp_path: Path) -> None:
    files = {ARCHIVE: archive(tmp_path / ARCHIVE)}
    data = load(Pbmc3kConfig(min_cells=2), files)
    np.testing.assert_array_equal(data.counts.toarray(), COUNTS[:, [0, 2]])
    assert "2 of 3 genes were kept: detected in at least 2 cells" in data.repairs
    assert load(Pbmc3kConfig(min_cells=0, n_top_genes=1), files).counts.shape[1] == 1


def test_a_damaged_archive_is_said_to_be_one(tmp_path: Path) -> None:
    path = archive(tmp_path / ARCHIVE)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(UserError, match="cannot be read as 10x's archive"):
        load(Pbmc3kConfig(), {ARCHIVE: path})


def test_names_that_do_not_fit_the_matrix(tmp_path: Path) -> None:
    path = archive(tmp_path / ARCHIVE, n_barcodes=3)
    with pytest.raises(UserError, match="expected 3 genes, 3 cells"):
        load(Pbmc3kConfig(), {ARCHIVE: path})
