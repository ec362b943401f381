"""Training curves: every loss term by epoch, few enough points to stay light.

A line is the mean over seeds and its band reaches from the lowest to the highest seed.  A seed that
has stopped carries its last finite value on, so that no line jumps where a seed ends.

How decided masks are stands apart from the loss: shares of their entries, of which ``decided`` are
those that are confidently on or confidently off.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bench.core.section import Section
from bench.reports._charts import Spec, finished
from bench.reports._leaderboards import Leaderboard
from bench.reports._report import StudyReport
from bench.results.tables import Results

MOST_RUNS = 8
"""Runs drawn in one panel: the best ones."""
MOST_PANELS = 40
MOST_ROWS = 36_000
"""Points on the whole page."""
FEWEST_POINTS, MOST_POINTS = 15, 90
"""Points of one line."""
COLOURS = (
    *("#2f7fd6", "#d9822b", "#2a9d78", "#c2478f", "#8457c9", "#b59a1c", "#d64a3a", "#4fb3c8"),
    *("#7a8b3c", "#9a6a4f"),
)


MASKS = {
    "mask_decided": "decided either way",
    "mask_off": "confidently off (at most 0.2)",
    "mask_on": "confidently on (at least 0.8)",
    "mask_likely": "more likely on than off",
}
"""Shares of a mask's entries -> what is said of them."""
NATS, SHARE = "nats per cell", "share of the mask"
NARROWEST = 0.05
"""The least range of an axis of shares."""


@dataclass(frozen=True, kw_only=True)
class TrainingCurves:
    """The curves of one leaderboard: a chart per term."""

    leaderboard: Leaderboard
    colours: dict[str, str]
    """Run -> colour, best first."""
    terms: dict[str, Spec]
    """Of the loss, nats per cell."""
    masks: dict[str, Spec]
    """What is said of a share of the masks -> its chart; empty where no run has a mask."""
    left_out: int
    """VAE runs with scores that are not drawn."""


def content(report: StudyReport) -> dict[str, Any]:
    """Curves of every leaderboard; the section says so where there are none."""
    return {
        "panels": panels(report.results, report.leaderboards),
        "most_panels": MOST_PANELS,
        "n_leaderboards": len(report.leaderboards),
    }


