"""``run.yaml``: all that the jobs of a run are given, and all that their children read."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from bench.core.files import write_text
from bench.results.layout import SETTINGS

DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def write_settings(folder: Path, settings: Mapping[str, Any]) -> None:
    """Write settings into a run's folder, unless they stand there already."""
    text = yaml.dump(dict(settings), Dumper=DUMPER, sort_keys=False, allow_unicode=True)
    path = Path(folder) / SETTINGS
    if not path.is_file() or path.read_bytes() != text.encode():
        write_text(path, text)


def read_settings(folder: Path) -> dict[str, Any]:
    """The settings of the run in a folder."""
    return dict(yaml.load((Path(folder) / SETTINGS).read_text(encoding="utf8"), Loader=LOADER))
