"""The page: one file that opens from disk and asks nothing of any network.

Its sections are the files of this folder without an underscore, in the order of their cards.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from bench.catalogue import card, names
from bench.core.files import write_text
from bench.core.section import Section
from bench.reports import _wording
from bench.reports._report import StudyReport
from bench.results.statistics import CONFIDENCE
from bench.results.tables import Results, read

TEMPLATES = Path(__file__).parent / "template"


@dataclass(frozen=True, kw_only=True)
class ShownSection:
    """A section that has something to show, rendered."""

    key: str
    title: str
    count: int
    links: Sequence[tuple[str, str]]
    body: Markup


def render(folder: Path, output: Path, page_files: Sequence[Path] = ()) -> None:
    """Read a study's folder, and what was made of its runs for the page, and write the page."""
    write_text(Path(output), compose(read(folder, page_files)))


def compose(results: Results) -> str:
    """The page as text."""
    report = StudyReport(results)
    environment = _environment(report)
    return environment.get_template("page.html").render(
        title=results.study.get("title") or results.study.get("name") or "Study",
        sections=list(shown_sections(report, environment)),
        style=Markup((TEMPLATES / "page.css").read_text(encoding="utf8")),
        script=Markup(_script()),
    )


def section_cards() -> dict[str, Section]:
    """All sections by their keys, in the order of the page."""
    cards: dict[str, Section] = {name: card("reports", name) for name in names("reports")}
    return dict(sorted(cards.items(), key=lambda item: (item[1].order, item[0])))


def shown_sections(report: StudyReport, environment: Environment) -> Iterator[ShownSection]:
    """The sections that have something to show; each template is given what its section says."""
    for key, section in section_cards().items():
        context = section.content(report) if all(map(report.results.has, section.needs)) else {}
        if context:
            body = environment.get_template(f"{key}.html").render({"key": key, **context})
            yield ShownSection(
                key=key,
                title=section.title,
                count=section.count(context),
                links=section.links(context),
                body=Markup(body),
            )


def _environment(report: StudyReport) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters = ("number", "signed", "seconds", "p_value", "heading", "listing", "plural", "fact")
    environment.filters |= {name: getattr(_wording, name) for name in filters}
    environment.filters["as_data"] = as_data
    environment.globals |= {
        "interval": _wording.interval,
        "counts": report.counts,
        "confidence": round(100 * CONFIDENCE),
    }
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
    own = (TEMPLATES / "page.js").read_text(encoding="utf8")
    return f"{bundle}\n{own}".replace("</script", "<\\/script")
