"""A made-up study that is done: its numbers are known, its names look like something else."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from bench.core import rows
from bench.results.layout import CURVE, seed_folder

PLACE = {"dataset": "NA", "task": "held_out_cells", "split": 1}
"""A dataset by a name that a reader of tables takes for a hole."""

EPOCHS = 3
COSTS = {"train_seconds": 1.5, "epochs": 3, "peak_memory_mb": 30.25, "device": "cpu"}
BOUND = -511.27472136860854
"""A score that a hasty reader of tables gets wrong in the last digit."""


def bound(seed: int, epoch: int) -> float:
    return -100.0 - seed + 1 / epoch


def curve() -> pd.DataFrame:
    """Two parts, three epochs of four steps, two seeds; the second seed stops after an epoch."""
    records = []
    for epoch in range(1, EPOCHS + 1):
        for seed in (0, 1) if epoch == 1 else (0,):
            for part, shift in (("train", 0.0), ("validation", 0.5)):
                terms = {"bound": bound(seed, epoch) - shift, "kl_z": 2.0 * epoch}
                records += [(4 * epoch, epoch, seed, part, *term) for term in terms.items()]
    return pd.DataFrame(records, columns=list(rows.CURVES))


def write_study(folder: Path, name: str = "made_up", elbo: float = BOUND) -> Path:
    """A variant with a seed that diverged, and a baseline."""
    vae = {**PLACE, "run": "10", "model": "nbvae"}
    nmf = {**PLACE, "run": "nmf", "model": "nmf"}
    plan = [
        {**vae, "kind": "models", "label": "NB-VAE", "role": "competitor"}
        | {"n_latent": 3, "likelihood": "nb", "rank": None, "hidden": "[16, 4]"},
        {**nmf, "kind": "baselines", "label": "NMF", "role": "competitor"}
        | {"n_latent": None, "likelihood": None, "rank": 0.5, "hidden": None},
    ]
    ok, why = {"status": "ok", "stage": "", "reason": ""}, "the loss was not a number at step 4"
    runs = [
        {**vae, "seed": 0, **ok, **COSTS, "n_parameters": 99},
        {**vae, "seed": 1, "status": "diverged", "stage": "train", "reason": why, **COSTS},
        *({**nmf, "seed": seed, **ok, "train_seconds": 0.25} for seed in (0, 1)),
    ]
    scores = [{**vae, "seed": 0, "metric": "elbo", "value": elbo}]
    scores += [{**nmf, "seed": seed, "metric": "rmse", "value": 2 + seed} for seed in (0, 1)]
    metrics = [("elbo", "elbo", "ELBO", "higher", None, None, "nats per cell", True, "a paper")]
    place = folder / "runs" / "NA" / "held_out_cells" / "1" / "10"
    for seed, rows_of_seed in curve().groupby("seed"):
        path = seed_folder(place, int(str(seed))) / CURVE
        path.parent.mkdir(parents=True, exist_ok=True)
        rows_of_seed.to_parquet(path, index=False)
    (folder / "unscored.csv").write_text(",".join(rows.UNSCORED) + "\n")
    pd.DataFrame(scores, columns=list(rows.SCORES)).to_csv(folder / "scores.csv", index=False)
    pd.DataFrame(runs, columns=list(rows.RUNS)).to_csv(folder / "runs.csv", index=False)
    pd.DataFrame(plan).to_csv(folder / "plan.csv", index=False)
    pd.DataFrame(metrics, columns=list(rows.METRICS)).to_csv(folder / "metrics.csv", index=False)
    said = {"study": {"name": name, "title": "Made up", "resolved": {"seeds": [0, 1]}}}
    (folder / "provenance.json").write_text(json.dumps({**said, "commit": "0123abc"}))
    (folder / "report.html").write_text("<html><b>the answer</b></html>")
    return folder


def mirrored(tracker: Any, folder: Path, **options: Any) -> dict[str, Any]:
    """Mirror a study, as the job does."""
    record: dict[str, Any] = tracker.mirror(folder, folder / "own", tracker.config(**options))
    assert json.loads(json.dumps(record)) == record
    return record
