"""Entropy of the batches among the neighbours of a cell.

    mean over cells of  H_i = - sum_b p_ib log p_ib      p_ib: share of batch b among 50 neighbours

Natural logarithm, any number of batches; a cell is not its own neighbour.  Its maximum depends on
the number of batches and on their sizes.  Higher means that batches are mixed more evenly.
"""

from collections.abc import Callable
from math import inf, log
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.core.metric import Metric, NotApplicable, View
from bench.parts.scoring.neighbours import frequency_entropy, neighbour_entropy

Array = NDArray[Any]


def mean(entropy: Array, batch: Array) -> float:
    return float(entropy.mean())


def share_of_log_b(entropy: Array, batch: Array) -> float:
    n_batches = len(np.unique(batch))
    if n_batches < 2:
        raise NotApplicable("all cells are of one batch")
    return float(entropy.mean() / log(n_batches))


def relative(entropy: Array, batch: Array) -> float:
    return float(entropy.mean() / frequency_entropy(batch))


def mean_of_pools(entropy: Array, batch: Array) -> float:
    """The mean over 50 pools of 100 cells each, drawn with replacement."""
    n_batches = len(np.unique(batch))
    if n_batches != 2:
        raise NotApplicable(f"it is defined for two batches, not for {n_batches}")
    pools = np.random.default_rng(0).integers(len(entropy), size=(50, 100))
    return float(entropy[pools].mean())


def score(
    *,
    neighbour_index: Array,
    batch: Array,
    summary: Callable[[Array, Array], float] = mean,
) -> float:
    return summary(neighbour_entropy(neighbour_index[:, :50], batch), batch)


METRIC = Metric(
    label="entropy of batch mixing",
    score=score,
    better="higher",
    bounds=(0.0, inf),
    unit="nats",
    family="batch integration",
    blind_to="It is blind to the number and the sizes of the batches, which set its maximum, and "
    "to biology: mixing every cell with every other is best. Compare it with "
    "`batch_entropy.relative` and `batch_entropy_within_type`.",
    reference="Lopez et al. 2018, doi:10.1038/s41592-018-0229-2, for any number of batches",
    views={
        "normalised": View(
            label="share of log B",
            description="The same divided by log B, for B batches among the scored cells. It is "
            "not defined for one batch.",
            options={"summary": share_of_log_b},
            bounds=(0.0, 1.0),
            unit="share of log B",
            reference="defined here; the same division as in cz-benchmarks, with 50 neighbours",
            blind_to="It is blind to biology: mixing every cell with every other is best. It is "
            "blind to the sizes of the batches: unequal ones cannot reach 1.",
        ),
        "relative": View(
            label="relative to batch frequencies",
            description="The same divided by H = −Σ_b p_b log p_b, with p_b the share of batch b "
            "among all scored cells. Mixing by chance gives 1, less about (B − 1) / 100 nats "
            "because 50 neighbours are few. Above 1, rare batches are mixed in more evenly than "
            "their frequencies. It is not defined for one batch.",
            options={"summary": relative},
            unit="relative to the entropy of batch frequencies",
            reference="defined here",
            blind_to="It is blind to biology: mixing every cell with every other is best.",
        ),
        "as_published": View(
            label="as published",
            description="The mean over 50 pools of 100 cells, drawn with replacement, as the first "
            "scVI computed it, for two batches only. The pools add noise and nothing else. The "
            "published code did not seed them; here they are the same for every latent.",
            options={"summary": mean_of_pools},
            bounds=(0.0, log(2)),
            sound=False,
            reference="Lopez et al. 2018, doi:10.1038/s41592-018-0229-2, as its code computed it",
            blind_to="It is blind to biology: mixing every cell with every other is best. It says "
            "nothing of data with one batch, or with more than two.",
        ),
    },
)
