"""Shared functions of baselines that predict effects; effects are (perturbation, gene)."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.core.baseline import FittedBaseline
from bench.core.problem import Problem
from bench.parts.perturbations.effects import scored_perturbations
from bench.parts.perturbations.treatments import treatments_of

Floats = NDArray[np.floating[Any]]
Names = NDArray[np.str_]
Effects = Callable[[Names], Floats]


def predicted_effects(fitted: FittedBaseline, problem: Problem) -> Floats:
    """The effects of a baseline for the scored perturbations."""
    return fitted.answer("perturbed")(scored_perturbations(problem))


def treatments_in(perturbations: Names) -> tuple[str, ...]:
    """The treatments in these perturbations, in alphabetical order."""
    return tuple(sorted({t for name in perturbations.tolist() for t in treatments_of(name)}))


def dosage_table(perturbations: Names, treatments: Sequence[str]) -> Floats:
    """(perturbation, treatment) dosages; ignores other treatments."""
    parts = [treatments_of(name) for name in perturbations.tolist()]
    dosages = np.array([[part.get(t, 0.0) for t in treatments] for part in parts])
    return dosages.reshape(len(parts), len(treatments))


def same_for_all(effect: Floats) -> Effects:
    """The same (gene,) effect for every perturbation."""
    return lambda names: np.broadcast_to(effect, (len(names), len(effect)))


def known_beforehand(problem: Problem, truth: str) -> Effects:
    """Effects of the scored perturbations that only a ceiling receives.

    Raises ValueError for other perturbations.
    """
    names, effect = scored_perturbations(problem), problem.truth[truth]
    row_of = {name: row for row, name in enumerate(names.tolist())}

    def effects(asked: Names) -> Floats:
        if unknown := sorted(set(asked.tolist()) - set(row_of)):
            raise ValueError(f"{truth} holds the scored perturbations, not {', '.join(unknown)}")
        return np.asarray(effect[[row_of[name] for name in asked.tolist()]])

    return effects
