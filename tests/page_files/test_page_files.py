"""Tables of single runs for the report: what was read out is in them, and nothing else."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from bench.core.dataset import KNOWN_TYPE, CountData
from bench.core.problem import TEST, UNUSED, Problem, save
from bench.core.rows import PERTURBATION_SCORES, TREATMENTS
from bench.data import _store as cells_store
from bench.jobs.make_page_file import make_page_file
from bench.parts.scoring.projection import projected
from bench.readouts import _store as readouts_store
from bench.results.layout import ARRAYS, page_record, seed_folder
from bench.results.records import verified
from tests import written

Floats = NDArray[np.floating[Any]]
N_CELLS, TYPES = 40, np.array(["b cell", "nk, active", "t cell"])


def made(table: Path, problem: str = "problem") -> pd.DataFrame:
    """What the job makes of the files beside a table; empty where the file is."""
    names = {"problem": f"{problem}.npz", "cells": "cells.h5ad", "readouts": "readouts.json"}
    make_page_file(
        key="k",
        inputs={name: str(table.with_name(file)) for name, file in names.items()},
        table=str(table),
    )
    record = verified(page_record(table), "k")
    assert set(record["files"]) == {table.name}
    if not table.stat().st_size:
        return pd.DataFrame()
    if table.suffix == ".parquet":
        return pd.read_parquet(table)
    return pd.read_csv(table, keep_default_na=False)


# Projections.


@pytest.fixture
def projection(tmp_path: Path) -> Path:
    """The files a projection is made of; its own place is returned."""
    rng = np.random.default_rng(0)
    counts = csr_matrix(rng.poisson(2.0, (N_CELLS, 6)))
    names = np.array([f"cell-{k}" for k in range(N_CELLS)])
    true_type = TYPES[np.arange(N_CELLS) % 3]
    known = np.where(np.arange(N_CELLS) < 6, true_type, "")
    scored = np.arange(0, N_CELLS, 2)
    data = CountData(
        counts=counts,
        cell_names=names,
        gene_names=np.array([f"g{k}" for k in range(6)]),
        labels={"cell_type": true_type},
    )
    cells_store.write(data, tmp_path / "cells.h5ad")
    problem = Problem(
        counts=counts,
        role=np.zeros(N_CELLS, dtype=np.int8),
        scored_rows=scored,
        labels={KNOWN_TYPE: known},
        targets={"true_type": true_type[scored]},
    )
    save(problem, tmp_path / "problem.npz")
    # What lies in the problem beside names and labels of scored cells is nobody's business here.
    other = replace(problem, counts=counts * 7, role=problem.role + 1, truth={"x": scored})
    save(other, tmp_path / "other.npz")
    arrays = {
        seed: {
            "latent": rng.normal(size=(len(scored), 3)).astype(np.float32),
            "class_probability": rng.dirichlet(np.ones(3), len(scored)).astype(np.float32),
        }
        for seed in (2, 5)
    }
    written.readouts(tmp_path, arrays)
    return tmp_path / "projection.parquet"


@pytest.mark.slow
def test_a_projection_is_of_the_first_seed_and_of_scored_cells(projection: Path) -> None:
    found = made(projection)
    assert found["cell"].tolist() == [f"cell-{k}" for k in range(0, N_CELLS, 2)]
    assert found["true_type"].tolist() == [TYPES[k % 3] for k in range(0, N_CELLS, 2)]
    assert found["labelled"].tolist() == [k < 6 for k in range(0, N_CELLS, 2)]
    assert set(found["seed"]) == {2}
    arrays = readouts_store.read(seed_folder(projection.parent, 2) / ARRAYS)
    best = TYPES[arrays["class_probability"].argmax(1)]
    assert found["predicted_type"].tolist() == best.tolist()
    known = np.where(found["labelled"], found["true_type"], "")
    again = projected(found["cell"], found["true_type"], known, *arrays.values())
    np.testing.assert_array_equal(again["umap_1"], found["umap_1"])
    # The same again, whatever lies in the problem beside what is asked of it.
    pd.testing.assert_frame_equal(made(projection, "other"), found)


@pytest.mark.parametrize("broken", ["empty", "infinite"])
def test_what_was_not_read_out_leaves_an_empty_file(projection: Path, broken: str) -> None:
    arrays = readouts_store.read(seed_folder(projection.parent, 2) / ARRAYS)
    arrays["latent"][3, 0] = np.inf
    written.readouts(projection.parent, {} if broken == "empty" else {2: arrays})
    assert made(projection).empty
    assert projection.read_bytes() == b""


# Treatments.

TREATMENT_NAMES = np.array(["KLF1", "NA", "a,b", "CEBPA", "drug"])


def moved(seed: int) -> dict[str, Floats]:
    """Five treatments that move four latents."""
    rng = np.random.default_rng(seed)
    embedding, on = rng.normal(size=(5, 4)), rng.random((5, 4))
    return {
        "treatment_names": TREATMENT_NAMES,
        "mask_probability": on,
        "treatment_embedding": embedding,
    }


def treatments(folder: Path, seeds: Mapping[int, Mapping[str, Floats]]) -> pd.DataFrame:
    """What the job makes of these seeds."""
    written.readouts(folder, seeds)
    return made(folder / "treatments.csv")


def test_the_table_of_treatments_has_every_entry_of_every_seed(tmp_path: Path) -> None:
    seeds = {seed: moved(seed) for seed in (2, 5)}
    found = treatments(tmp_path, seeds)
    assert tuple(found.columns) == TREATMENTS
    assert len(found) == 2 * 5 * 4
    for seed, held in seeds.items():
        mine = found[found["seed"] == seed].set_index(["treatment", "latent"])
        for t, name in enumerate(TREATMENT_NAMES):
            for k in range(4):
                row = mine.loc[(name, k)]
                for column, array in (
                    ("mask_probability",) * 2,
                    ("embedding", "treatment_embedding"),
                ):
                    np.testing.assert_allclose(row[column], held[array][t, k], rtol=1e-5)


def test_a_seed_of_treatments_that_is_not_finite_is_left_out(tmp_path: Path) -> None:
    seeds = {seed: moved(seed) for seed in (2, 5)}
    seeds[2]["treatment_embedding"][0, 0] = np.nan
    assert set(treatments(tmp_path, seeds)["seed"]) == {5}
    seeds[5]["mask_probability"][0, 0] = np.inf
    assert treatments(tmp_path, seeds).empty
    assert treatments(tmp_path, {}).empty
    assert (tmp_path / "treatments.csv").read_bytes() == b""


# Perturbations.

NAMES = np.array(["A", "A+B", "B", "drug"])
"""In alphabetical order the control stands among them."""
CELLS = np.array(["control"] * 3 + ["A"] * 4 + ["B"] * 2 + ["A+B"] + ["drug"] * 5 + ["A"] * 6)
OBSERVED = np.array([[1.0, 2.0, 3.0], [3.0, 0.0, 4.0], [1.0, -1.0, 0.0], [0.0, 0.0, 2.0]])


@pytest.fixture
def scores(tmp_path: Path) -> Path:
    """Where a run is, beside the problem it was posed; its last six cells are not scored."""
    role = np.where(np.arange(len(CELLS)) < 15, TEST, UNUSED).astype(np.int8)
    problem = Problem(
        counts=csr_matrix(np.ones((len(CELLS), 3))),
        role=role,
        scored_rows=np.flatnonzero(role == TEST),
        labels={"perturbation": CELLS},
        targets={"perturbation_names": NAMES, "data_effect": OBSERVED},
    )
    save(problem, tmp_path / "problem.npz")
    return tmp_path / "perturbation_scores.parquet"


def scored(table: Path, effects: Mapping[int, Any]) -> pd.DataFrame:
    """What the job makes of these predicted effects, by seed."""
    arrays = {s: {"effect": e, "effect_perturbation": NAMES} for s, e in effects.items()}
    written.readouts(table.parent, arrays)
    return made(table)


def test_the_truth_correlates_perfectly_its_opposite_as_much_and_a_constant_not_at_all(
    scores: Path,
) -> None:
    predicted = np.stack([5 * OBSERVED[0] + 1, -OBSERVED[1], np.ones(3), OBSERVED[3]])
    found = scored(scores, {0: predicted, 3: OBSERVED})
    assert tuple(found.columns) == PERTURBATION_SCORES
    first = found[found["seed"] == 0].set_index("perturbation")
    np.testing.assert_allclose(first.loc[NAMES, "correlation"], [1, -1, 0, 1], atol=1e-12)
    np.testing.assert_allclose(found.loc[found["seed"] == 3, "correlation"], 1)
    # Scored cells only: A has six more that are not.
    assert first["n_cells"].to_dict() == {"A": 4, "A+B": 1, "B": 2, "drug": 5}
    np.testing.assert_allclose(first.loc["A+B", "observed_size"], 5.0)


def test_a_seed_of_effects_that_cannot_be_read_is_left_out(scores: Path) -> None:
    broken = OBSERVED.copy()
    broken[1, 1] = np.nan
    assert set(scored(scores, {0: broken, 1: OBSERVED})["seed"]) == {1}
    assert scored(scores, {0: OBSERVED[:2], 1: broken}).empty
    assert scored(scores, {}).empty
    assert scores.read_bytes() == b""
