"""Labels that determine each other are said, and types of few cells."""

import numpy as np
import pytest

from bench.parts.splits.confounding import confounded, small_levels


def labels(**values: str) -> dict[str, np.ndarray]:
    return {name: np.array(list(text), dtype=str) for name, text in values.items()}


@pytest.mark.parametrize(
    ("batch", "cell_type", "words"),
    [
        ("aabb", "TTBB", "every batch is one cell type and the reverse"),
        ("aabbcc", "TTBBBB", "every batch has cells of one cell type only"),
        ("aabbbb", "TTBBCC", "every cell type has cells of one batch only"),
    ],
)
def test_labels_that_determine_each_other_are_said(batch: str, cell_type: str, words: str) -> None:
    [said] = confounded(labels(batch=batch, cell_type=cell_type))
    assert said.startswith(words)


@pytest.mark.parametrize(
    ("batch", "cell_type"), [("aabb", "TBTB"), ("aaaa", "TTBB"), ("aabb", "TTTT"), ("", "")]
)
def test_crossed_and_single_labels_are_not(batch: str, cell_type: str) -> None:
    assert not list(confounded(labels(batch=batch, cell_type=cell_type)))


def test_cells_without_a_label_do_not_hide_it() -> None:
    values = labels(batch="aabbab", perturbation="ccdd  ")
    values["perturbation"] = np.char.strip(values["perturbation"])
    values["cell_type"] = np.array(["T", "unknown", "B", "unknown", "unknown", "unknown"])
    said = list(confounded(values))
    assert [one.partition(" is")[0] for one in said] == ["every batch"] * 2 + ["every cell type"]


def test_types_of_few_cells_are_said() -> None:
    values = {"cell_type": np.array(["T"] * 10 + ["B"] * 9 + ["unknown"] * 3)}
    [said] = small_levels(values)
    assert said.startswith("1 of 2 cell types have fewer than 10 scored cells")
    assert said.endswith(": B")
    assert not list(small_levels({"cell_type": np.array(["T"] * 10)}))


def test_batches_of_few_cells_are_said() -> None:
    [said] = small_levels({"batch": np.array(["a"] + ["b"] * 20)})
    assert said.startswith("1 of 2 batches have fewer than 10 scored cells")