def panels(results: Results, leaderboards: Sequence[Leaderboard]) -> list[TrainingCurves]:
    """Those of leaderboards with curves, at most :data:`MOST_PANELS`."""
    runs = sorted({row.run for one in leaderboards for row in one.rows if row.kind == "VAE"})
    read = [(one, *_read(results, one)) for one in leaderboards[:MOST_PANELS]]
    lines = sum(
        len(frame.groupby(["part", "term"])) for _, held, _ in read for frame in held.values()
    )
    points = int(np.clip(MOST_ROWS // max(lines, 1), FEWEST_POINTS, MOST_POINTS))
    return [
        _panel(one, held, _colours(list(held), runs), points, left_out)
        for one, held, left_out in read
        if held
    ]


def thinned(curve: pd.DataFrame, points: int) -> pd.DataFrame:
    """Mean, lowest and highest seed at up to ``points`` epochs, denser early.

    Columns ``part, term, epoch, mean, low, high``.
    """
    finite = curve[np.isfinite(curve["value"])]
    wide = finite.pivot_table(index="epoch", columns=["part", "term", "seed"], values="value")
    wide = wide.sort_index().ffill().iloc[chosen(len(wide), points)]
    tall = wide.T.groupby(level=["part", "term"])
    parts = {"mean": tall.mean(), "low": tall.min(), "high": tall.max()}
    stacked = pd.concat({name: part.stack() for name, part in parts.items()}, axis=1)
    return stacked.dropna().reset_index()


def chosen(n: int, points: int) -> list[int]:
    """Up to ``points`` positions of n with the first and the last, evenly in the square root."""
    if n <= points:
        return list(range(n))
    steps = np.unique(np.round(np.linspace(0, np.sqrt(n - 1), points) ** 2).astype(int))
    return [int(step) for step in steps]


def _read(results: Results, leaderboard: Leaderboard) -> tuple[dict[str, pd.DataFrame], int]:
    """Run -> its curve on the first split, for the best runs that have one."""
    vaes = [row for row in leaderboard.rows if row.kind == "VAE"]
    first = int(results.plan["split"].min())
    key = (leaderboard.dataset, leaderboard.task, first)
    found = {row.run: results.curve(*key, row.run) for row in vaes[:MOST_RUNS]}
    held = {
        run: with_decided(curve) for run, curve in found.items() if curve is not None and len(curve)
    }
    return held, len(vaes) - len(vaes[:MOST_RUNS])


def _colours(shown: list[str], runs: list[str]) -> dict[str, str]:
    """A run keeps its colour from panel to panel as long as there are colours enough."""
    order = runs if len(runs) <= len(COLOURS) else shown
    return {run: COLOURS[order.index(run)] for run in shown}


def _panel(
    leaderboard: Leaderboard,
    held: dict[str, pd.DataFrame],
    colours: dict[str, str],
    points: int,
    left_out: int,
) -> TrainingCurves:
    rows = pd.concat([thinned(curve, points).assign(run=run) for run, curve in held.items()])
    by_term = {str(term): of_term for term, of_term in rows.groupby("term")}
    terms = sorted(by_term.keys() - MASKS.keys(), key=lambda term: (not _is_bound(term), term))
    masks = {name: by_term[name] for name in MASKS if name in by_term}
    return TrainingCurves(
        leaderboard=leaderboard,
        colours=colours,
        terms={term: _chart(leaderboard, term, by_term[term], colours, NATS) for term in terms},
        masks={
            MASKS[name]: _chart(leaderboard, MASKS[name], _once(of_term), colours, SHARE)
            for name, of_term in masks.items()
        },
        left_out=left_out,
    )


def with_decided(curve: pd.DataFrame) -> pd.DataFrame:
    """A curve and, where it has a mask, the share of its entries that is decided either way."""
    keys = ["step", "epoch", "seed", "part"]
    confident = curve[curve["term"].isin(["mask_on", "mask_off"])]
    decided = confident.groupby(keys, as_index=False)["value"].sum()
    return pd.concat([curve, decided.assign(term="mask_decided")]) if len(decided) else curve


def _once(rows: pd.DataFrame) -> pd.DataFrame:
    """Masks belong to no cells: where there are validation cells, those of training say it again.

    Validation looks at the end of an epoch; training means over it.
    """
    validation = rows[rows["part"] == "validation"]
    return validation if len(validation) else rows


def _is_bound(term: str) -> bool:
    return any(word in term for word in ("bound", "elbo", "loss"))


def _chart(
    leaderboard: Leaderboard, term: str, rows: pd.DataFrame, colours: dict[str, str], unit: str
) -> Spec:
    import altair as alt

    columns = ["run", "part", "epoch", "mean", "low", "high"]
    text = rows[columns].to_csv(index=False, float_format="%.5g")
    # Text is a third the size of a list of records.
    data = alt.InlineData(values=text, format=alt.CsvDataFormat(type="csv", parse=_numbers()))
    picked = alt.param(name="picked", value="")
    shown = "picked == '' || picked == datum.run"
    x = alt.X("epoch:Q", title="epoch (square-root scale)").scale(type="sqrt", nice=False)
    x = x.axis(tickMinStep=1, format="d", labelOverlap="greedy", labelSeparation=6)
    domain = _domain(rows) if unit == NATS else _within_one(*_domain(rows))
    y = alt.Y("mean:Q", title=unit).scale(domain=domain, nice=False, zero=False)
    colour = alt.Color("run:N", legend=None).scale(
        domain=list(colours), range=list(colours.values())
    )
    band = alt.Chart(data).transform_filter("datum.part == 'validation'").mark_area(clip=True)
    line = alt.Chart(data).mark_line(clip=True, strokeWidth=1.6)
    dash = alt.StrokeDash("part:N", legend=None)
    dash = dash.scale(domain=["validation", "train"], range=[[1, 0], [3, 2]])
    layers = [line.encode(x, y, colour, dash, opacity=_fade(shown, 0.95, 0.08))]
    if (rows["part"] == "validation").any():
        faded = _fade(shown, 0.18, 0.02)
        layers.insert(0, band.encode(x, alt.Y("low:Q"), colour, y2="high:Q", opacity=faded))
    where = f"{leaderboard.dataset}, {leaderboard.task}"
    words = f"{term} by epoch on {where}, for {', '.join(colours)}"
    return finished(alt.layer(*layers).add_params(picked), words, height=190)


def _numbers() -> dict[str, str]:
    return dict.fromkeys(("epoch", "mean", "low", "high"), "number")


def _fade(shown: str, seen: float, hidden: float) -> Any:
    import altair as alt

    return alt.condition(shown, alt.value(seen), alt.value(hidden))


def _domain(rows: pd.DataFrame) -> list[float]:
    """What happens after the first twentieth of training; the plunge before it leaves the frame.

    Quantiles, so that one run that goes astray does not flatten the others.
    """
    late = rows[rows["epoch"] >= rows["epoch"].max() / 20]
    low, high = late["mean"].quantile(0.01), late["mean"].quantile(0.98)
    margin = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
    return [float(f"{low - margin:.5g}"), float(f"{high + margin:.5g}")]


def _within_one(low: float, high: float) -> list[float]:
    """Of shares: what is worth drawing, no narrower than makes a change one."""
    wider = max(NARROWEST - (high - low), 0.0) / 2
    low, high = max(low - wider, 0.0), min(high + wider, 1.0)
    return [round(max(min(low, 1 - NARROWEST), 0.0), 4), round(min(max(high, NARROWEST), 1.0), 4)]


SECTION = Section(title="Training curves", order=70, content=content)
