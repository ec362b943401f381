"""A user's own file: what is asked for is found, and what is wrong is said at once."""

from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix

from bench.core.errors import UserError
from bench.data.h5ad import DATASET, H5adConfig, load

RNG = np.random.default_rng(8)
COUNTS = RNG.poisson(3.0, size=(20, 6))


@pytest.fixture
def path(tmp_path: Path) -> str:
    obs = pd.DataFrame(
        {"donor": ["d1", "d2"] * 10, "label": pd.Categorical(["T", "B", None, "T"] * 5)},
        index=[f"c{i}" for i in range(20)],
    )
    var = pd.DataFrame(index=[f"g{j}" for j in range(6)])
    cells = anndata.AnnData(X=np.log1p(COUNTS).astype(np.float32), obs=obs, var=var)
    cells.layers["umis"] = csr_matrix(COUNTS.astype(np.float32))
    cells.raw = anndata.AnnData(X=csr_matrix(COUNTS + 1), obs=obs, var=var)
    cells.write_h5ad(tmp_path / "my.h5ad")
    return str(tmp_path / "my.h5ad")


def test_counts_and_labels_are_where_the_study_says(path: str) -> None:
    data = load(H5adConfig(path=path, counts="umis", batch="donor", cell_type="label"), {})
    np.testing.assert_array_equal(data.counts.toarray(), COUNTS)
    assert list(data.labels["batch"][:2]) == ["d1", "d2"]
    assert list(data.labels["cell_type"][:4]) == ["T", "B", "unknown", "T"]
    assert any("5 cells without cell_type" in repair for repair in data.repairs)
    assert "perturbation" not in data.labels


def test_raw_counts_can_be_meant(path: str) -> None:
    data = load(H5adConfig(path=path, counts="raw"), {})
    np.testing.assert_array_equal(data.counts.toarray(), COUNTS + 1)


def test_only_the_columns_named_are_provided() -> None:
    config = H5adConfig(path="my.h5ad", batch="donor")
    assert DATASET.fields(config) == {"counts", "batch"}


def test_the_most_variable_genes_can_be_asked_for(path: str) -> None:
    data = load(H5adConfig(path=path, counts="umis", n_top_genes=2), {})
    assert data.counts.shape == (20, 2)


def test_everything_wrong_is_said_at_once(path: str) -> None:
    config = H5adConfig(path=path, batch="dnor", cell_type="nothing_like_it")
    with pytest.raises(UserError) as caught:
        load(config, {})
    said = str(caught.value)
    assert "looks log-transformed" in said
    assert "counts: umis" in said
    assert "counts: raw" in said
    assert "did you mean donor?" in said
    assert "there are: donor, label" in said
    assert len(caught.value.findings) == 3


def test_a_layer_that_is_not_there(path: str) -> None:
    with pytest.raises(UserError, match=r"did you mean umis\? there are: X, raw, umis") as caught:
        load(H5adConfig(path=path, counts="umi", batch="dnor"), {})
    assert len(caught.value.findings) == 2


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(UserError, match="no such file"):
        load(H5adConfig(path="nowhere.h5ad"), {})


def test_a_truncated_file(path: str) -> None:
    whole = Path(path).read_bytes()
    Path(path).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"cannot be read.*truncated"):
        load(H5adConfig(path=path, counts="umis"), {})


def test_a_file_of_another_kind(tmp_path: Path) -> None:
    (tmp_path / "table.h5ad").write_text("gene,count\na,1\n")
    with pytest.raises(UserError, match=r"is not an \.h5ad file"):
        load(H5adConfig(path=str(tmp_path / "table.h5ad")), {})


def test_an_hdf5_file_that_is_no_anndata(tmp_path: Path) -> None:
    import h5py

    with h5py.File(tmp_path / "other.h5ad", "w") as file:
        file["numbers"] = np.arange(3)
    with pytest.raises(UserError, match=r"other.h5ad"):
        load(H5adConfig(path=str(tmp_path / "other.h5ad")), {})


def test_repeated_names_are_mended(tmp_path: Path) -> None:
    obs, var = pd.DataFrame(index=["c"] * 20), pd.DataFrame(index=["g"] * 6)
    with pytest.warns(UserWarning, match="not unique"):
        anndata.AnnData(X=COUNTS, obs=obs, var=var).write_h5ad(tmp_path / "twins.h5ad")
    data = load(H5adConfig(path=str(tmp_path / "twins.h5ad")), {})
    assert len(set(data.cell_names)) == 20
    assert len(set(data.gene_names)) == 6
