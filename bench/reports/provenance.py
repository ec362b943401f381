"""Provenance: what the results were made from, with what, and when."""

from typing import Any

import yaml

from bench.core.section import Section
from bench.reports._report import StudyReport
from bench.results.statistics import N_RESAMPLES, SEED


def content(report: StudyReport) -> dict[str, Any]:
    """The record of the study, and the study as it was resolved."""
    resolved = dict(report.results.resolved)
    return {
        "name": report.results.study.get("name", ""),
        "provenance": report.results.provenance,
        "n_resamples": N_RESAMPLES,
        "seed": SEED,
        "resolved": yaml.safe_dump(resolved, sort_keys=False, allow_unicode=True, width=100),
    }


SECTION = Section(title="Provenance", order=150, content=content)
