"""``run.yaml``: the settings of the jobs of a run and of their child processes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from bench.core.files import write_text
from bench.results.layout import SETTINGS

try:
    from yaml import CSafeDumper as Dumper
    from yaml import CSafeLoader as Loader
except ImportError:  # PyYAML without its C library: the same, more slowly
    from yaml import SafeDumper as Dumper  # type: ignore[assignment]
    from yaml import SafeLoader as Loader  # type: ignore[assignment]


def write_settings(folder: Path, settings: Mapping[str, Any]) -> None:
    """Write settings into the folder of a run, unless the file already has them."""
    text = yaml.dump(dict(settings), Dumper=Dumper, sort_keys=False, allow_unicode=True)
    path = Path(folder) / SETTINGS
    if not path.is_file() or path.read_bytes() != text.encode():
        write_text(path, text)


def read_settings(folder: Path) -> dict[str, Any]:
    """The settings of the run in a folder."""
    return dict(yaml.load((Path(folder) / SETTINGS).read_text(encoding="utf8"), Loader=Loader))
