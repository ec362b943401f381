"""The shelves as a study names them: the key of each, and the kind of its cards."""

from typing import Any

from bench.catalogue import Shelf
from bench.core.baseline import Baseline
from bench.core.dataset import Dataset
from bench.core.metric import Metric
from bench.core.readout import Readout
from bench.core.task import Task
from bench.core.tracker import Tracker
from bench.core.variant import Variant

NAMED_BY: dict[Shelf, str] = {
    "data": "dataset",
    "tasks": "task",
    "models": "variant",
    "baselines": "baseline",
    "trackers": "tracker",
}
"""The key under a label that names the contribution; without this key the label names it."""

KINDS: dict[Shelf, type[Any]] = {
    "data": Dataset,
    "tasks": Task,
    "models": Variant,
    "baselines": Baseline,
    "readouts": Readout,
    "metrics": Metric,
    "trackers": Tracker,
}
"""The class of the cards on each shelf."""
