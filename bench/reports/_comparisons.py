"""Every VAE against every competing baseline, and average ranks over the datasets of a task.

A verdict rests on the interval of the paired difference.  The p-values of all comparisons of one
task and dataset are one family, corrected after Holm.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.stats import rankdata

from bench.core.metric import sign_of
from bench.reports._leaderboards import Leaderboard
from bench.reports._rows import Row
from bench.results.statistics import (
    N_RESAMPLES,
    Difference,
    Verdict,
    difference,
    holm,
    resampled_means,
)


class Pair(NamedTuple):
    """One VAE against one baseline; no difference where they share no split and seed."""

    vae: Row
    baseline: Row
    difference: Difference | None
    corrected: float
    """Holm's p-value within the task and dataset; NaN without a difference."""

    @property
    def verdict(self) -> Verdict:
        """Of the VAE."""
        return self.difference.verdict if self.difference else "undecided"


@dataclass(frozen=True, kw_only=True)
class BaselineComparison:
    """All VAEs against all competing baselines of one leaderboard, both best first."""

    leaderboard: Leaderboard
    vaes: tuple[Row, ...]
    baselines: tuple[Row, ...]
    pairs: dict[tuple[str, str], Pair]
    """By the runs of VAE and baseline."""

    def better_than(self, baseline: Row) -> list[Row]:
        """The VAEs that are better than a baseline beyond the interval."""
        return [v for v in self.vaes if self.pairs[v.run, baseline.run].verdict == "better"]


class AverageRank(NamedTuple):
    """A run's rank among the competitors of a task, averaged over its datasets."""

    run: str
    """Its label; a search ranks by the trial that it selected on each dataset."""
    kind: str
    mean: float
    low: float
    high: float
    """Percentiles over resamples of splits and seeds; the datasets stay the same."""
    ranks: dict[str, float]
    """By dataset.  A run planned there that has no score ranks last; one not planned is absent."""


def baseline_comparison(leaderboard: Leaderboard) -> BaselineComparison:
    """Compare on the metric that ranks."""
    vaes = tuple(row for row in leaderboard.rows if row.kind == "VAE" and row.is_due)
    baselines = tuple(row for row in leaderboard.rows if row.kind == "baseline" and row.is_due)
    both = [(vae, baseline) for vae in vaes for baseline in baselines]
    found = [_difference(vae, baseline, leaderboard) for vae, baseline in both]
    corrected = holm([one.p_value if one else float("nan") for one in found])
    pairs = {
        (vae.run, baseline.run): Pair(vae, baseline, one, p)
        for (vae, baseline), one, p in zip(both, found, corrected, strict=True)
    }
    return BaselineComparison(leaderboard=leaderboard, vaes=vaes, baselines=baselines, pairs=pairs)


def average_ranks(leaderboards: Sequence[Leaderboard]) -> list[AverageRank]:
    """Average first over seeds, then rank, then average over the datasets of one task."""
    observed = {one.dataset: _ranks_of_means(one) for one in leaderboards}
    resampled: dict[str, list[np.ndarray]] = {}
    for one in leaderboards:
        for label, ranks_of_label in _ranks_of_resamples(one).items():
            resampled.setdefault(label, []).append(ranks_of_label)
    kinds = {row.label: row.kind for one in leaderboards for row in one.rows}
    rows = []
    for label, per_dataset in resampled.items():
        ranks = {data: found[label] for data, found in observed.items() if label in found}
        low, high = np.quantile(np.mean(per_dataset, axis=0), [0.025, 0.975])
        mean = float(np.mean(list(ranks.values())))
        rows.append(AverageRank(label, kinds[label], mean, float(low), float(high), ranks))
    return sorted(rows, key=lambda row: (-len(row.ranks), row.mean, row.run))


def _difference(vae: Row, baseline: Row, leaderboard: Leaderboard) -> Difference | None:
    if not vae.values.keys() & baseline.values.keys():
        return None
    return difference(vae.values, baseline.values, leaderboard.better)


def _ranked(leaderboard: Leaderboard) -> list[Row]:
    return [row for row in leaderboard.rows if row.kind in ("VAE", "baseline") and row.is_due]


def _ranks_of_means(leaderboard: Leaderboard) -> dict[str, float]:
    rows, sign = _ranked(leaderboard), sign_of(leaderboard.better)
    losses = [-sign * row.score.mean if row.score.n else np.inf for row in rows]
    return {row.label: float(r) for row, r in zip(rows, rankdata(losses), strict=True)}


def _ranks_of_resamples(leaderboard: Leaderboard) -> dict[str, np.ndarray]:
    rows, sign = _ranked(leaderboard), sign_of(leaderboard.better)
    nothing = np.full(N_RESAMPLES, np.inf)
    losses = [-sign * resampled_means(row.values) if row.score.n else nothing for row in rows]
    ranks = rankdata(np.vstack(losses), axis=0) if losses else []
    return {row.label: of_row for row, of_row in zip(rows, ranks, strict=True)}
