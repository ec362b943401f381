"""Which latents every treatment moves: the embedding of a run, and its mask beside it.

    left    how far a treatment moves a latent: orange down, blue up, as opaque as it is far
    right   the probability that it moves it at all, as opaque as it is probable

Rows and columns are in the order of an average-linkage clustering of the embedding by Euclidean
distance, leaves turned so that neighbours are near; both pictures share it.  Blind to what a latent
does to genes.  What is drawn was tabulated by a job of its own (``treatments.csv``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.cluster.hierarchy import leaves_list, linkage

from bench.core.section import Section
from bench.reports._charts import INK, Spec, finished
from bench.reports._leaderboards import Leaderboard
from bench.reports._report import StudyReport
from bench.results.tables import Results

FILE = "treatments.csv"
MOST_PANELS = 30
MOST_TREATMENTS, MOST_LATENTS = 100, 60
"""Rows and columns of one picture: those that move most."""
NAMED, TALL, FLAT = 60, 12, 6
"""Up to so many rows are tall and named, of more every row is flat; heights in pixels."""
FAINTEST = 0.02
"""What is less opaque than this in both pictures is left out."""
UP, DOWN = "#2f7fd6", "#d9822b"

Floats = NDArray[np.floating[Any]]
Places = NDArray[np.int64]


class Moves(NamedTuple):
    """What is known of some treatments and latents; matrices are (treatment, latent)."""

    treatments: NDArray[np.str_]
    latents: Places
    """Counted from 0, as in every table."""
    embedding: Floats
    probability: Floats

    def at(self, rows: Places, columns: Places) -> "Moves":
        """These treatments and latents, in this order."""
        both = (matrix[np.ix_(rows, columns)] for matrix in (self.embedding, self.probability))
        return Moves(self.treatments[rows], self.latents[columns], *both)


@dataclass(frozen=True, kw_only=True)
class TreatmentHeatmap:
    """The treatments of one run."""

    leaderboard: Leaderboard
    run: str
    split: int
    seed: int
    known: Moves
    shown: Moves
    masked: bool
    """Whether the run has a mask: some probability is not 1."""
    farthest: float
    """The size of the entry that is opaque."""
    spec: Spec

    @property
    def likely(self) -> float:
        """Share of all entries that are more likely on than off."""
        return float((self.known.probability >= 0.5).mean())


def content(report: StudyReport) -> dict[str, Any]:
    """Heat maps of every run that knows treatments."""
    found = panels(report.results, report.leaderboards)
    return {"panels": found} if found else {}


def panels(results: Results, leaderboards: Sequence[Leaderboard]) -> list[TreatmentHeatmap]:
    """By leaderboard and run, best first; none where no run knows treatments."""
    found = []
    for one in leaderboards:
        files = results.files(one.dataset, one.task, FILE)
        found += [(one, row.run, files[row.run][0]) for row in one.rows if row.run in files]
    return [_panel(*each) for each in found[:MOST_PANELS]]


def arranged(known: Moves) -> Moves:
    """Those that move most, in the order of their clusters."""
    squared = known.embedding**2
    rows, columns = (
        _largest(squared.sum(1), MOST_TREATMENTS),
        _largest(squared.sum(0), MOST_LATENTS),
    )
    most = known.at(rows, columns)
    return most.at(clustered(most.embedding), clustered(most.embedding.T))


def clustered(rows: Floats) -> Places:
    """The order in which rows lie beside those they are like."""
    if len(rows) < 3:
        return np.arange(len(rows))
    tree = linkage(rows, "average", optimal_ordering=True)
    return np.asarray(leaves_list(tree), dtype=np.int64)


def _largest(sizes: Floats, most: int) -> Places:
    """So many of the largest, in the order they stand in."""
    return np.sort(np.argsort(-sizes, kind="stable")[:most])


def _panel(leaderboard: Leaderboard, run: str, path: Path) -> TreatmentHeatmap:
    """Of the first split and seed."""
    # A treatment called "NA" is a name and not a hole.
    table = pd.read_csv(path, dtype={"treatment": str}, keep_default_na=False)
    seed = int(table["seed"].min())
    known = _moves(table[table["seed"] == seed])
    shown, masked = arranged(known), bool((known.probability < 1).any())
    farthest = float(np.abs(shown.embedding).max(initial=0.0)) or 1.0
    where = f"{leaderboard.dataset}, {leaderboard.task}"
    words = f"Latents that treatments move, {run} on {where}"
    return TreatmentHeatmap(
        leaderboard=leaderboard,
        run=run,
        split=int(path.parts[-3]),
        seed=seed,
        known=known,
        shown=shown,
        masked=masked,
        farthest=farthest,
        spec=_picture(shown, farthest, masked, words),
    )


def _moves(table: pd.DataFrame) -> Moves:
    def matrix(column: str) -> pd.DataFrame:
        return table.pivot(index="treatment", columns="latent", values=column)

    embedding = matrix("embedding")
    treatments = embedding.index.to_numpy(dtype=str)
    latents = embedding.columns.to_numpy(dtype=np.int64)
    return Moves(treatments, latents, embedding.to_numpy(), matrix("mask_probability").to_numpy())


def _picture(shown: Moves, farthest: float, masked: bool, description: str) -> Spec:
    """Both pictures on one pair of axes, so that a treatment is one row."""
    import altair as alt

    n_rows, n_columns = shown.embedding.shape
    second = n_columns + max(1, n_columns // 20)
    starts = {0: "embedding"} | ({second: "probability of the mask"} if masked else {})
    base = _entries(shown, farthest, masked)
    sign = alt.condition("datum.size > 0", alt.value(UP), alt.value(DOWN))
    layers = [_frames(starts, n_columns), _at(base, shown, 0, "abs(datum.size)", sign)]
    if masked:
        layers.append(_at(base, shown, second, "datum.probability", alt.value(INK)))
    names = [("treatments", shown.treatments.tolist()), ("latents", shown.latents.tolist())]
    chart = alt.layer(*layers).add_params(*(alt.param(name=n, value=v) for n, v in names))
    height = n_rows * (TALL if n_rows <= NAMED else FLAT)
    return finished(chart, description, height=height)


def _entries(shown: Moves, farthest: float, masked: bool) -> Any:
    """A chart of the entries that can be seen, as text: a third the size of records."""
    import altair as alt

    size, probability = shown.embedding / farthest, shown.probability
    seen = np.maximum(np.abs(size), probability if masked else 0.0) >= FAINTEST
    row, column = np.nonzero(seen)
    columns = {"row": row, "column": column, "size": size[seen], "probability": probability[seen]}
    text = pd.DataFrame(columns).round(3).to_csv(index=False)
    parse = dict.fromkeys(columns, "number")
    data = alt.InlineData(values=text, format=alt.CsvDataFormat(type="csv", parse=parse))
    return alt.Chart(data).transform_calculate(
        treatment="treatments[datum.row]",
        latent="latents[datum.column]",
        embedding=f"format(datum.size * {farthest:.6g}, '.3g')",
    )


def _at(base: Any, shown: Moves, start: int, opacity: str, fill: Any) -> Any:
    """The rectangles of one picture, whose first column begins at ``start``."""
    import altair as alt

    ends = {"from": f"datum.column + {start}", "to": f"datum.column + {start + 1}"}
    chart = base.transform_calculate(**ends, opacity=opacity)
    named = len(shown.treatments) <= NAMED
    axis = alt.Axis(labels=named, labelFontSize=9, labelLimit=110, ticks=False, domain=False)
    y = alt.Y("treatment:N", sort=None, title=None, axis=axis)
    fields = ("treatment", "latent", "embedding", "probability")
    faint = alt.Scale(domain=[0, 1], range=[0, 1])
    return (
        chart.transform_filter(f"datum.opacity >= {FAINTEST}")
        .mark_rect()
        .encode(
            _x("from"),
            y.scale(domain=shown.treatments.tolist(), padding=0),
            x2="to:Q",
            fill=fill,
            fillOpacity=alt.FillOpacity("opacity:Q", scale=faint, legend=None),
            tooltip=[alt.Tooltip(f"{name}:N") for name in fields],
        )
    )


def _frames(starts: dict[int, str], n_columns: int) -> Any:
    """An outline around each picture, as most entries may be invisible, and its name above."""
    import altair as alt

    rows = [
        {"from": at, "to": at + n_columns, "said": name_text} for at, name_text in starts.items()
    ]
    base = alt.Chart(alt.Data(values=rows))
    outline = base.mark_rect(fill=None, stroke=INK, strokeOpacity=0.3).encode(
        _x("from"), x2="to:Q", y=alt.value(0), y2=alt.value("height")
    )
    name = base.mark_text(align="left", baseline="bottom", dy=-4, fill=INK, fontSize=11)
    return outline + name.encode(_x("from"), y=alt.value(0), text="said:N")


def _x(field: str) -> Any:
    import altair as alt

    return alt.X(f"{field}:Q", title=None, axis=None).scale(nice=False, zero=False, padding=1)


SECTION = Section(
    title="Which latents treatments move",
    order=110,
    content=content,
    needs=frozenset({FILE}),
)
