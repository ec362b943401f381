"""The card at the end of a tracker file."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Tracker:
    """An experiment-tracking tool, to which a finished study can be exported.

    Every file in ``bench/trackers`` ends with such a card, named ``TRACKER``.
    """

    label: str
    config: type
    mirror: Callable[[Path, Path, Any], dict[str, Any]]
    """(folder of the study, folder of the tracker in it, config) -> a description of the export as
    plain JSON.  A repeated export replaces the earlier one."""
    libraries: tuple[str, ...] = ()
    """Imported modules that are not dependencies of this package."""
    install: str = "pip install -e '.[trackers]'"
    """The command that installs them."""
    reference: str

    def missing(self) -> list[str]:
        """Its libraries that are not installed; checks without an import."""
        return [name for name in self.libraries if not _installed(name)]


def _installed(name: str) -> bool:
    spec = find_spec(name)
    # A plain folder of that name, such as the ./wandb that W&B writes, has no origin.
    return spec is not None and spec.origin is not None
