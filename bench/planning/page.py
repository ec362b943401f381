"""What a plan says of the report: which tables are made of single runs for it, and its sources."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from bench import catalogue
from bench.core.page_file import PageFile
from bench.planning import fingerprint

if TYPE_CHECKING:
    from bench.planning.entries import Entry
    from bench.planning.matching import Match
    from bench.planning.study import Study

TEMPLATES = "reports/template"
"""Where the templates of sections lie, below the package."""


def page_file_cards() -> dict[str, PageFile]:
    """All tables that can be made of a run for the report, by the names of their files."""
    cards = {name: catalogue.card("page_files", name) for name in catalogue.names("page_files")}
    return {f"{name}.{card.format}": card for name, card in cards.items()}


def page_files_of(
    cards: Mapping[str, PageFile], study: "Study", task: "Entry", match: "Match", split: int
) -> list[str]:
    """The files that can be made of a run on one split."""
    given = [study.readouts[name].card.arrays for name in match.readouts]
    arrays = task.card.targets.union(*given)
    made = {file: card for file, card in cards.items() if split == 1 or card.splits == "all"}
    return [file for file, card in made.items() if card.needs <= arrays]


def page_file_code(file: str) -> str:
    """The digest of the sources that make a file of a run."""
    name = file.rpartition(".")[0]
    return fingerprint.code_of("make_page_file", catalogue.file_of("page_files", name))


def report_code() -> str:
    """The digest of the sources of the report: its sections and their templates among them."""
    sections = [catalogue.file_of("reports", name) for name in catalogue.names("reports")]
    templates = sorted((catalogue.ROOT / TEMPLATES).iterdir())
    return fingerprint.code_of("report", *sections, *templates)
