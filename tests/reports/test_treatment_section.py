"""Heat maps of treatments: what was read out is drawn, like beside like, and stays light."""

import re
from collections.abc import Callable, Mapping
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from bench.jobs.make_page_file import make_page_file
from bench.reports import treatments
from bench.reports._leaderboards import leaderboards
from bench.reports._page import compose
from bench.results.tables import Results, read
from tests import written

StudyFolder = Callable[..., Path]
Floats = NDArray[np.floating[Any]]
TASK, DATASET = "thinned_counts", "thinning_example"
MEANS = {
    "sams": ("models", "sams_vae", "competitor", 0.8, 0.01),
    "cpa": ("models", "cpa_vae", "competitor", 0.9, 0.01),
    "late": ("models", "sams_vae", "competitor", 0.7, 0.01),
}
NAMES = np.array(["KLF1", "NA", "a,b", "CEBPA", "drug"])


def arrays(rng: np.random.Generator, masked: bool = True) -> dict[str, Floats]:
    """Five treatments and four latents of which each treatment moves two, alike in pairs."""
    mask = np.array([[1, 1, 0, 0], [0, 0, 1, 1]] * 2 + [[1, 1, 0, 0]])
    size = np.array([3.0, -2.0, 1.0, -4.0]) + 0.1 * rng.normal(size=(5, 4))
    on = np.where(mask, 0.97, 0.01) if masked else np.ones((5, 4))
    return {"treatment_names": NAMES, "mask_probability": on, "treatment_embedding": on * size}


def read_out(folder: Path, seeds: Mapping[int, Mapping[str, Floats]]) -> Path:
    """Write an archive of these seeds, and what a job makes of it."""
    path = folder / "treatments.csv"
    inputs = {"readouts": str(written.readouts(folder, seeds))}
    make_page_file(key="k", inputs=inputs, table=str(path))
    return path


@pytest.fixture
def known(study_folder: StudyFolder) -> Results:
    """Two runs that know treatments, on two splits, and one that was not read out."""
    folder = study_folder(datasets=(DATASET,), tasks=(TASK,), means=MEANS, n_splits=2)
    paths = []
    for split in (1, 2):
        for run in MEANS:
            place = folder / "runs" / DATASET / TASK / str(split) / run
            rng = np.random.default_rng([split, len(run)])
            if run == "late":
                place.mkdir(parents=True)
                (place / "treatments.csv").write_bytes(b"")
            else:
                read_out(place, {seed: arrays(rng, run == "sams") for seed in (3, 4)})
            paths.append(place / "treatments.csv")
    # Whatever the order in which the workflow names them.
    return read(folder, paths[::-1])


def panel(results: Results, run: str) -> treatments.TreatmentHeatmap:
    [found] = [one for one in treatments.panels(results, leaderboards(results)) if one.run == run]
    return found


def drawn(found: treatments.TreatmentHeatmap) -> pd.DataFrame:
    """The entries of a picture by the names of their treatments and latents."""
    values = [text for text in found.spec["datasets"].values() if isinstance(text, str)]
    entries = pd.read_csv(StringIO(values[0]))
    names = {param["name"]: param["value"] for param in found.spec["params"]}
    entries["treatment"] = [names["treatments"][row] for row in entries["row"]]
    entries["latent"] = [names["latents"][column] for column in entries["column"]]
    return entries.set_index(["treatment", "latent"]).sort_index()


def test_every_run_is_drawn_best_first_from_its_first_split_and_seed(known: Results) -> None:
    found = treatments.panels(known, leaderboards(known))
    assert [(one.run, one.split, one.seed) for one in found] == [("cpa", 1, 3), ("sams", 1, 3)]


def test_what_is_drawn_is_what_was_read_out(known: Results) -> None:
    found = panel(known, "sams")
    truth = arrays(np.random.default_rng([1, 4]))
    entries = drawn(found)
    # Entries that nobody could see are left out.
    assert len(entries) == 10
    for (name, latent), row in entries.iterrows():
        at = (list(NAMES).index(name), latent)
        moved = row["size"] * found.farthest
        np.testing.assert_allclose(moved, truth["treatment_embedding"][at], atol=2e-3 * 5)
        np.testing.assert_allclose(row["probability"], 0.97)
    assert found.farthest == pytest.approx(np.abs(truth["treatment_embedding"]).max(), rel=1e-5)
    assert found.likely == 0.5


