"""Who beats whom: every VAE against every honest baseline, and average ranks over datasets.

A verdict rests on the interval of the paired difference.  The p-values of all comparisons of one
task and dataset are one family, corrected after Holm.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.stats import rankdata

from bench.reports.standings import Board, Standing
from bench.results.statistics import (
    N_RESAMPLES,
    Difference,
    difference,
    holm,
    resampled_means,
)


class Match(NamedTuple):
    """One VAE against one baseline; no difference where they share no split and seed."""

    vae: Standing
    baseline: Standing
    difference: Difference | None
    corrected: float
    """Holm's p-value within the task and dataset; NaN without a difference."""


@dataclass(frozen=True, kw_only=True)
class Contest:
    """All VAEs against all baselines of one leaderboard, both best first."""

    board: Board
    vaes: tuple[Standing, ...]
    baselines: tuple[Standing, ...]
    matches: dict[tuple[str, str], Match]
    """By the runs of VAE and baseline."""

    def passing(self, baseline: Standing) -> list[Standing]:
        """The VAEs that are better than a baseline beyond the interval."""
        return [vae for vae in self.vaes if self.said(vae, baseline) == "better"]

    def said(self, vae: Standing, baseline: Standing) -> str:
        """The verdict on one match."""
        match = self.matches[vae.run, baseline.run]
        return match.difference.verdict if match.difference else "undecided"


class AverageRank(NamedTuple):
    """A run's rank among the competitors of a task, averaged over its datasets."""

    run: str
    """Its label; a search ranks by whatever it selected on each dataset."""
    kind: str
    mean: float
    low: float
    high: float
    """Percentiles over resamples of splits and seeds; the datasets stay the same."""
    ranks: dict[str, float]
    """By dataset.  A run planned there that has no score ranks last; one not planned is absent."""


def contest(board: Board) -> Contest:
    """Compare on the metric that ranks."""
    vaes = tuple(s for s in board.standings if s.kind == "VAE" and s.judged)
    baselines = tuple(s for s in board.standings if s.kind == "baseline" and s.judged)
    pairs = [(vae, baseline) for vae in vaes for baseline in baselines]
    found = [_difference(vae, baseline, board) for vae, baseline in pairs]
    corrected = holm([match.p_value if match else float("nan") for match in found])
    matches = {
        (vae.run, baseline.run): Match(vae, baseline, match, p)
        for (vae, baseline), match, p in zip(pairs, found, corrected, strict=True)
    }
    return Contest(board=board, vaes=vaes, baselines=baselines, matches=matches)


def average_ranks(boards: Sequence[Board]) -> list[AverageRank]:
    """Average first over seeds, then rank, then average over the datasets of one task."""
    observed = {board.dataset: _ranks_of_means(board) for board in boards}
    drawn: dict[str, list[np.ndarray]] = {}
    for board in boards:
        for run, resampled in _ranks_of_resamples(board).items():
            drawn.setdefault(run, []).append(resampled)
    kinds = {s.entrant: s.kind for board in boards for s in board.standings}
    rows = []
    for run, per_dataset in drawn.items():
        ranks = {data: held[run] for data, held in observed.items() if run in held}
        low, high = np.quantile(np.mean(per_dataset, axis=0), [0.025, 0.975])
        mean = float(np.mean(list(ranks.values())))
        rows.append(AverageRank(run, kinds[run], mean, float(low), float(high), ranks))
    return sorted(rows, key=lambda row: (-len(row.ranks), row.mean, row.run))


def _difference(vae: Standing, baseline: Standing, board: Board) -> Difference | None:
    if not vae.values.keys() & baseline.values.keys():
        return None
    return difference(vae.values, baseline.values, board.sign)


def _entrants(board: Board) -> list[Standing]:
    return [s for s in board.standings if s.kind in ("VAE", "baseline") and s.judged]


def _ranks_of_means(board: Board) -> dict[str, float]:
    entrants = _entrants(board)
    losses = [-board.sign * s.score.mean if s.score.n else np.inf for s in entrants]
    return {s.entrant: float(r) for s, r in zip(entrants, rankdata(losses), strict=True)}


def _ranks_of_resamples(board: Board) -> dict[str, np.ndarray]:
    entrants = _entrants(board)
    nothing = np.full(N_RESAMPLES, np.inf)
    sign = board.sign
    losses = [-sign * resampled_means(s.values) if s.score.n else nothing for s in entrants]
    ranks = rankdata(np.vstack(losses), axis=0) if losses else []
    return {s.entrant: row for s, row in zip(entrants, ranks, strict=True)}
