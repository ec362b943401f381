"""Active units count what varies; the report names a latent that does not."""

import numpy as np
import pandas as pd

from bench.catalogue import metric
from bench.reports.study import _collapsed


def active(latent: np.ndarray) -> float:
    return metric("active_units").value({"latent": latent})


def test_dimensions_that_vary_are_counted() -> None:
    rng = np.random.default_rng(0)
    latent = np.column_stack([rng.normal(size=500), 0.05 * rng.normal(size=500), np.ones(500)])
    assert active(latent.astype(np.float32)) == 1
    assert active(np.zeros((5, 3), np.float32)) == 0
    assert active(np.array([[0.0], [0.21]], np.float32)) == 1
    assert active(np.array([[0.0], [0.19]], np.float32)) == 0


def test_a_collapsed_latent_is_a_remark_of_the_report() -> None:
    place = {"dataset": "d", "task": "t", "split": 1}
    scores = pd.DataFrame(
        [
            {**place, "run": run, "seed": seed, "metric": name, "value": value}
            for run, name, value in (("vae", "active_units", 0.0), ("pca", "active_units", 3.0))
            for seed in (0, 1)
        ]
        + [{**place, "run": "pca", "seed": 0, "metric": "elbo", "value": 0.0}]
    )
    said = "the latent of vae is the same for all cells, in 2 seeds"
    assert _collapsed(scores) == [{**place, "remark": said}]
