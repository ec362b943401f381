"""Differential expression between two groups of the scored cells.

    rho = expression shares (``bench.parts.nn.expression``) of a random cell at a draw of its latent
    vanilla   P(rho_1 > rho_2), ties half, and its Bayes factor
    change    LFC = log2 rho_1 - log2 rho_2:  P(|LFC| >= delta), its Bayes factor, and the mean,
              median, sd and central credible interval of LFC

A Bayes factor is log (p + 1e-8) - log (1 - p + 1e-8), nats.  Shares are no smaller than 1e-8.
Draws are distributed evenly over batches: both sides of a pair are decoded under the same batch.
The choice of cells does not depend on the replicate.  ``vanilla`` tests the sign of a change, not
its size: a shift of a few latents changes every gene slightly and with near certainty, so that
unchanged genes may have any probability.
Source: scVI (vanilla: Lopez et al. 2018; change: Boyeau et al. 2019).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
from annotated_types import Ge, Gt, Lt
from numpy.typing import NDArray

from bench.core.errors import mistake
from bench.core.problem import Problem
from bench.core.readout import Arrays, FittedVariant, Readout
from bench.core.seeds import numpy_generator
from bench.core.variant import VariantModule
from bench.parts.nn.expression import EACH, batch_codes, shares
from bench.parts.nn.latents import at_draw

Shares = NDArray[np.float32]
Draw = Callable[[NDArray[np.int64], int | None], Shares]
"""(rows, batch code) -> (row, gene) shares, with a separate draw for each row."""

KEY_PATH = "readouts.differential_expression"
SMALLEST = 1e-8
"""Minimum share, and the constant that makes Bayes factors finite (scVI)."""


@dataclass(frozen=True, kw_only=True)
class DifferentialExpressionConfig:
    """The groups, and the tests of their difference."""

    by: Literal["cell_type", "batch", "perturbation"] = "cell_type"
    """The label whose values name the groups."""
    first: str = ""
    """The first group; empty: one comparison for every group."""
    second: str = ""
    """The second group; empty: all cells outside the first group."""
    n_samples: Annotated[int, Ge(1)] = 5000
    """Draws of each group."""
    n_permuted_pairs: Annotated[int, Ge(0)] = 0
    """Number of random pairs of draws of the two groups; 0 pairs the draws in order."""
    delta: Annotated[float, Gt(0)] = 0.5
    """Minimum relevant change, log2."""
    credible: Annotated[float, Gt(0), Lt(1)] = 0.95
    """Probability of the credible interval."""


class Comparison(NamedTuple):
    """Two groups by name, and the rows of their scored cells."""

    first: str
    second: str
    rows: tuple[NDArray[np.int64], NDArray[np.int64]]


def of_variant(
    fitted: FittedVariant[VariantModule], problem: Problem, config: DifferentialExpressionConfig
) -> Arrays:
    """(comparison, gene) arrays, and the (comparison,) names of both groups."""

    def draw(rows: NDArray[np.int64], code: int | None) -> Shares:
        each = [_at_a_draw(fitted, cells, code) for cells in fitted.minibatches(rows)]
        return np.concatenate(each)

    return _table(draw, problem, config)


def _at_a_draw(fitted: FittedVariant[VariantModule], cells: Any, code: int | None) -> Shares:
    posterior = fitted.module.infer(cells)
    samples = fitted.over_draws(
        lambda noise: shares(fitted.module, at_draw(posterior, noise), cells, code),
        len(cells["observed"]),
        1,
    )
    return samples[0].float().cpu().numpy()


def _table(draw: Draw, problem: Problem, config: DifferentialExpressionConfig) -> Arrays:
    compared = _comparisons(problem, config)
    each = [_judged(_changes(draw, one, problem, config), config) for one in compared]
    names = {
        "compared_first": np.array([one.first for one in compared]),
        "compared_second": np.array([one.second for one in compared]),
    }
    return names | {name: np.stack([row[name] for row in each]) for name in each[0]}


def _comparisons(problem: Problem, config: DifferentialExpressionConfig) -> list[Comparison]:
    """All requested comparisons.  Raises if a group has no scored cell."""
    if config.by not in problem.labels:
        raise mistake(f"{KEY_PATH}.by", config.by, "this dataset has no such label")
    label = problem.labels[config.by][problem.scored_rows]
    known = np.unique(label).tolist()
    for key, name in (("first", config.first), ("second", config.second)):
        if name and name not in known:
            expected = f"no scored cell is in this group; there are: {', '.join(known)}"
            raise mistake(f"{KEY_PATH}.{key}", name, expected)
    compared = []
    for first in [config.first] if config.first else known:
        other = label == config.second if config.second else label != first
        rows = problem.scored_rows[label == first], problem.scored_rows[other]
        if first != config.second:
            compared.append(Comparison(first, config.second or f"not {first}", rows))
    if not compared or not all(len(rows) for one in compared for rows in one.rows):
        raise mistake(KEY_PATH, None, f"nothing to compare {', '.join(known)} with")
    return compared


def _changes(
    draw: Draw, compared: Comparison, problem: Problem, config: DifferentialExpressionConfig
) -> NDArray[np.float32]:
    """(pair, gene) log2 fold changes, as many pairs under every batch."""
    rng = numpy_generator("differential_expression", compared.first, compared.second)
    codes = batch_codes(problem, EACH, KEY_PATH)
    n_draws, n_permuted = (-(-n // len(codes)) for n in (config.n_samples, config.n_permuted_pairs))
    changes = []
    for code in codes:
        samples = [
            draw(rows[rng.integers(len(rows), size=n_draws)], code) for rows in compared.rows
        ]
        one, other = (np.log2(np.maximum(part, SMALLEST)) for part in samples)
        if n_permuted:
            one, other = (part[rng.integers(n_draws, size=n_permuted)] for part in (one, other))
        changes.append(one - other)
    return np.concatenate(changes)


def _judged(changes: NDArray[np.float32], config: DifferentialExpressionConfig) -> Arrays:
    """(gene,) all statistics of a comparison."""
    higher = (changes > 0).mean(0) + (changes == 0).mean(0) / 2
    changed = (np.abs(changes) >= config.delta).mean(0)
    tail = (1 - config.credible) / 2
    lower, median, upper = np.quantile(changes, [tail, 0.5, 1 - tail], axis=0)
    return {
        "higher_probability": higher,
        "higher_bayes_factor": _bayes_factor(higher),
        "change_probability": changed,
        "change_bayes_factor": _bayes_factor(changed),
        "lfc_mean": changes.mean(0, dtype=float),
        "lfc_median": median,
        "lfc_sd": changes.std(0, dtype=float),
        "lfc_lower": lower,
        "lfc_upper": upper,
    }


def _bayes_factor(probability: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.log(probability + SMALLEST) - np.log(1 - probability + SMALLEST)


READOUT = Readout(
    label="Differential expression",
    config=DifferentialExpressionConfig,
    of="counts",
    arrays=frozenset(
        {
            *("compared_first", "compared_second"),
            *("higher_probability", "higher_bayes_factor"),
            *("change_probability", "change_bayes_factor"),
            *("lfc_mean", "lfc_median", "lfc_sd", "lfc_lower", "lfc_upper"),
        }
    ),
    of_variant=of_variant,
    rows="comparisons",
    labels=lambda config: frozenset({config.by}),
    reference="Lopez et al. 2018, doi:10.1038/s41592-018-0229-2; Boyeau et al. 2019, "
    "doi:10.1101/794289",
)
