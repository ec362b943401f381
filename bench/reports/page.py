"""The page: one file that opens from disk and asks nothing of any network."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from bench.core.files import write_text
from bench.parts.scoring import projection
from bench.reports import (
    answer,
    curves,
    differences,
    effects,
    failures,
    figures,
    perturbation_strips,
    projections,
    search,
    treatment_heatmaps,
    wording,
)
from bench.reports.comparisons import AverageRank, Contest, average_ranks, contest
from bench.reports.standings import Board, Standing, boards
from bench.results.statistics import (
    CONFIDENCE,
    N_RESAMPLES,
    SEED,
    Estimate,
    most_covered,
    smallest_p_value,
)
from bench.results.tables import Results, read

TEMPLATE = Path(__file__).parent / "template"
MOST_ROWS = 100
"""Rows of one leaderboard, and of the table of failed runs."""
MOST_MATCHED = 25
"""VAEs shown against every baseline, for one leaderboard."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """The further metrics of one leaderboard."""

    metrics: list[dict[str, Any]]
    rows: list[tuple[Standing, list[tuple[Estimate, int] | None]]]
    """A run, and per metric its estimate with the decimals to show; none where not scored."""


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One leaderboard with everything the page says of it."""

    board: Board
    key: str
    decimals: int
    lead: answer.Lead
    contest: Contest
    sound: Table
    as_published: Table
    scores: figures.Spec
    costs: figures.Spec | None


@dataclass(frozen=True, kw_only=True)
class Task:
    """The panels of one task, and the ranks over its datasets where there are several."""

    name: str
    key: str
    panels: list[Panel]
    ranks: list[AverageRank]

    def controls(self, kind: Literal["floor", "ceiling"]) -> list[str]:
        """The runs that scores are scaled from, or to, on one dataset or another."""
        found = [p.board.floor if kind == "floor" else p.board.ceiling for p in self.panels]
        return sorted({control.run for control in found if control})


def render(folder: Path, output: Path, drawn: Sequence[Path] = ()) -> None:
    """Read a study's folder, and what was made of its runs for the page, and write the page."""
    write(read(folder, drawn), output)


def write(results: Results, output: Path) -> None:
    """Write the page of these results."""
    write_text(Path(output), compose(results))


def compose(results: Results) -> str:
    """The page as text."""
    study, tasks = results.provenance.get("study", {}), _tasks(results)
    panels = [panel for task in tasks for panel in task.panels]
    shown = [panel.board for panel in panels]
    page = _environment().get_template("page.html")
    return page.render(
        results=results,
        study=study,
        title=study.get("title") or study.get("name") or "Study",
        tasks=tasks,
        panels=panels,
        answer=answer.paragraph([p.lead for p in panels], [p.contest for p in panels]),
        curves=curves.panels(results, shown),
        searches=search.panels(results, shown),
        differences=differences.panels(results, shown),
        projections=projections.panels(results, shown),
        perturbations=perturbation_strips.panels(results, shown),
        treatments=treatment_heatmaps.panels(results, shown),
        effects=effects.panels(results, shown),
        failures=failures.failures(results),
        tally=_tally(results),
        resolved=_resolved(results),
        most_rows=MOST_ROWS,
        most_matched=MOST_MATCHED,
        most_panels=curves.MOST_PANELS,
        most_drawn=figures.MOST_RUNS,
        most_trials=search.MOST_TRIALS,
        most_projected=projections.MOST_RUNS,
        most_cells=projection.MOST_CELLS,
        most_perturbations=perturbation_strips.MOST_ROWS,
        well=perturbation_strips.WELL,
        draw_seed=projection.SEED,
        faintest=projections.FAINTEST,
        confidence=round(100 * CONFIDENCE),
        n_resamples=N_RESAMPLES,
        seed=SEED,
        style=Markup((TEMPLATE / "page.css").read_text(encoding="utf8")),
        script=Markup(_script()),
    )


def _tasks(results: Results) -> list[Task]:
    found: dict[str, list[Panel]] = {}
    for number, board in enumerate(boards(results)):
        found.setdefault(board.task, []).append(_panel(results, board, f"p{number}"))
    return [
        Task(name=name, key=f"task-{number}", panels=panels, ranks=_ranks(panels))
        for number, (name, panels) in enumerate(found.items())
    ]


def _ranks(panels: Sequence[Panel]) -> list[AverageRank]:
    return average_ranks([panel.board for panel in panels]) if len(panels) > 1 else []


def _panel(results: Results, board: Board, key: str) -> Panel:
    return Panel(
        board=board,
        key=key,
        decimals=answer.decimals(board),
        lead=answer.lead(board),
        contest=contest(board),
        sound=_further(results, board, True),
        as_published=_further(results, board, False),
        scores=figures.scores(board),
        costs=figures.costs(board),
    )


def _further(results: Results, board: Board, sound: bool) -> Table:
    """Every other metric, the sound ones or those kept as they were published."""
    scored = sorted({name for standing in board.standings for name in standing.others})
    names = [name for name in scored if results.sound(name) is sound]
    places = {name: _places([s.others.get(name) for s in board.standings]) for name in names}
    columns = ("label", "better", "unit", "reference")
    return Table(
        metrics=[{"metric": n} | {c: results.fact(n, c) for c in columns} for n in names],
        rows=[
            (s, [(s.others[n], places[n]) if n in s.others else None for n in names])
            for s in board.standings[:MOST_ROWS]
            if s.others
        ],
    )


def _places(estimates: Sequence[Estimate | None]) -> int:
    known = [found for found in estimates if found]
    halves = [(found.high - found.low) / 2 for found in known]
    return wording.decimals_for(halves, [found.mean for found in known])


def _tally(results: Results) -> dict[str, int]:
    plan = results.plan
    units = results.runs
    trials = plan["run"].isin(results.search["run"])
    return {
        "datasets": plan["dataset"].nunique(),
        "tasks": plan["task"].nunique(),
        "models": plan.loc[(plan["kind"] == "models") & ~trials, "run"].nunique(),
        "searches": results.search["search"].nunique(),
        "baselines": plan.loc[plan["kind"] != "models", "run"].nunique(),
        "splits": plan["split"].nunique(),
        "seeds": results.n_seeds,
        "planned": len(plan) * results.n_seeds,
        "ok": int((units["status"] == "ok").sum()),
    }


def _resolved(results: Results) -> str:
    resolved = results.provenance.get("study", {}).get("resolved", {})
    return yaml.safe_dump(resolved, sort_keys=False, allow_unicode=True, width=100)


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    names = ("number", "signed", "seconds", "p_value", "heading", "listing", "plural", "fact")
    environment.filters |= {name: getattr(wording, name) for name in names}
    environment.filters["as_data"] = as_data
    environment.globals |= {"interval": wording.interval, "smallest_p_value": smallest_p_value}
    environment.globals["most_covered"] = most_covered
    return environment


def as_data(content: Any) -> Markup:
    """JSON that may stand inside a ``<script>`` element."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("<", "\\u003c"))


@cache
def _script() -> str:
    """Vega with what draws it, and the page's own few lines; no address is ever loaded."""
    import vl_convert

    bundle = vl_convert.javascript_bundle("window.vegaEmbed=vegaEmbed;", vl_version="6.4")
    own = (TEMPLATE / "page.js").read_text(encoding="utf8")
    return f"{bundle}\n{own}".replace("</script", "<\\/script")
