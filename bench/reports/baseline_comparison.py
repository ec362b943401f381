"""VAEs against baselines: which VAE is better than which baseline, and how sure that is."""

from typing import Any

from bench.core.section import Section
from bench.reports._report import StudyReport
from bench.results.statistics import smallest_p_value

MOST_VAES = 25
"""VAEs shown against every baseline, for one leaderboard."""


def content(report: StudyReport) -> dict[str, Any]:
    """A table of differences and one of p-values per leaderboard."""
    return {
        "tasks": report.tasks,
        "comparisons": report.comparisons,
        "most_vaes": MOST_VAES,
        "smallest_p_value": smallest_p_value(report.counts.units),
    }


SECTION = Section(title="VAEs against baselines", order=20, content=content)
