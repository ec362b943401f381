"""Which perturbations are predicted: a strip per run, a column per perturbation.

    r_p = median over splits and seeds of corr_j(predicted_pj, observed_pj)     j: genes

Blue where predicted and observed effect go together, orange where they oppose each other, as opaque
as the correlation is strong.  Columns are sorted by the mean over competitors, the best predicted
first.  Blind to how large effects are predicted; what few cells show badly nobody predicts well, so
a column says in how many cells its effect was observed.  The correlations were computed by a job of
their own (``perturbation_scores.parquet``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench.core.section import Section
from bench.reports._charts import INK, Spec, finished
from bench.reports._leaderboards import Leaderboard
from bench.reports._report import StudyReport
from bench.reports._rows import Row
from bench.reports._score_charts import drawn_rows
from bench.results.tables import Results

FILE = "perturbation_scores.parquet"
NAMED = 50
"""Of up to so many perturbations every column has its name below it."""
WELL = 0.5
"""The correlation from which a perturbation is counted as predicted."""
MOST_PERTURBATIONS = 300
"""Rows of the table."""
UP, DOWN = "#2f7fd6", "#d9822b"


@dataclass(frozen=True, kw_only=True)
class Strip:
    """One run."""

    row: Row
    values: list[float | None]
    """The correlation of every perturbation, best predicted first; none where it was not read."""

    @property
    def median(self) -> float:
        """Over perturbations."""
        return float(np.median(self._known))

    @property
    def n_well(self) -> int:
        """Perturbations that are predicted."""
        return sum(value >= WELL for value in self._known)

    @property
    def _known(self) -> list[float]:
        return [value for value in self.values if value is not None]


@dataclass(frozen=True, kw_only=True)
class PerturbationStrips:
    """All runs of one dataset and task."""

    leaderboard: Leaderboard
    perturbations: pd.DataFrame
    """Columns ``perturbation, n_cells, observed_size``, best predicted first; means over splits."""
    strips: list[Strip]
    spec: Spec


def content(report: StudyReport) -> dict[str, Any]:
    """Strips, and tables of the same correlations."""
    found = panels(report.results, report.leaderboards)
    if not found:
        return {}
    return {"panels": found, "most_perturbations": MOST_PERTURBATIONS, "well": WELL}


def panels(results: Results, leaderboards: Sequence[Leaderboard]) -> list[PerturbationStrips]:
    """By leaderboard; none where no effects were read out."""
    found = [(one, results.files(one.dataset, one.task, FILE)) for one in leaderboards]
    return [_panel(one, files) for one, files in found if files]


def _panel(leaderboard: Leaderboard, files: Mapping[str, list[Path]]) -> PerturbationStrips:
    shown = [row for row in _order(leaderboard) if row.run in files]
    read = {r.run: pd.concat([pd.read_parquet(path) for path in files[r.run]]) for r in shown}
    medians = {
        run: one.groupby("perturbation")["correlation"].median() for run, one in read.items()
    }
    wide = pd.DataFrame(medians)
    sort_by = [r.run for r in shown if r.kind in ("VAE", "baseline")] or [r.run for r in shown]
    order = wide[sort_by].mean(axis=1).sort_values(ascending=False, kind="stable").index
    known = pd.concat(read.values()).groupby("perturbation")[["n_cells", "observed_size"]].mean()
    perturbations, wide = known.loc[order].reset_index(), wide.loc[order]
    strips = [
        Strip(row=row, values=[None if np.isnan(v) else float(v) for v in wide[row.run]])
        for row in shown
    ]
    return PerturbationStrips(
        leaderboard=leaderboard,
        perturbations=perturbations,
        strips=strips,
        spec=_picture(leaderboard, perturbations, strips),
    )


def _order(leaderboard: Leaderboard) -> list[Row]:
    """Those that are drawn elsewhere too, then those without a score by what ranks."""
    first = drawn_rows(leaderboard)
    return [*first, *(row for row in leaderboard.rows if not row.score.n)]


def _picture(
    leaderboard: Leaderboard, perturbations: pd.DataFrame, strips: Sequence[Strip]
) -> Spec:
    import altair as alt

    names, runs = perturbations["perturbation"].tolist(), [strip.row.run for strip in strips]
    data = _entries(perturbations, strips)
    axis_style = alt.Axis(
        labelAngle=-90, labelFontSize=9, labelLimit=110, ticks=False, domain=False
    )
    axis = axis_style if len(names) <= NAMED else None
    x = alt.X("perturbation:N", title=None, axis=axis).scale(domain=names, padding=0)
    # A thin gap between runs; none between perturbations, of which there may be hundreds.
    y = alt.Y("run:N", title=None).scale(domain=runs, paddingInner=0.2, paddingOuter=0)
    y = y.axis(labelLimit=170, labelPadding=6, ticks=False, domain=False)
    sign = alt.condition("datum.r > 0", alt.value(UP), alt.value(DOWN))
    size = alt.Scale(domain=[0, 1], range=[0, 1])
    params = {"perturbations": names, "runs": runs}
    params["cells"] = [round(float(n), 1) for n in perturbations["n_cells"]]
    fields = ("perturbation", "run", "correlation", "cells")
    base = alt.Chart(data).transform_calculate(
        perturbation="perturbations[datum.column]",
        run="runs[datum.row]",
        correlation="format(datum.r, '.2f')",
        cells="cells[datum.column]",
        strength="abs(datum.r)",
    )
    marks = base.mark_rect().encode(
        x,
        y,
        fill=sign,
        fillOpacity=alt.FillOpacity("strength:Q", scale=size, legend=None),
        tooltip=[alt.Tooltip(f"{name}:N") for name in fields],
    )
    # An effect that goes with nothing is invisible: a ground shows that it was looked at.
    ground = alt.Chart(alt.Data(values=[{"run": run} for run in runs]))
    ground = ground.mark_rect(fill=INK, fillOpacity=0.06).encode(
        y, x=alt.value(0), x2=alt.value("width")
    )
    chart = alt.layer(ground, marks).add_params(
        *(alt.param(name=n, value=v) for n, v in params.items())
    )
    words = f"Correlation of predicted and observed effect of {len(names)} perturbations, by run"
    where = f"on {leaderboard.dataset}, {leaderboard.task}"
    return finished(chart, f"{words}, {where}", height=24 * len(runs))


def _entries(perturbations: pd.DataFrame, strips: Sequence[Strip]) -> Any:
    import altair as alt

    values = np.array([strip.values for strip in strips], dtype=float)
    row, column = np.nonzero(np.isfinite(values))
    table = pd.DataFrame({"row": row, "column": column, "r": values[row, column].round(3)})
    parse = dict.fromkeys(("row", "column", "r"), "number")
    data = table.to_csv(index=False)
    return alt.InlineData(values=data, format=alt.CsvDataFormat(type="csv", parse=parse))


SECTION = Section(
    title="Which perturbations are predicted",
    order=100,
    content=content,
    needs=frozenset({FILE}),
)
