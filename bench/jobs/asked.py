"""The readouts that a job computes for a run."""

from collections.abc import Mapping
from typing import Any

from bench.catalogue import card


def asked(readouts: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Readouts with their configs by name, from their options by name."""
    cards = {name: card("readouts", name) for name in readouts}
    return {name: (one, one.config(**readouts[name])) for name, one in cards.items()}
