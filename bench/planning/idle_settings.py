"""Settings of a study that cannot act, such as a patience longer than the training.

They are no mistakes: the study runs, and ``check`` says what will not happen.
"""

from collections.abc import Iterable, Iterator, Mapping
from math import ceil, inf, isfinite
from typing import Any

from bench.planning.entries import Entry
from bench.planning.study import Study
from bench.training.config import FULL_BATCH


def idle_settings(study: Study) -> list[str]:
    """One sentence for each setting that the study gives and that cannot act."""
    cells = _largest_dataset(study.datasets)
    entries = (*study.runs, *(search.entry for search in study.searches))
    found = (line for entry in entries if entry.training for line in _of_run(entry, cells))
    return list(dict.fromkeys(found))


def _of_run(entry: Entry, cells: float) -> Iterator[str]:
    training, given = entry.training, entry.given
    epochs = training["max_epochs"]
    for key, reason in _reasons(training, cells):
        if key in given:
            yield f"{entry.place}.{key} is {training[key]}: {reason}, with max_epochs {epochs}"


def _reasons(training: Mapping[str, Any], cells: float) -> Iterator[tuple[str, str]]:
    epochs, steps = training["max_epochs"], _most_steps(training, cells)
    if training["patience"] >= epochs:
        yield "patience", "no replicate stops early, and each still restores its best weights"
    if training["restart_epochs"] >= epochs:
        yield "restart_epochs", "there is no restart"
    if training["lr_decay"] < 1 and training["lr_decay_epochs"] >= epochs:
        yield "lr_decay", f"the first decay would follow after {training['lr_decay_epochs']} epochs"
    if training["kl_warmup_steps"] > steps:
        yield "kl_warmup_steps", f"training has at most {steps:.0f} steps"


def _most_steps(training: Mapping[str, Any], cells: float) -> float:
    """Maximum number of steps, if all cells of the largest dataset were training cells."""
    size = training["batch_size"]
    if size == FULL_BATCH:
        return float(training["max_epochs"])
    return training["max_epochs"] * ceil(cells / size) if isfinite(cells) else inf


def _largest_dataset(datasets: Iterable[Entry]) -> float:
    """Number of cells; infinite if a dataset does not say it."""
    return max((float(one.values.get("n_cells", inf)) for one in datasets), default=inf)
