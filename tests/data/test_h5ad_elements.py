"""What is read of a file, in which types and versions, and how a bad element is reported."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csc_matrix, csr_matrix

from bench.core.errors import UserError
from bench.data import _hdf5_process
from bench.data._reader import Asked, read_elements
from tests.user_files import counts_of, loaded, refused, user_file

COUNTS = counts_of(20)


@pytest.fixture
def path(tmp_path: Path) -> str:
    return user_file(tmp_path, donor=["a", "b"] * 10, depth=np.arange(20.0))


def with_matrix(path: str, matrix: Any, place: str = "X") -> None:
    """Replace, or add, a matrix as anndata writes it."""
    with h5py.File(path, "r+") as file:
        if place in file:
            del file[place]
        if isinstance(matrix, np.ndarray):
            file[place] = matrix
            file[place].attrs.update({"encoding-type": "array", "encoding-version": "0.2.0"})
        else:
            anndata.io.write_elem(file, place, matrix)


@pytest.mark.parametrize("place", ["X", "layers/umis"])
@pytest.mark.parametrize(
    "kind", ["f2", "f4", "f8", ">f2", ">f4", ">i4", "i1", "i8", "u1", "u2", "u8", ">u4"]
)
def test_numbers_of_every_type(path: str, place: str, kind: str) -> None:
    with_matrix(path, COUNTS.astype(kind), place)
    data = loaded(path, counts=place.removeprefix("layers/"))
    np.testing.assert_array_equal(data.counts.toarray(), COUNTS)


@pytest.mark.parametrize("kind", ["f2", ">i4", "u1", ">f8"])
@pytest.mark.parametrize("made", [csr_matrix, csc_matrix])
def test_sparse_numbers_of_every_type(path: str, kind: str, made: Any) -> None:
    with_matrix(path, made(COUNTS))
    with h5py.File(path, "r+") as file:
        values = file["X/data"][()].astype(kind)
        del file["X/data"]
        file["X/data"] = values
    np.testing.assert_array_equal(loaded(path).counts.toarray(), COUNTS)


def test_detection_without_counts(path: str) -> None:
    with_matrix(path, COUNTS > 3)
    np.testing.assert_array_equal(loaded(path).counts.toarray(), COUNTS > 3)


@pytest.mark.parametrize("kind", ["c8", "S3"])
def test_what_is_no_number_is_refused_by_name(path: str, kind: str) -> None:
    with_matrix(path, COUNTS.astype(kind))
    assert "X: cannot be read: has type" in refused(path)


def test_large_matrices_are_read_in_blocks(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dense one with chunks of seven rows, and a sparse one of many chunks."""
    from bench.data import _hdf5_datasets

    monkeypatch.setattr(_hdf5_datasets, "LARGEST_BLOCK", 100)
    with h5py.File(path, "r+") as file:
        made = file.create_dataset("layers/rows", data=COUNTS, chunks=(7, 4), compression="gzip")
        blocks = list(_hdf5_datasets.blocks(made))
    assert [len(block) for block in blocks] == [7, 7, 6]
    np.testing.assert_array_equal(np.vstack(blocks), COUNTS)
    np.testing.assert_array_equal(loaded(path, counts="rows").counts.toarray(), COUNTS)


@pytest.mark.parametrize("place", ["uns/later", "obsm/later", "layers/later", "obs/later"])
def test_elements_that_nobody_asks_for_are_not_read(path: str, place: str) -> None:
    with h5py.File(path, "r+") as file:
        made = file.create_group(place)
        made.attrs.update({"encoding-type": "points-of-2030", "encoding-version": "9.0.0"})
    np.testing.assert_array_equal(loaded(path, batch="donor").counts.toarray(), COUNTS)
    key = {"layers/later": "counts", "obs/later": "batch"}.get(place)
    if key:
        told = refused(path, **{key: "later"})
        assert f"{place}: cannot be read: has the encoding 'points-of-2030'" in told


def test_names_and_columns_without_the_matrix(path: str) -> None:
    with_matrix(path, COUNTS.astype("S3"), "layers/text")
    found = read_elements(Asked(path=path, obs=("donor", "nothing"), matrix=False))
    assert (found.places, found.obs_columns) == (["X", "text"], ["donor", "depth"])
    assert found.matrix is None
    assert found.obs.keys() == {"donor"}
    assert found.gene_names == [f"g{j}" for j in range(6)]


def test_a_file_that_is_open_elsewhere(path: str) -> None:
    with h5py.File(path, "r+"):
        told = refused(path)
    assert "it is locked; another program has the file open: close it there" in told
    assert "copy it again" not in told


def test_a_file_without_cells(path: str) -> None:
    with h5py.File(path, "r+") as file:
        del file["obs"]
    assert "obs: cannot be read: is missing: not an .h5ad file" in refused(path)


