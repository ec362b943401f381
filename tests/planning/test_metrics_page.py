"""The page on metrics: what is written by hand stays, what is generated is all there."""

import re

import pytest

from bench.catalogue import metric_names, names
from bench.planning.metrics_page import PAGE, metrics_page

TEXT = PAGE.read_text(encoding="utf8")


def test_the_text_between_the_marks_is_replaced_and_no_other() -> None:
    emptied = re.sub(r"(<!-- measures of [^>]+ -->\n).*?(?=<!-- end of )", r"\1", TEXT, flags=re.S)
    assert len(emptied) < len(TEXT) / 2
    assert metrics_page(f"By hand.\n{emptied}") == f"By hand.\n{TEXT}"


def test_every_measure_has_a_section_and_every_named_view_a_row() -> None:
    page = metrics_page(TEXT)
    for measure in names("metrics"):
        assert page.count(f"\n### `{measure}`\n") == 1, measure
    for name in metric_names():
        if "." in name:
            assert page.count(f"\n| `{name}` |") == 1, name


def test_a_measure_whose_family_has_no_marks_is_refused() -> None:
    page = TEXT.replace("of masked entries -->", "of entries -->")
    with pytest.raises(ValueError, match="no section for the family of imputation_loss"):
        metrics_page(page)
