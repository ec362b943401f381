"""Contracts of the parameters that cards declare, and truths about how they are told."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

import pytest
from annotated_types import Ge, Lt

from bench import catalogue
from bench.planning.parameters import check, documented, parameters_of, parse
from bench.planning.shelves import NAMED_BY
from bench.training.config import TrainingConfig


@dataclass(frozen=True, kw_only=True)
class Example:
    """Every kind of parameter a card may declare."""

    width: Annotated[int, Ge(1), Lt(10)] = 2
    """How wide,
    over two lines."""
    rate: Annotated[float, Ge(0)] = 1
    kind: Literal["", "plain"] = ""
    sizes: tuple[int, ...] = (3,)
    on: bool = field(default=False)
    note: str | None = None
    path: str


def test_parameters_are_told_in_words() -> None:
    assert documented(Example) == [
        ("width", "2", "a whole number ≥ 1 and < 10", "How wide, over two lines."),
        ("rate", "1", "a number ≥ 0", ""),
        ("kind", '""', 'one of "", plain', ""),
        ("sizes", "[3]", "a list, each a whole number", ""),
        ("on", "false", "true or false", ""),
        ("note", "null", "text or null", ""),
        ("path", "required", "text", ""),
    ]
    assert [name for name, p in parameters_of(Example).items() if p.is_list] == ["sizes"]


def test_values_become_what_the_card_declares() -> None:
    checked = check(Example, {"path": "1e3", "sizes": [1, 2], "rate": "5e-1"}, "here")
    assert not isinstance(checked, list)
    assert checked.config == Example(path="1e3", sizes=(1, 2), rate=0.5)
    assert checked.values["sizes"] == [1, 2]
    assert type(checked.config) is Example


@pytest.mark.parametrize("shelf", ["data", "tasks", "models", "baselines", "readouts"])
def test_parameters_on_the_shelves_can_be_written_in_a_study(shelf: catalogue.Shelf) -> None:
    """No name has two meanings, and plain data makes the same configuration again."""
    taken = {NAMED_BY.get(shelf, ""), "run", "kind", "model", "label", "role", "dataset", "task"}
    taken |= {"split", *(parameters_of(TrainingConfig) if shelf == "models" else ())}
    for name in catalogue.names(shelf):
        config = catalogue.card(shelf, name).config
        known = parameters_of(config)
        assert not taken & set(known), f"{shelf}/{name}"
        required = {key: "x" for key, parameter in known.items() if parameter.required}
        checked = check(config, required, name)
        assert not isinstance(checked, list)
        assert config(**checked.values) == parse(config, checked.values) == config(**required)
