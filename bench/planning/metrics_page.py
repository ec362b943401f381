"""``docs/metrics.md``, generated from the docstrings and cards of the metrics.

The page itself holds what is written by hand: an introduction per family of measures, and behind it
two marks.  Between these marks stand the measures of that family.
"""

import ast
import re
from collections.abc import Iterator
from math import isinf
from pathlib import Path
from textwrap import fill

from bench import catalogue
from bench.core.metric import Metric, MetricName

PAGE = Path(__file__).parents[2] / "docs/metrics.md"
MARKED = re.compile(r"(<!-- measures of (.+) -->\n).*?(<!-- end of \2 -->)", re.S)


def metrics_page(page: str) -> str:
    """The page with every family's measures between its marks.

    Raises ValueError where a measure's family has no marks.
    """
    measures = catalogue.names("metrics")
    cards: dict[str, Metric] = {name: catalogue.card("metrics", name) for name in measures}
    families = [match[2] for match in MARKED.finditer(page)]
    if lost := [measure for measure, card in cards.items() if card.family not in families]:
        raise ValueError(f"{PAGE.name} has no section for the family of {', '.join(lost)}")

    def between(match: re.Match[str]) -> str:
        mine = {measure: card for measure, card in cards.items() if card.family == match[2]}
        text = "\n\n".join("\n\n".join(_section(*entry)) for entry in mine.items())
        return f"{match[1]}\n{text}\n\n{match[3]}"

    return MARKED.sub(between, page)


def explanation(measure: str) -> str:
    """The docstring of a measure's file; its equations are indented, as code is in Markdown."""
    source = catalogue.file_of("metrics", measure).read_text(encoding="utf8")
    return ast.get_docstring(ast.parse(source)) or ""


def _section(measure: str, card: Metric) -> Iterator[str]:
    """The paragraphs on one measure."""
    yield f"### `{measure}`"
    if card.default:
        yield f"`{measure}` alone means `{measure}.{card.default}`."
    else:
        yield _facts(card)
    yield explanation(measure)
    if not card.default:
        yield fill(card.blind_to, 100, break_on_hyphens=False)
    yield f"Source: {card.reference}."
    if views := [name for name in card.view_names if name]:
        yield "\n".join(_table(measure, card, views))


def _table(measure: str, card: Metric, views: list[str]) -> Iterator[str]:
    yield "| view | direction, unit, range | what it is | what it is blind to |"
    yield "|---|---|---|---|"
    for name in views:
        view = card.of_view(name)
        source = "" if view.reference == card.reference else f" Source: {view.reference}."
        cells = (_facts(view), f"{card.views[name].description}{source}", view.blind_to)
        shown = " | ".join(cell.replace("|", "&#124;") for cell in cells)
        yield f"| `{MetricName(measure, name)}` | {shown} |"


def _facts(metric: Metric) -> str:
    low, high = (_number(bound) for bound in metric.bounds)
    shown = "" if metric.sound else " · never ranked by"
    return f"{metric.better} is better · {metric.unit} · {low} to {high}{shown}"


def _number(bound: float) -> str:
    if isinf(bound):
        return "∞" if bound > 0 else "−∞"
    return f"{bound:.3g}".replace("-", "−")
