"""The latent of the best runs in two dimensions: cells as what they are, and as what they pass for.

One row of pictures is one run: left the true type, right the predicted type, as opaque as it is
probable; a type has one colour in both.  What is drawn was computed by a job of its own
(``projection.parquet``), which says which cells and which seed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bench.core.section import Section
from bench.parts.scoring.projection import MOST_CELLS, SEED
from bench.reports._charts import INK, Spec, themed
from bench.reports._leaderboards import Leaderboard
from bench.reports._report import StudyReport
from bench.results.tables import Results

FILE = "projection.parquet"
MOST_RUNS = 6
"""Runs of one leaderboard that are drawn: the best ones."""
FAINTEST = 0.08
"""Opacity of what is not probable at all."""
COLOURS = (
    *("#2f7fd6", "#d9822b", "#2a9d78", "#c2478f", "#8457c9", "#b59a1c", "#d64a3a", "#4fb3c8"),
    *("#7a8b3c", "#9a6a4f", "#6b7fa3", "#e08fae", "#3fa34d", "#5b4fcf", "#c46a1f", "#1f7a8c"),
    *("#a33b52", "#8fae2e", "#b07fd6", "#7d7d7d"),
)
"""Twenty types can be told apart; of more, colours come again."""


@dataclass(frozen=True, kw_only=True)
class Projection:
    """The pictures of one run."""

    leaderboard: Leaderboard
    run: str
    rank: int
    seed: int
    n_cells: int
    n_labelled: int
    colours: dict[str, str]
    """Type -> colour, by name; of all types that some run of the leaderboard found or had."""
    spec: Spec


def content(report: StudyReport) -> dict[str, Any]:
    """Pictures of the best runs of every leaderboard whose latents were projected."""
    found = panels(report.results, report.leaderboards)
    if not found:
        return {}
    limits = {"most_runs": MOST_RUNS, "most_cells": MOST_CELLS, "n_colours": len(COLOURS)}
    return {"panels": found, **limits, "draw_seed": SEED, "faintest": FAINTEST}


def panels(results: Results, leaderboards: Sequence[Leaderboard]) -> list[Projection]:
    """By leaderboard and run, best first; none where nothing was projected."""
    return [found for one in leaderboards for found in _projections(results, one)]


def _projections(results: Results, leaderboard: Leaderboard) -> list[Projection]:
    files = results.files(leaderboard.dataset, leaderboard.task, FILE)
    best = [row for row in leaderboard.competitors if row.run in files][:MOST_RUNS]
    read = {row.run: pd.read_parquet(files[row.run][0]) for row in best}
    named = {name for cells in read.values() for name in (*cells.true_type, *cells.predicted_type)}
    colours = {kind: COLOURS[k % len(COLOURS)] for k, kind in enumerate(sorted(named))}
    return [
        Projection(
            leaderboard=leaderboard,
            run=row.run,
            rank=row.rank or 0,
            seed=int(cells["seed"].iloc[0]),
            n_cells=len(cells),
            n_labelled=int(cells["labelled"].sum()),
            colours=colours,
            spec=_pictures(leaderboard, row.run, cells, colours),
        )
        for row, cells in ((one, read[one.run]) for one in best)
    ]


def _pictures(
    leaderboard: Leaderboard, run: str, cells: pd.DataFrame, colours: dict[str, str]
) -> Spec:
    import altair as alt

    parse = dict.fromkeys(("p", "labelled", "umap_1", "umap_2", "pca_1", "pca_2"), "number")
    data = alt.InlineData(values=_compact(cells), format=alt.CsvDataFormat(type="csv", parse=parse))
    pair = [_picture(data, by, colours) for by in ("true", "predicted")]
    shown = alt.param(name="shown", value="umap")
    pictures = alt.hconcat(*pair, spacing=24).add_params(shown).to_dict(validate=False)
    where = f"{leaderboard.dataset}, {leaderboard.task}"
    spec = themed(pictures, f"Latent of {run} on {where}: by true type, by predicted type")
    # Two charts cannot fit themselves to the page: its script does.
    del spec["config"]["autosize"]
    return spec


def _compact(cells: pd.DataFrame) -> str:
    """Text, a third the size of records; more digits than a picture has are left out."""
    short = {"true_type": "true", "predicted_type": "predicted", "probability": "p"}
    rows = cells.drop(columns="seed").rename(columns=short)
    rows["p"] = rows["p"].round(3)
    rows["labelled"] = rows["labelled"].astype(int)
    for axes in ("umap", "pca"):
        names = [f"{axes}_1", f"{axes}_2"]
        rows[names] = rows[names].astype(float).round(_digits(rows[names]))
    return rows.to_csv(index=False)


def _digits(points: pd.DataFrame) -> int:
    """Decimals that put a thousand places along the longer side."""
    extent = float((points.max() - points.min()).max())
    return next((n for n in range(-12, 12) if 10.0**n * extent >= 1000), 12)


def _picture(data: Any, by: str, colours: dict[str, str]) -> Any:
    """Labelled cells lie on top, as diamonds with an outline."""
    import altair as alt

    base = alt.Chart(data, title=alt.Title(f"{by} type", color=INK, fontWeight="normal"))
    for axis in (1, 2):
        at = f"shown == 'pca' ? datum.pca_{axis} : datum.umap_{axis}"
        base = base.transform_calculate(**{f"at_{axis}": at})
    scale = alt.Scale(zero=False, nice=False, padding=8)
    position = [alt.X("at_1:Q", axis=None, scale=scale), alt.Y("at_2:Q", axis=None, scale=scale)]
    colour = alt.Scale(domain=list(colours), range=list(colours.values()))
    look: dict[str, Any] = {"fill": alt.Fill(f"{by}:N", scale=colour, legend=None)}
    if by == "predicted":
        faint = alt.Scale(domain=[0, 1], range=[FAINTEST, 1])
        look["fillOpacity"] = alt.FillOpacity("p:Q", scale=faint, legend=None)
    label_tip = alt.Tooltip("label:N")
    tips = [*(alt.Tooltip(f"{name}:N") for name in ("cell", "true", "predicted", "p")), label_tip]
    chart = base.transform_calculate(label="datum.labelled ? 'given' : 'hidden'")
    others = chart.transform_filter("!datum.labelled").mark_point(
        shape="circle", size=16, strokeWidth=0, fillOpacity=0.8
    )
    labelled = chart.transform_filter("datum.labelled").mark_point(
        shape="diamond", size=70, stroke=INK, strokeWidth=1.3, fillOpacity=1
    )
    layers = [layer.encode(*position, tooltip=tips, **look) for layer in (others, labelled)]
    return alt.layer(*layers).properties(width=360, height=360)


SECTION = Section(
    title="Projections",
    order=120,
    content=content,
    needs=frozenset({FILE}),
)
