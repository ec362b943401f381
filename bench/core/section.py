"""The card at the end of a section of the report."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Context = Mapping[str, Any]
"""Variables of a template, by name."""


def _no_links(context: Context) -> Sequence[tuple[str, str]]:
    return ()


def _no_count(context: Context) -> int:
    return 0


@dataclass(frozen=True, kw_only=True)
class Section:
    """A section of the report.

    Every file in ``bench/reports`` ends with such a card, named ``SECTION``.  The name of the file
    is the key of the section and its ``id`` on the page; its template is
    ``bench/reports/template/<key>.html``.
    """

    title: str
    """Its heading, and its entry in the table of contents."""
    order: int
    """Sections are in ascending order, ties in the order of keys."""
    content: Callable[[Any], Context]
    """(:class:`bench.reports._report.StudyReport`) -> the variables of its template in addition
    to ``key``; if empty, the report omits the section."""
    needs: frozenset[str] = frozenset()
    """Required data, without which the report omits the section: tables of the study (``search``)
    with rows, and files of single runs (``treatments.csv``), see :mod:`bench.core.page_file`."""
    links: Callable[[Context], Sequence[tuple[str, str]]] = _no_links
    """Variables of the template -> subentries in the table of contents: ids and texts."""
    count: Callable[[Context], int] = _no_count
    """Variables of the template -> the number at its entry in the contents; 0 is not shown."""
