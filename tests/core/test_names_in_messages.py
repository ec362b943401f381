"""Names of users in messages, tables and paths."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from bench.core.errors import LONGEST_NAME, listed
from bench.core.metric import NotApplicable
from bench.jobs.make_page_file import _write
from bench.metrics.knn_purity import score


def test_names_are_printable_and_not_too_long() -> None:
    assert listed(["a\nb", "tab\t", "é"]) == "a\\nb, tab\\t, é"
    assert listed(["x" * 5000]) == "x" * LONGEST_NAME + "…"


def test_texts_of_a_table_are_no_formulas(tmp_path: Any) -> None:
    path = tmp_path / "treatments.csv"
    _write(pd.DataFrame({"name": ["=cmd|A0", "A"], "value": [-1.5, 2.0]}), path)
    assert path.read_text() == "name,value\n'=cmd|A0,-1.5\nA,2\n"


def test_purity_needs_two_cells_of_a_type() -> None:
    index = np.array([[1], [0]])
    with pytest.raises(NotApplicable):
        score(neighbour_index=index, cell_type=np.array(["a", "b"]))
