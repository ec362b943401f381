"""What a search tried and what came of it: every trial, whether it was selected or not.

The value of a trial is the mean, over splits and seeds, of its metric on the cells that the task
keeps for selection.  Beside it stands what the trial scores in the end, which nobody chose by.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite
from statistics import median
from typing import Any

import pandas as pd

from bench.core.metric import sign_of
from bench.core.rows import SEARCH
from bench.core.section import Section
from bench.reports._charts import INK, Spec, finished, rounded
from bench.reports._leaderboards import FAR, Leaderboard
from bench.reports._report import StudyReport
from bench.reports._wording import decimals_for, number, plural
from bench.results.statistics import Estimate, estimate
from bench.results.tables import Results

MOST_TRIALS = 500
"""Rows of one search's table."""
COLOUR = "#2f7fd6"


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One row of the table."""

    number: int
    round: int
    run: str
    parameters: list[str]
    value: float
    """On validation; NaN where a seed failed."""
    test: Estimate
    """By the metric that ranks; ``n`` of it is 0 where nothing was scored."""
    status: str
    reason: str
    selected: bool


@dataclass(frozen=True, kw_only=True)
class SearchTrials:
    """The trials of one search on one dataset and task."""

    leaderboard: Leaderboard
    search: str
    metric: str
    better: str
    parameters: list[str]
    trials: list[Trial]
    decimals: int
    """Of validation values."""
    test_decimals: int
    spec: Spec | None
    """None where no trial has a value."""

    @property
    def sentence(self) -> str:
        """What was selected, out of how many."""
        valued = [trial for trial in self.trials if isfinite(trial.value)]
        sentence = f"Of {plural(len(self.trials), 'trial')} {len(valued)} have a value"
        chosen = [trial for trial in self.trials if trial.selected]
        if not chosen:
            return f"{sentence}: none could be selected."
        value = number(chosen[0].value, self.decimals)
        return (
            f"{sentence}; {chosen[0].run} was selected, with {self.metric} {value} on validation."
        )


def content(report: StudyReport) -> dict[str, Any]:
    """Nothing where no search is at an end."""
    found = panels(report.results, report.leaderboards)
    return {"panels": found, "most_trials": MOST_TRIALS} if found else {}


def panels(results: Results, leaderboards: Sequence[Leaderboard]) -> list[SearchTrials]:
    """By leaderboard and search; none without a search."""
    table, found = results.search, []
    for one in leaderboards:
        here = table[(table["task"] == one.task) & (table["dataset"] == one.dataset)]
        found += [_panel(results, one, str(name), rows) for name, rows in here.groupby("search")]
    return found


def _panel(
    results: Results, leaderboard: Leaderboard, search: str, rows: pd.DataFrame
) -> SearchTrials:
    rows = rows.sort_values("trial")
    searched = [str(c) for c in rows if c not in SEARCH and (rows[c].astype(str) != "").any()]
    searched = [name for name in searched if rows[name].notna().any()]
    trials = [_trial(results, leaderboard, searched, row) for row in rows.to_dict("records")]
    tests = [trial.test for trial in trials if trial.test.n]
    better = str(rows["better"].iloc[0])
    return SearchTrials(
        leaderboard=leaderboard,
        search=search,
        metric=str(rows["metric"].iloc[0]),
        better=better,
        parameters=searched,
        trials=trials,
        decimals=_decimals([trial.value for trial in trials]),
        test_decimals=decimals_for([(t.high - t.low) / 2 for t in tests], [t.mean for t in tests]),
        spec=_chart(trials, better, f"{search} on {leaderboard.dataset}, {leaderboard.task}"),
    )


def _trial(
    results: Results, leaderboard: Leaderboard, searched: Sequence[str], row: dict[Any, Any]
) -> Trial:
    key = (leaderboard.dataset, leaderboard.task, str(row["run"]), leaderboard.metric)
    return Trial(
        number=int(row["trial"]),
        round=int(row["round"]),
        run=str(row["run"]),
        parameters=[_text(row[name]) for name in searched],
        value=float(row["value"]),
        test=estimate(results.values.get(key, {})),
        status=str(row["status"]),
        reason=str(row["reason"]),
        selected=bool(row["selected"]),
    )


def _text(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _decimals(values: Sequence[float]) -> int:
    """Decimals that tell neighbouring values of a search apart."""
    known = sorted(value for value in values if isfinite(value))
    return decimals_for([b - a for a, b in pairwise(known)], known)


def _chart(trials: Sequence[Trial], better: str, where: str) -> Spec | None:
    """The value of every trial, and the best so far."""
    import altair as alt

    rows = _points(trials, better)
    if not rows:
        return None
    low, high = _span([row["value"] for row in rows], better)
    data = alt.Data(
        values=[
            row | {key: min(max(row[key], low), high) for key in ("value", "best")} for row in rows
        ]
    )
    x = alt.X("trial:Q", title="trial").axis(tickMinStep=1, format="d", grid=False)
    x = x.scale(domain=[0.5, len(trials) + 0.5], nice=False)
    y = alt.Y("value:Q", title=None).scale(domain=[low, high], nice=False, zero=False)
    best = alt.Chart(data).mark_line(interpolate="step-after", color=INK, opacity=0.5)
    points = alt.Chart(data).mark_point(filled=True, color=COLOUR, opacity=1)
    size = alt.condition("datum.selected", alt.value(140), alt.value(40))
    shape = alt.condition("datum.selected", alt.value("diamond"), alt.value("circle"))
    tips = [alt.Tooltip(f"{name}:N") for name in ("run", "said")]
    layers = [
        best.encode(x, alt.Y("best:Q")),
        points.encode(x, y, size=size, shape=shape, tooltip=tips),
    ]
    words = f"Validation value by trial of {where}; the line is the best so far"
    return finished(alt.layer(*layers), words, height=190)


def _points(trials: Sequence[Trial], better: str) -> list[dict[str, Any]]:
    """What is drawn of the trials that have a value."""
    sign, best, rows = sign_of(better), None, []
    for trial in (trial for trial in trials if isfinite(trial.value)):
        best = trial.value if best is None else sign * max(sign * best, sign * trial.value)
        rows.append(
            {
                "trial": trial.number,
                "run": trial.run,
                "value": rounded(trial.value),
                "best": rounded(best),
                "said": f"{trial.value:.6g}",
                "selected": trial.selected,
            }
        )
    return rows


def _span(values: Sequence[float], better: str) -> tuple[float, float]:
    """From the best to some times the typical distance from it; what is worse lies at the edge."""
    sign = sign_of(better)
    best = sign * max(sign * value for value in values)
    behind = [abs(best - value) for value in values]
    typical = median([gap for gap in behind if gap > 0] or [0.0])
    near = [v for v, gap in zip(values, behind, strict=True) if gap <= FAR * typical]
    margin = 0.05 * (max(near) - min(near)) or 0.05 * abs(best) or 1.0
    return rounded(min(near) - margin), rounded(max(near) + margin)


SECTION = Section(
    title="Search",
    order=50,
    content=content,
    needs=frozenset({"search"}),
)
