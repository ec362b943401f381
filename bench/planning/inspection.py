"""What the data of a study are like, found before any job: sizes, labels, minutes and disk."""

import os
from collections.abc import Iterator, Mapping
from typing import Any

from bench import catalogue
from bench.core.dataset import Description
from bench.core.errors import Finding, UserError
from bench.planning.descriptions import Descriptions
from bench.planning.estimate import Size, estimate, speed_here
from bench.planning.parameters import parse
from bench.planning.plan_record import Plan


def descriptions(plan: Plan, described: Descriptions) -> dict[str, Description | None]:
    """A description of every dataset by label.

    Raises one :class:`UserError` with the mistakes of all datasets.
    """
    found, findings = dict[str, Description | None](), list[Finding]()
    for label, row in plan.datasets.items():
        place = f"datasets.{label}"
        try:
            found[label] = one = _described(label, row, described)
        except UserError as error:
            mistakes = error.findings
        else:
            mistakes = one.findings if one else ()
        findings += [_inside(place, row["config"], finding) for finding in mistakes]
    if findings:
        count = "1 problem" if len(findings) == 1 else f"{len(findings)} problems"
        raise UserError(f"{count} in the data of the study {plan.name}:", findings)
    return found


def inspection(plan: Plan, found: Mapping[str, Description | None]) -> Iterator[str]:
    """The lines of ``check`` about data and costs."""
    for label, row in plan.datasets.items():
        one = found[label]
        size = f"{one.n_cells:,} cells × {one.n_genes:,} genes; " if one else ""
        yield f"  dataset {label}: {size}provides {', '.join(row['provides'])}"
        yield from (f"    {line}" for line in (one.lines if one else ()))


def costs(plan: Plan, found: Mapping[str, Description | None]) -> str:
    """Minutes and disk in one line."""
    sizes = {label: Size(one.n_cells, one.n_genes) for label, one in found.items() if one}
    cores = len(os.sched_getaffinity(0))
    needed = estimate(plan, sizes, cores, speed_here())
    minutes = f"{needed.minutes:,.0f} minutes" if needed.minutes >= 1.5 else "one minute"
    disk = f"{max(1.0, needed.megabytes):,.0f} MB"
    lacking = [label for label, one in found.items() if not one]
    unknown = f", without {', '.join(lacking)}" if lacking else ""
    counted = "1 core" if cores == 1 else f"{cores} cores"
    return f"about {minutes} on the {counted} of this machine, and {disk} of disk{unknown}"


def _described(label: str, row: Mapping[str, Any], known: Descriptions) -> Description | None:
    card = catalogue.card("data", row["dataset"])
    return known.of(label, card, parse(card.config, row["config"]))


def _inside(place: str, keys: Mapping[str, Any], finding: Finding) -> Finding:
    """The finding with the path of its key, or of the dataset if it is about the file."""
    joint = "." if finding.place.partition(".")[0] in keys else ": "
    return finding._replace(place=f"{place}{joint}{finding.place}")
