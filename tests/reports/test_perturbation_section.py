"""Strips of perturbations: correlations that are known, sorted, and said of whom they are."""

import re
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench.core.rows import PERTURBATION_SCORES
from bench.reports import perturbations
from bench.reports._leaderboards import leaderboards
from bench.reports._page import compose
from bench.results.tables import Results, read

StudyFolder = Callable[..., Path]
TASK, DATASET = "thinned_counts", "thinning_example"

MEANS = {
    "sams": ("models", "sams_vae", "competitor", 0.8, 0.01),
    "additive": ("baselines", "additive", "competitor", 0.9, 0.0),
    "half": ("baselines", "oracle", "ceiling", 1.0, 0.0),
    "mean": ("baselines", "mean", "floor", 0.0, 0.0),
    "silent": ("models", "cpa_vae", "competitor", 0.5, 0.01),
}
WRITTEN = {
    # run: perturbation -> its correlation by seed; on the second split C was not held out.
    "sams": {
        "A": (0.1, 0.2, 0.9),
        "A+B": (0.8, 0.7, 0.75),
        "B": (-0.5, -0.4, -0.3),
        "C": (0.6,) * 3,
    },
    "additive": {"A": (0.4,), "A+B": (0.45,), "B": (0.5,), "C": (0.0,)},
    "half": {"A": (0.0,), "A+B": (0.0,), "B": (1.0,), "C": (1.0,)},
    "mean": {"A": (0.0,), "A+B": (0.0,), "B": (0.0,), "C": (0.0,)},
}


@pytest.fixture
def known(study_folder: StudyFolder) -> Results:
    """A study on two splits in which correlations were written down here."""
    folder = study_folder(
        datasets=(DATASET,), tasks=(TASK,), means=MEANS, without_truth=(), n_splits=2
    )
    paths = []
    for split in (1, 2):
        for run, (kind, *_) in MEANS.items():
            shelf = "runs" if kind == "models" else "baselines"
            path = folder / shelf / DATASET / TASK / str(split) / run / perturbations.FILE
            path.parent.mkdir(parents=True)
            rows = [
                (name, seed, value + 0.01 * (split - 1), 10 * split, 2.0)
                for name, values in WRITTEN.get(run, {}).items()
                for seed, value in enumerate(values)
                if split == 1 or name != "C"
            ]
            table = pd.DataFrame(rows, columns=list(PERTURBATION_SCORES))
            table.to_parquet(path) if rows else path.write_bytes(b"")
            paths.append(path)
    return read(folder, paths)


def test_strips_are_medians_sorted_by_those_that_compete(known: Results) -> None:
    [panel] = perturbations.panels(known, leaderboards(known))
    # Means of the two competitors: A+B 0.605, A 0.305, C 0.3, B 0.055; controls do not sort.
    assert panel.perturbations["perturbation"].tolist() == ["A+B", "A", "C", "B"]
    assert panel.perturbations["n_cells"].tolist() == [15, 15, 10, 15]
    values = {strip.row.run: strip.values for strip in panel.strips}
    # Best run first; one of which nothing was read is no row.
    assert list(values) == ["half", "additive", "sams", "mean"]
    np.testing.assert_allclose(values["sams"], [0.755, 0.205, 0.6, -0.395])
    np.testing.assert_allclose(values["additive"], [0.455, 0.405, 0.0, 0.505])
    sams = panel.strips[2]
    assert (sams.n_well, sams.median) == (2, pytest.approx((0.205 + 0.6) / 2))


def test_a_perturbation_that_a_run_was_not_asked_of_is_a_hole(known: Results) -> None:
    path = next(p for p in known.page_files if p.parts[-3:-1] == ("1", "sams"))
    table = pd.read_parquet(path)
    table[table["perturbation"] != "C"].to_parquet(path)
    [panel] = perturbations.panels(known, leaderboards(known))
    values = {strip.row.run: strip.values for strip in panel.strips}
    at = panel.perturbations["perturbation"].tolist().index("C")
    assert values["sams"][at] is None
    assert ">nan<" not in compose(known)


def test_what_is_drawn_says_of_whom(known: Results) -> None:
    [panel] = perturbations.panels(known, leaderboards(known))
    [text] = [one for one in panel.spec["datasets"].values() if isinstance(one, str)]
    names = {param["name"]: param["value"] for param in panel.spec["params"]}
    for row, column, r in pd.read_csv(StringIO(text)).itertuples(index=False):
        strip = next(s for s in panel.strips if s.row.run == names["runs"][int(row)])
        assert names["perturbations"] == panel.perturbations["perturbation"].tolist()
        assert r == pytest.approx(strip.values[int(column)], abs=5e-4)
    tips = {tip["field"] for tip in panel.spec["layer"][-1]["encoding"]["tooltip"]}
    assert tips == {"perturbation", "run", "correlation", "cells"}


def test_the_page_holds_them_and_loads_nothing(known: Results, study_folder: StudyFolder) -> None:
    page = compose(known)
    assert 'id="perturbations"' in page
    assert page.count('href="#perturbations"') == 1
    own = re.sub(r'<script type="module">.*?</script>', "", page, flags=re.DOTALL)
    assert "://" not in own
    assert "url(" not in own
    assert "#perturbations" not in compose(read(study_folder())).partition("<script")[0]


def test_a_thousand_perturbations_stay_light(study_folder: StudyFolder) -> None:
    folder = study_folder(datasets=(DATASET,), tasks=(TASK,), means=MEANS, without_truth=())
    rng, paths = np.random.default_rng(0), []
    for run, (kind, *_) in MEANS.items():
        shelf = "runs" if kind == "models" else "baselines"
        path = folder / shelf / DATASET / TASK / "1" / run / perturbations.FILE
        path.parent.mkdir(parents=True)
        names = [f"GENE{k}+GENE{k + 1}" for k in range(1000)]
        columns = (names, 0, rng.uniform(-1, 1, 1000), 10, 2.0)
        pd.DataFrame(dict(zip(PERTURBATION_SCORES, columns, strict=True))).to_parquet(path)
        paths.append(path)
    page = compose(read(folder, paths))
    assert len(page) - len(compose(read(folder))) < 4e5
    assert f"The best predicted {perturbations.MOST_PERTURBATIONS} of 1000 are shown" in page
