"""The readouts that a job computes for a run."""

from collections.abc import Mapping
from typing import Any

from bench.catalogue import card
from bench.core.readout import Readout

Asked = dict[str, tuple[Readout, Any]]
"""Readouts by name, each with its config."""


def asked(readouts: Mapping[str, Mapping[str, Any]]) -> Asked:
    """Readouts from their options by name."""
    cards = {name: card("readouts", name) for name in readouts}
    return {name: (one, one.config(**readouts[name])) for name, one in cards.items()}