@pytest.fixture
def sparse(tmp_path: Path) -> Path:
    """80 cells with 25 genes, about half of the entries 0."""
    counts = np.random.default_rng(1).poisson(0.7, (80, 25)) + (np.arange(25) == 0)
    anndata.AnnData(csr_matrix(counts.astype(np.float32))).write_h5ad(tmp_path / "sparse.h5ad")
    return tmp_path / "sparse.h5ad"


@pytest.mark.parametrize(
    ("part", "at", "value", "told"),
    [
        ("indices", 5, 2**30, "X/indices: has 1 entries outside of 0 to 24"),
        ("indices", 5, 25, "X/indices: has 1 entries outside of 0 to 24"),
        ("indices", 5, -1, "X/indices: has 1 entries outside of 0 to 24"),
        ("indices", 5, 0, "X/indices: is out of order in 1 of 80 rows"),
        ("indptr", 10, 100_000, "X/indptr: decreases at 1 of 80 rows"),
        ("indptr", 10, 0, "X/indptr: decreases at 1 of 80 rows"),
        ("indptr", 0, 3, "X/indptr: does not begin with 0"),
        ("indptr", -1, 7, "X/indptr: ends with 7; expected"),
    ],
)
@pytest.mark.parametrize("layout", ["csr", "csc"])
def test_broken_pointers_and_indices(
    sparse: Path, layout: str, part: str, at: int, value: int, told: str
) -> None:
    if layout == "csc":
        cells = anndata.read_h5ad(sparse)
        anndata.AnnData(csc_matrix(cells.X)).write_h5ad(sparse)
        told = told.replace("0 to 24", "0 to 79").replace("80 rows", "25 rows")
        value = 80 if value == 25 else value
    with h5py.File(sparse, "r+") as file:
        numbers = file["X"][part]
        numbers[at if at >= 0 else len(numbers) - 1] = value
    assert told in refused(str(sparse))


@pytest.mark.parametrize(
    ("encoding", "told"),
    [
        ("csc_matrix", "X/indptr: cannot be read: has the shape (81,); expected 26 entries"),
        ("bsr_matrix", "X: cannot be read: has the encoding 'bsr_matrix', which is not known"),
    ],
)
def test_a_matrix_with_the_name_of_another(sparse: Path, encoding: str, told: str) -> None:
    with h5py.File(sparse, "r+") as file:
        file["X"].attrs["encoding-type"] = encoding
    assert told in refused(str(sparse))


@pytest.mark.parametrize("shape", [(80, 26), (79, 25), (2**40, 25), (25, 80)])
def test_a_shape_that_is_not_that_of_the_names(sparse: Path, shape: tuple[int, int]) -> None:
    with h5py.File(sparse, "r+") as file:
        file["X"].attrs["shape"] = shape
    assert f"X: cannot be read: has the shape {shape}; the names are those of 80 cells" in refused(
        str(sparse)
    )


def test_parts_of_different_lengths(sparse: Path) -> None:
    with h5py.File(sparse, "r+") as file:
        file["X/indices"].resize((100,))
    assert "X/indices: cannot be read: has the shape (100,); expected" in refused(str(sparse))
    with h5py.File(sparse, "r+") as file:
        del file["X/data"]
    assert "X: cannot be read: has no data" in refused(str(sparse))


