"""Contracts over every file on the shelf of datasets."""

from dataclasses import MISSING, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix

from bench.catalogue import card, names
from bench.core.dataset import CONTROL, LABELS, TRUTH, CountData, Dataset
from bench.data._cleaning import PER_ENTRY
from bench.data._store import read, write
from bench.parts.perturbations.treatments import dosages

SMALL = {"n_cells": 60, "n_genes": 20, "n_treatments": 5, "n_controls": 30}


def users_file(folder: Path) -> str:
    counts = np.random.default_rng(5).poisson(2.0, size=(30, 8))
    columns = {
        name: pd.Categorical(np.array(["control", "b", "c"])[np.arange(30) % 3]) for name in LABELS
    }
    obs = pd.DataFrame(columns, index=[f"c{i}" for i in range(30)])
    anndata.AnnData(X=csr_matrix(counts.astype(np.float32)), obs=obs).write_h5ad(folder / "my.h5ad")
    return str(folder / "my.h5ad")


def small_config(dataset: Dataset, folder: Path) -> Any:
    """Defaults, made small where the dataset can be; a file where it asks for one."""
    known = {part.name: part for part in fields(dataset.config)}
    given: dict[str, Any] = {name: size for name, size in SMALL.items() if name in known}
    given |= {name: name for name in dataset.on_request}
    if "path" in known and known["path"].default is MISSING:
        given["path"] = users_file(folder)
    return dataset.config(**given)


def without_network() -> list[str]:
    return [name for name in names("data") if not card("data", name).sources]


def same(one: CountData, other: CountData) -> bool:
    pairs = [(one.counts.toarray(), other.counts.toarray())]
    for part in ("labels", "truth"):
        mine, theirs = getattr(one, part), getattr(other, part)
        assert mine.keys() == theirs.keys()
        pairs += [(mine[name], theirs[name]) for name in mine]
    pairs += [(one.cell_names, other.cell_names), (one.gene_names, other.gene_names)]
    said = (one.repairs, one.measured) == (other.repairs, other.measured)
    return said and all(a.dtype.kind == b.dtype.kind and np.array_equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("name", names("data"))
def test_a_card_says_what_it_is(name: str) -> None:
    dataset = card("data", name)
    assert dataset.label
    assert dataset.reference
    assert len({"counts", "values"} & dataset.provides) == 1
    assert dataset.provides | dataset.on_request <= {"counts", "values", *LABELS, *TRUTH}
    assert is_dataclass(dataset.config)
    assert dataset.config.__dataclass_params__.frozen
    for source in dataset.sources:
        assert source.address.startswith("https://")
        assert source.licence
        assert source.citation


@pytest.mark.parametrize("name", without_network())
def test_a_dataset_is_whole_counts_or_finite_values_under_unique_names(
    name: str, tmp_path: Path
) -> None:
    dataset = card("data", name)
    data = dataset.load(small_config(dataset, tmp_path), {})
    n_cells, n_genes = data.counts.shape
    assert data.measured in dataset.provides
    if data.measured == "counts":
        assert data.counts.dtype == np.int32
        assert data.counts.data.min() > 0
        assert data.counts.getnnz(axis=1).min() > 0
    else:
        assert data.counts.dtype == np.float32
        assert np.isfinite(data.counts.data).all()
    assert len(np.unique(data.cell_names)) == n_cells
    assert len(np.unique(data.gene_names)) == n_genes
    assert all(values.shape == (n_cells,) for values in data.labels.values())


@pytest.mark.parametrize("name", without_network())
def test_a_dataset_provides_exactly_what_its_card_says(name: str, tmp_path: Path) -> None:
    dataset = card("data", name)
    config = small_config(dataset, tmp_path)
    data = dataset.load(config, {})
    assert {data.measured, *data.labels, *data.truth} == dataset.fields(config)
    for field in PER_ENTRY:
        assert field not in data.truth or data.truth[field].shape == data.counts.shape
    n_cells, n_genes = data.counts.shape
    if "perturbation" in data.labels:
        treatments = dosages(data.labels["perturbation"])[0]
        assert CONTROL in data.labels["perturbation"]
        n_latent = data.truth["true_latent"].shape[1] if "true_latent" in data.truth else 0
        sizes = {
            "true_latent": (n_cells, n_latent),
            "true_mask": (len(treatments), n_latent),
            "true_embedding": (len(treatments), n_latent),
            "true_effect": (len(treatments), n_genes),
        }
        assert all(data.truth[f].shape == size for f, size in sizes.items() if f in data.truth)


@pytest.mark.parametrize("name", without_network())
def test_loading_twice_gives_the_same(name: str, tmp_path: Path) -> None:
    dataset = card("data", name)
    config = small_config(dataset, tmp_path)
    assert same(dataset.load(config, {}), dataset.load(config, {}))


def test_every_truth_has_a_place_on_disk(tmp_path: Path) -> None:
    dataset = card("data", "gamma_poisson")
    data = dataset.load(small_config(dataset, tmp_path), {})
    n_genes, rng = data.counts.shape[1], np.random.default_rng(2)
    truth: dict[str, np.ndarray] = {name: rng.random(data.counts.shape) for name in PER_ENTRY}
    truth |= {"inverse_dispersion": np.array(0.5), "true_mask": rng.random((4, 3)) < 0.5}
    truth |= {"true_embedding": rng.normal(size=(4, 3)), "true_latent": rng.normal(size=(60, 3))}
    truth |= {"true_effect": rng.normal(size=(4, n_genes))}
    assert truth.keys() == set(TRUTH)
    data = replace(data, truth=truth, measured="values", counts=data.counts.astype(np.float32))
    write(data, tmp_path / "cells.h5ad")
    assert same(read(tmp_path / "cells.h5ad"), data)


@pytest.mark.parametrize("name", without_network())
def test_what_is_stored_comes_back(name: str, tmp_path: Path) -> None:
    dataset = card("data", name)
    data = dataset.load(small_config(dataset, tmp_path), {})
    data = replace(data, repairs=(*data.repairs, "one, two\nthree", "four"))
    write(data, tmp_path / "stored" / "cells.h5ad")
    assert same(read(tmp_path / "stored" / "cells.h5ad"), data)
    assert [file.name for file in (tmp_path / "stored").iterdir()] == ["cells.h5ad"]


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    dataset = card("data", "gamma_poisson")
    data = dataset.load(small_config(dataset, tmp_path), {})
    write(data, tmp_path / "cells.h5ad")
    broken = replace(data, truth={"rate": np.array([[object()] * 20] * 60)})
    with pytest.raises(TypeError):
        write(broken, tmp_path / "cells.h5ad")
    assert same(read(tmp_path / "cells.h5ad"), data)
    assert len(list(tmp_path.iterdir())) == 1


def test_scanpy_reads_what_is_stored(tmp_path: Path) -> None:
    import scanpy

    data = card("data", "pbmc68k_reduced").load(card("data", "pbmc68k_reduced").config(), {})
    write(data, tmp_path / "cells.h5ad")
    cells = scanpy.read_h5ad(tmp_path / "cells.h5ad")
    assert cells.obs["cell_type"].value_counts()["Dendritic"] == 240
    assert cells.X.sum() == data.counts.sum()
