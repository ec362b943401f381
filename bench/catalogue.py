"""Maps names in a study to files and cards.  The only place where a string selects code."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from importlib.abc import ExecutionLoader, FileLoader
from importlib.util import decode_source, module_from_spec, spec_from_file_location
from pathlib import Path
from stat import S_ISREG
from types import ModuleType
from typing import Any, Literal

from bench.core.errors import mistake, suggestion, text_of
from bench.core.metric import Metric, MetricName
from bench.core.time_limit import TooLong, time_limit

Shelf = Literal[
    "data",
    "tasks",
    "models",
    "baselines",
    "readouts",
    "metrics",
    "trackers",
    "page_files",
    "reports",
]

CARDS: dict[Shelf, str] = {
    "data": "DATASET",
    "tasks": "TASK",
    "models": "VARIANT",
    "baselines": "BASELINE",
    "readouts": "READOUT",
    "metrics": "METRIC",
    "trackers": "TRACKER",
    "page_files": "PAGE_FILE",
    "reports": "SECTION",
}
"""The packages of contributions (shelves), and the name of the card in their files."""

IMPORT_SECONDS = 60.0
"""Time that the import of a user's file may take, with all that it imports."""

ROOT = Path(__file__).parent


RELATIVE = "paths are relative to the folder where snakemake runs"


def names(shelf: Shelf) -> list[str]:
    """Names of the files of a shelf, except those that start with an underscore."""
    return sorted(p.stem for p in (ROOT / shelf).glob("*.py") if not p.stem.startswith("_"))


def is_path(name: str) -> bool:
    """Whether a name in a study is the path of a user's file."""
    return name.endswith(".py")


def file_of(shelf: Shelf, name: str) -> Path:
    """The file with this name.  Raises UserError if there is none."""
    if not is_path(name):
        return _on_shelf(ROOT, shelf, name)
    if reason := why_no_file(name):
        raise mistake(shelf, name, reason, RELATIVE)
    return Path(name).expanduser().resolve()


def why_no_file(path: str) -> str:
    """Why a path of a study, which may start with ``~``, is no file; empty if it is one."""
    try:
        found = Path(path).expanduser()
        # Path.is_file raises for some of the errors that this raises for all of them.
        return "" if S_ISREG(found.stat().st_mode) else "is a folder or a device, not a file"
    except FileNotFoundError:
        return "no such file"
    except RuntimeError as error:
        return f"no such file: {error}"
    except (OSError, ValueError) as error:
        return f"cannot be read: {getattr(error, 'strerror', None) or error}"


# A plan of ten thousand runs asks a hundred thousand times.
@cache
def _on_shelf(root: Path, shelf: Shelf, name: str) -> Path:
    if name not in names(shelf):
        raise mistake(
            shelf, name, f"nothing on this shelf has that name; {suggestion(name, names(shelf))}"
        )
    return root / shelf / f"{name}.py"


def card(shelf: Shelf, name: str) -> Any:
    """The card of a file of a shelf, or of a user's file with the same kind of card."""
    path = file_of(shelf, name)
    module = _from_path(path) if is_path(name) else import_module(f"bench.{shelf}.{name}")
    if not hasattr(module, CARDS[shelf]):
        raise mistake(str(path), None, f"ends without a card: {CARDS[shelf]} = ... is missing")
    return getattr(module, CARDS[shelf])


def job(rule: str) -> Callable[..., None]:
    """The function of a rule of the workflow."""
    found: Callable[..., None] = getattr(import_module(f"bench.jobs.{rule}"), rule)
    return found


def metric(name: str) -> Metric:
    """A metric by its name in a study: a measure, or ``measure.view``.

    Raises UserError if there is no such measure or view.
    """
    return view_of(card("metrics", MetricName.parse(name).measure), name)


def view_of(found: Metric, name: str) -> Metric:
    """The view of a measure's card for the name of a metric.  Raises UserError if there is none."""
    measure, view = MetricName.parse(name)
    if view and view not in found.views:
        views = list(found.views)
        fix = suggestion(view, views, f"its views are: {', '.join(views) or 'none'}")
        raise mistake("metrics", name, f"{measure} has no view {view}", fix)
    return found.of_view(view)


def metric_file(name: str) -> Path:
    """The file of a metric by its name in a study, without an import."""
    return file_of("metrics", MetricName.parse(name).measure)


def metric_names() -> list[str]:
    """All views of all measures, by their names in studies and tables."""
    cards: dict[str, Metric] = {measure: card("metrics", measure) for measure in names("metrics")}
    return [str(MetricName(m, view)) for m, found in cards.items() for view in found.view_names]


def _from_path(path: Path) -> ModuleType:
    name = f"bench_user_{path.stem}"
    spec = spec_from_file_location(name, path, loader=_Uncached(name, str(path)))
    if spec is None or spec.loader is None:
        raise mistake(str(path), None, "not a Python file")
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    with _importing(path):
        spec.loader.exec_module(module)
    return module


class _Uncached(FileLoader, ExecutionLoader):
    """Ignores bytecode: Python's cache cannot detect a second edit within one second."""

    def get_source(self, fullname: str) -> str:
        return decode_source(Path(self.path).read_bytes())


@contextmanager
def _importing(path: Path) -> Iterator[None]:
    """Turn any exception during the import of a user's file into a message of one line.

    The file may import modules of its own folder, at any time: the folder remains on the path, at
    the end, where it hides no other module.
    """
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    folder = Path.cwd()
    try:
        with time_limit(IMPORT_SECONDS):
            yield
    except TooLong:
        reason = f"cannot be imported: {path} is still running after {IMPORT_SECONDS:g} s"
        fix = "what takes long belongs into a function"
        raise mistake(str(path), None, reason, fix) from None
    except (Exception, SystemExit) as error:
        raise mistake(
            str(path), None, f"cannot be imported: {type(error).__name__}: {text_of(error)}"
        ) from error
    finally:
        # Paths in a study are relative to the working directory of the command.
        os.chdir(folder)
