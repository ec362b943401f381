"""What the hyperparameters did to the ranking metric, and what to the bound.

    marginal mean of value v    mean over the runs with v of their scores
    spread                      best less worst marginal mean;  of a searched range, best less
                                worst run
    share (eta squared)         sum_v n_v (m_v - m)^2 / sum_r (y_r - m)^2    y_r: mean of run r
    by chance                   (values - 1) / (runs - 1): the share's mean if values meant nothing
    seeds                       sqrt of the mean over runs of the variance over their seeds

Intervals are those of :mod:`bench.results.statistics`: the seeds that all runs of a value have are
resampled, the runs held fixed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, nan
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from bench.core.section import Section
from bench.reports._charts import Spec
from bench.reports._leaderboards import Leaderboard
from bench.reports._report import StudyReport
from bench.reports._sweep_charts import marginal_chart, point_chart
from bench.reports._sweeps import Sweep, sweeps_of
from bench.reports._wording import decimals_for, number
from bench.results.statistics import Estimate, Unit, estimate
from bench.results.tables import Results

MOST_PANELS = 40
BOUNDS = ("iwelbo", "elbo")
"""The bounds whose sensitivity is shown, the first one that a study has."""

Scores = Mapping[Unit, float]


@dataclass(frozen=True, kw_only=True)
class HyperparameterEffect:
    """What one hyperparameter did to one metric."""

    sweep: Sweep
    n_runs: int
    """Runs with a score, of ``len(sweep.runs)``."""
    marginal: dict[Any, Estimate]
    """By value; empty where a range was searched."""
    spread: float
    share: float
    """NaN where every value has one run, so that it could only be 1."""
    by_chance: float
    correlation: float
    """Spearman's, of a searched range."""
    seeds: float
    spec: Spec

    @property
    def times(self) -> float:
        """The spread over the spread of seeds."""
        return self.spread / self.seeds if self.seeds > 0 else nan


@dataclass(frozen=True, kw_only=True)
class MetricEffects:
    """What all hyperparameters of a model did to one metric."""

    metric: str
    unit: str
    better: str
    decimals: int
    effects: list[HyperparameterEffect]

    @property
    def sentence(self) -> str:
        """The largest effect, in figures."""
        known = [effect for effect in self.effects if isfinite(effect.spread)]
        if not known:
            return f"{self.metric} by what cannot be said: too few runs were scored"
        most = max(known, key=lambda effect: effect.spread)
        unit = f" {self.unit}" if self.unit else ""
        times = f"{number(most.times, 1)} times the spread over seeds"
        times_text = times if isfinite(most.times) else "seeds have no spread"
        # Trials differ in everything that is searched: no one key moved them apart.
        where = "between trials" if most.sweep.continuous else most.sweep.parameter
        by = f"{number(most.spread, self.decimals)}{unit} ({where}; {times_text})"
        return f"{self.metric} by up to {by}"


@dataclass(frozen=True, kw_only=True)
class ModelEffects:
    """What the hyperparameters of one model did on one dataset and task."""

    leaderboard: Leaderboard
    model: str
    metrics: list[MetricEffects]
    several_labels: bool

    @property
    def sentence(self) -> str:
        """The bound first, then what ranks."""
        moved = ", and ".join(one.sentence for one in reversed(self.metrics))
        return f"Hyperparameters move {moved}."


def content(report: StudyReport) -> dict[str, Any]:
    """Nothing where no hyperparameter was varied."""
    found = panels(report.results, report.leaderboards)
    return {"panels": found} if found else {}


def panels(results: Results, leaderboards: Sequence[Leaderboard]) -> list[ModelEffects]:
    """By leaderboard and model with a sweep; none where nothing was varied."""
    found = [
        _panel(results, one, model, sweeps)
        for one in leaderboards
        for model, sweeps in sweeps_of(results, one.task, one.dataset).items()
    ]
    return found[:MOST_PANELS]


