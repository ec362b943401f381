"""The card a section of the report ends with."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Context = Mapping[str, Any]
"""What a template is given, by name."""


def _no_links(context: Context) -> Sequence[tuple[str, str]]:
    return ()


def _no_count(context: Context) -> int:
    return 0


@dataclass(frozen=True, kw_only=True)
class Section:
    """A section of the report.

    The card a file in ``bench/reports`` ends with, under the name ``SECTION``.  The name of the
    file is the key of the section: its ``id`` on the page, and its template is
    ``bench/reports/template/<key>.html``.
    """

    title: str
    """Its heading, and its entry in the contents."""
    order: int
    """Sections are shown in ascending order; of equal ones the key decides."""
    content: Callable[[Any], Context]
    """(:class:`bench.reports._report.StudyReport`) -> what its template is given beside ``key``;
    empty where there is nothing to show: the section is left out."""
    needs: frozenset[str] = frozenset()
    """What the section is left out without: tables of the study (``search``) that have rows, and
    files of single runs by their names (``treatments.csv``), see :mod:`bench.core.page_file`."""
    links: Callable[[Context], Sequence[tuple[str, str]]] = _no_links
    """What its template is given -> entries below it in the contents: ids and texts."""
    count: Callable[[Context], int] = _no_count
    """What its template is given -> a number beside its entry in the contents; 0 is not shown."""