def test_blocks_that_the_file_does_not_have(sparse: Path) -> None:
    """HDF5 would read zeros."""
    with h5py.File(sparse, "r+") as file:
        n = file["X/data"].size
        del file["X/data"]
        file["X"].create_dataset("data", shape=(n,), chunks=(n // 3,), dtype="f4")[: n // 3] = 1.0
    assert "X/data: cannot be read: has 1 of 4 blocks" in refused(str(sparse))


def test_codes_without_a_category(tmp_path: Path) -> None:
    path = user_file(tmp_path, donor=pd.Categorical(list("abab")))
    with h5py.File(path, "r+") as file:
        file["obs/donor/codes"][1] = 2
    told = "obs/donor/codes: cannot be read: has 1 codes without a category"
    assert told in refused(path, batch="donor")
    with h5py.File(path, "r+") as file:
        del file["obs/donor/categories"]
    assert "obs/donor: cannot be read: has no categories" in refused(path, batch="donor")


def test_a_file_of_anndata_before_0_7(tmp_path: Path) -> None:
    """Tables are compound datasets, with categories in ``uns``; ``raw`` is two elements."""
    path = tmp_path / "old.h5ad"
    obs = np.zeros(20, dtype=[("index", "S4"), ("donor", "i1"), ("depth", "f4")])
    obs["index"], obs["donor"] = [f"c{i}" for i in range(20)], [-1, 0, 1, 1] * 5
    var = np.array([(f"g{j}".encode(),) for j in range(6)], dtype=[("index", "S4")])
    with h5py.File(path, "w") as file:
        file["obs"], file["var"], file["raw.var"] = obs, var, var
        file["uns/donor_categories"] = np.array([b"d1", b"d2"])
        sparse = csr_matrix(COUNTS)
        for name in ("X", "raw.X"):
            group = file.create_group(name)
            group.attrs.update({"h5sparse_format": b"csr", "h5sparse_shape": (20, 6)})
            scale = 1 if name == "X" else 2
            group["data"], group["indices"] = sparse.data * scale, sparse.indices
            group["indptr"] = sparse.indptr
    data = loaded(str(path), batch="donor")
    assert data.labels["batch"][:4].tolist() == ["unknown", "d1", "d2", "d2"]
    assert data.cell_names[:2].tolist() == ["c0", "c1"]
    np.testing.assert_array_equal(data.counts.toarray(), COUNTS)
    np.testing.assert_array_equal(loaded(str(path), counts="raw").counts.toarray(), COUNTS * 2)


def test_a_file_of_anndata_0_7(path: str) -> None:
    """Categories lie in a group beside the columns."""
    with h5py.File(path, "r+") as file:
        del file["obs/donor"]
        file["obs/donor"] = np.array([0, 1, -1, 1] * 5, dtype="i1")
        file["obs/__categories/donor"] = np.array([b"d1", b"d2"])
    data = loaded(path, batch="donor")
    assert data.labels["batch"][:4].tolist() == ["d1", "d2", "unknown", "d2"]
    assert read_elements(Asked(path=path, matrix=False)).obs_columns == ["donor", "depth"]


def test_values_that_were_normalised_and_rounded_are_said(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    counts = rng.poisson(rng.gamma(2.0, 4.0, 40), (60, 40)) + 1.0
    anndata.AnnData(csr_matrix(counts)).write_h5ad(tmp_path / "plain.h5ad")
    assert "may be" not in " ".join(loaded(str(tmp_path / "plain.h5ad")).repairs)
    scaled = np.rint(counts / counts.sum(axis=1, keepdims=True) * 10_000)
    anndata.AnnData(csr_matrix(scaled)).write_h5ad(tmp_path / "scaled.h5ad")
    told = " ".join(loaded(str(tmp_path / "scaled.h5ad")).repairs)
    assert "100% of the cells have nearly the same total (" in told
    assert "these may be normalised values that were rounded, not counts" in told
    anndata.AnnData(csr_matrix(counts * 3)).write_h5ad(tmp_path / "tripled.h5ad")
    told = " ".join(loaded(str(tmp_path / "tripled.h5ad")).repairs)
    assert "no entry is 1, the smallest is 3: these may be scaled values" in told


def test_a_crash_and_an_endless_loop_are_messages(
    path: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The program that reads is replaced by one that does what HDF5 may do."""
    from bench.data import _reader

    crash, loop = "the HDF5 library crashes (SIGSEGV)", "reading does not end"
    for signal, told in (("SIGSEGV", crash), ("SIGXCPU", loop)):
        lines = [
            "import os, signal, sys",
            'sys.stdin.read(); print(\'{"at": "obs/donor"}\', flush=True)',
            "import resource; resource.setrlimit(resource.RLIMIT_CORE, (0, 0))",
            f"os.kill(os.getpid(), signal.{signal})",
        ]
        program = tmp_path / f"{signal.lower()}.py"
        program.write_text("\n".join(lines))
        monkeypatch.setattr(_reader, "PROGRAM", (sys.executable, str(program)))
        with pytest.raises(UserError) as caught:
            read_elements(Asked(path=path))
        assert f"obs/donor: cannot be read: {told}" in str(caught.value)
    monkeypatch.setattr(_reader, "PROGRAM", (sys.executable, "-c", "import os; os._exit(12)"))
    with pytest.raises(MemoryError):
        read_elements(Asked(path=path))


def test_reading_is_limited_in_cpu_time() -> None:
    """The kernel ends the program; a sleep does not count."""
    limited = (
        "from bench.data import _hdf5_process as p\np.START_S = 1\np.limit_cpu(0)\nwhile True: pass"
    )
    ended = subprocess.run([sys.executable, "-c", limited], check=False, timeout=60)
    assert ended.returncode == -24
    assert _hdf5_process.START_S >= 5


def test_a_layer_may_be_called_like_another_place(path: str) -> None:
    with_matrix(path, np.log1p(COUNTS))
    with_matrix(path, COUNTS, "layers/raw")
    assert "did you mean" not in refused(path, counts="other")
    assert "there are: X, layers/raw" in refused(path, counts="raw")
    np.testing.assert_array_equal(loaded(path, counts="layers/raw").counts.toarray(), COUNTS)
    with_matrix(path, COUNTS, "layers/umis")
    np.testing.assert_array_equal(loaded(path, counts="layers/umis").counts.toarray(), COUNTS)