def test_two_pictures_share_their_rows_and_one_is_left_without_a_mask(known: Results) -> None:
    sams, cpa = panel(known, "sams"), panel(known, "cpa")
    assert (sams.masked, cpa.masked) == (True, False)
    # Frames and their names, then a layer per picture.
    assert [len(one.spec["layer"]) for one in (sams, cpa)] == [3, 2]
    domains = [layer["encoding"]["y"]["scale"]["domain"] for layer in sams.spec["layer"][1:]]
    assert domains[0] == domains[1] == sams.shown.treatments.tolist()
    tips = {tip["field"] for tip in sams.spec["layer"][1]["encoding"]["tooltip"]}
    assert tips == {"treatment", "latent", "embedding", "probability"}
    page = compose(known)
    assert "This run has no mask" in page
    assert "50.0 % of all entries are more likely on than off" in page


def test_like_lies_beside_like() -> None:
    rng = np.random.default_rng(0)
    group = rng.permutation(np.repeat(np.arange(6), 7))
    centres = 10 * rng.normal(size=(6, 9))
    order = treatments.clustered(centres[group] + 0.1 * rng.normal(size=(42, 9)))
    assert sorted(order) == list(range(42))
    # Six groups lie in six stretches.
    assert (np.diff(group[order]) != 0).sum() == 5
    # Rows and columns of what is drawn lie so, each in groups of their own.
    other = rng.permutation(np.repeat(np.arange(3), 4))
    blocks = (10 * rng.normal(size=(6, 3)))[np.ix_(group, other)]
    names = group.astype(str)
    shown = treatments.arranged(treatments.Moves(names, np.arange(12), blocks, np.ones((42, 12))))
    assert (shown.treatments[1:] != shown.treatments[:-1]).sum() == 5
    assert (np.diff(other[shown.latents]) != 0).sum() == 2
    for n in (0, 1, 2):
        assert treatments.clustered(np.zeros((n, 3))).tolist() == list(range(n))


def test_of_many_those_that_move_most_are_drawn() -> None:
    rng = np.random.default_rng(0)
    n_rows, n_columns = treatments.MOST_TREATMENTS + 30, treatments.MOST_LATENTS + 20
    rows, columns = rng.permutation(n_rows), rng.permutation(n_columns)
    embedding = np.outer(1.0 + rows, 1.0 + columns)
    names = np.array([f"t{k}" for k in range(n_rows)])
    whole = treatments.Moves(names, np.arange(n_columns), embedding, np.ones(embedding.shape))
    shown = treatments.arranged(whole)
    assert shown.embedding.shape == (treatments.MOST_TREATMENTS, treatments.MOST_LATENTS)
    assert set(shown.treatments) == set(names[rows >= 30])
    assert set(shown.latents) == set(np.flatnonzero(columns >= 20))
    at = np.ix_([int(name[1:]) for name in shown.treatments], shown.latents)
    np.testing.assert_array_equal(shown.embedding, embedding[at])


def test_a_dense_picture_of_full_size_stays_light() -> None:
    rng = np.random.default_rng(0)
    shape = (treatments.MOST_TREATMENTS, treatments.MOST_LATENTS)
    names = np.array([f"GENE{k}+GENE{k + 1}" for k in range(shape[0])])
    moves = treatments.Moves(names, np.arange(shape[1]), rng.normal(size=shape), rng.random(shape))
    assert len(str(treatments._picture(moves, 4.0, True, ""))) * treatments.MOST_PANELS < 5e6


def test_the_page_holds_them_and_loads_nothing(known: Results, study_folder: StudyFolder) -> None:
    page = compose(known)
    assert 'id="treatments"' in page
    assert page.count('href="#treatments"') == 1
    own = re.sub(r'<script type="module">.*?</script>', "", page, flags=re.DOTALL)
    assert "://" not in own
    assert "url(" not in own
    for one in treatments.panels(known, leaderboards(known)):
        assert one.spec["config"]["background"] == "transparent"
    assert "#treatments" not in compose(read(study_folder())).partition("<script")[0]
