"""A study of perturbations, from its file to what the page is made of."""

from typing import Any

import pandas as pd
import pytest
from workspace import Workspace

pytestmark = pytest.mark.slow

STUDY: dict[str, Any] = {
    "seeds": 2,
    "datasets": [
        {
            "moved": {
                "dataset": "sams_simulation",
                **{"n_treatments": 3, "n_cells": 20, "n_controls": 20, "n_genes": 30},
            }
        }
    ],
    "tasks": ["seen_perturbations"],
    "training": {"max_epochs": 2, "batch_size": 16},
    "readouts": {"bounds": {"n_samples": 5}, "effects": {"most_particles": 20, "n_cells": 5}},
    "runs": {
        "sams": {"variant": "sams_vae_normal", "n_latent": 2, "n_hidden": 4},
        "sweep": {"variant": "sams_vae_normal", "n_latent": [2, 3], "n_hidden": 4},
    },
    "baselines": ["no_effect"],
    "reference": "no_effect",
}
RUNS = ("runs/moved/seen_perturbations/1/sams", "baselines/moved/seen_perturbations/1/no_effect")


@pytest.mark.nightly
def test_treatments_perturbations_and_differences_are_written_and_shown(
    workspace: Workspace,
) -> None:
    workspace.write(STUDY)
    workspace.run()
    assert set(workspace.runs()["status"]) == {"ok"}
    results = workspace.study
    treatments = pd.read_csv(results / RUNS[0] / "treatments.csv")
    assert len(treatments) == 2 * 3 * 2
    assert treatments["mask_probability"].between(0, 1).all()
    for place, seeds in zip(RUNS, ({0, 1}, {0}), strict=True):
        scores = pd.read_parquet(results / place / "perturbation_scores.parquet")
        assert set(scores["seed"]) == seeds
        assert scores["perturbation"].nunique() == 3
        assert scores["correlation"].between(-1, 1).all()
        # A fifth of the twenty cells of each.
        assert set(scores["n_cells"]) == {4}
    # Every median over perturbations is the score that ranks.
    sams = pd.read_parquet(results / RUNS[0] / "perturbation_scores.parquet")
    medians = sams.groupby("seed")["correlation"].median()
    ranked = workspace.scores().query("metric == 'effect_pearson' and run == 'sams'")
    assert medians.tolist() == pytest.approx(ranked.sort_values("seed")["value"].tolist())
    found = pd.read_csv(results / "differences.csv")
    assert set(found["run"]) == {"sams", "sweep.n_latent-2", "sweep.n_latent-3"}
    assert not list(results.glob("runs/*/*/*/sweep*/treatments.csv"))
    page = (results / "report.html").read_text(encoding="utf8")
    for section in ("treatments", "perturbations", "differences"):
        assert f'id="{section}"' in page
    assert "How decided the masks are" in page
    # A table that the study no longer asks for goes.
    workspace.write({name: value for name, value in STUDY.items() if name != "reference"})
    workspace.run()
    assert not (results / "differences.csv").exists()
    assert 'id="differences"' not in (results / "report.html").read_text(encoding="utf8")