def _panel(
    results: Results, leaderboard: Leaderboard, model: str, sweeps: list[Sweep]
) -> ModelEffects:
    key = (leaderboard.dataset, leaderboard.task)
    runs = {run for sweep in sweeps for run in sweep.runs}
    bounds = [b for b in BOUNDS if any((*key, run, b) in results.values for run in runs)][:1]
    return ModelEffects(
        leaderboard=leaderboard,
        model=model,
        metrics=[
            _metric_effects(results, leaderboard, metric, sweeps)
            for metric in dict.fromkeys([leaderboard.metric, *bounds])
        ],
        several_labels=len({sweep.label for sweep in sweeps}) > 1,
    )


def _metric_effects(
    results: Results, leaderboard: Leaderboard, metric: str, sweeps: list[Sweep]
) -> MetricEffects:
    key = (leaderboard.dataset, leaderboard.task)
    scores = {
        run: found
        for sweep in sweeps
        for run in sweep.runs
        if (found := results.values.get((*key, run, metric)))
    }
    span = _span(scores)
    effects = [_effect(sweep, scores, metric, span) for sweep in sweeps]
    sizes = [size for effect in effects for size in (effect.spread, effect.seeds)]
    return MetricEffects(
        metric=metric,
        unit=str(results.fact(metric, "unit")),
        better=results.better(metric),
        decimals=decimals_for(sizes, [0.0]),
        effects=effects,
    )


def _effect(
    sweep: Sweep, scores: Mapping[str, Scores], metric: str, span: tuple[float, float]
) -> HyperparameterEffect:
    scored = {run: scores[run] for run in sweep.runs if run in scores}
    runs = {run: estimate(units) for run, units in scored.items()}
    table = pd.DataFrame(
        {
            "value": [sweep.runs[run] for run in runs],
            "run": list(runs),
            "mean": [one.mean for one in runs.values()],
        }
    )
    marginal = {} if sweep.continuous else _marginal(sweep, scored)
    means = list(table["mean"]) if sweep.continuous else [one.mean for one in marginal.values()]
    shares = (nan, nan) if sweep.continuous else _share(table)
    chart = (
        point_chart(table, sweep.parameter, metric, span, sweep.continuous)
        if sweep.continuous
        else marginal_chart(table, marginal, sweep.parameter, metric, span)
    )
    return HyperparameterEffect(
        sweep=sweep,
        n_runs=len(runs),
        marginal=marginal,
        spread=max(means) - min(means) if len(means) > 1 else nan,
        share=shares[0],
        by_chance=shares[1],
        correlation=_correlation(table) if sweep.continuous else nan,
        seeds=_seeds([one.sd for one in runs.values()]),
        spec=chart,
    )


def _marginal(sweep: Sweep, scored: Mapping[str, Scores]) -> dict[Any, Estimate]:
    """By value, over the splits and seeds that all its scored runs have."""
    found = {}
    for value in sweep.values:
        mine = [units for run, units in scored.items() if sweep.runs[run] == value]
        common = set.intersection(*map(set, mine)) if mine else set()
        if common:
            found[value] = estimate({u: sum(one[u] for one in mine) / len(mine) for u in common})
    return found


def _share(table: pd.DataFrame) -> tuple[float, float]:
    """Eta squared of the main effect, and what chance gives."""
    n_values, n_runs = table["value"].nunique(), len(table)
    total = float(((table["mean"] - table["mean"].mean()) ** 2).sum())
    if n_values in (1, n_runs) or n_runs < 2 or total == 0:
        return nan, nan
    means = table.groupby("value")["mean"].transform("mean")
    between = float(((means - table["mean"].mean()) ** 2).sum())
    return between / total, (n_values - 1) / (n_runs - 1)


def _correlation(table: pd.DataFrame) -> float:
    if len(table) < 3 or table["mean"].nunique() == 1 or table["value"].nunique() == 1:
        return nan
    return float(spearmanr(table["value"], table["mean"]).statistic)


def _seeds(spreads: Sequence[float]) -> float:
    known = [spread**2 for spread in spreads if isfinite(spread)]
    return float(np.sqrt(np.mean(known))) if known else nan


def _span(scores: Mapping[str, Scores]) -> tuple[float, float]:
    """The axis that all figures of a metric share."""
    values = [value for units in scores.values() for value in units.values()]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    margin = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
    return low - margin, high + margin


SECTION = Section(title="What the hyperparameters did", order=130, content=content)
