"""The card a tracker file ends with."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Tracker:
    """A tool in which people follow experiments; a study that is done can be mirrored to it.

    The card a file in ``bench/trackers`` ends with, under the name ``TRACKER``.
    """

    label: str
    config: type
    mirror: Callable[[Path, Path, Any], dict[str, Any]]
    """(the study's folder, the tracker's own folder in it, config) -> what was written where, as
    plain JSON.  Called again it replaces what it wrote before."""
    libraries: tuple[str, ...] = ()
    """Modules it imports that do not come with this package."""
    install: str = "pip install -e '.[trackers]'"
    """What brings them."""
    reference: str

    def missing(self) -> list[str]:
        """Those of its libraries that are not installed; none is imported to find out."""
        return [name for name in self.libraries if not _installed(name)]


def _installed(name: str) -> bool:
    spec = find_spec(name)
    # A mere folder of that name, such as the ./wandb that W&B leaves behind, has no origin.
    return spec is not None and spec.origin is not None
