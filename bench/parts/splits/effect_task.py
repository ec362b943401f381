"""The card of a task about effects of perturbations: what all of these tasks say alike."""

from typing import Any

from bench.core.task import Task, no_objections
from bench.parts.splits.label_levels import lacking_effects
from bench.parts.splits.perturbation_splits import EFFECT_CONTROLS, EFFECT_TARGETS, REVEALED


def effect_task(
    *,
    label: str,
    config: type,
    make_problem: Any,
    reference: str,
    objections: Any = no_objections,
    holds_out_treatments: bool = False,
) -> Task:
    """A task whose problems :func:`perturbation_problem` makes, ranked by ``effect_pearson``."""
    return Task(
        label=label,
        config=config,
        make_problem=make_problem,
        needs=frozenset({"perturbation"}),
        objections=lambda levels, config: [*lacking_effects(levels), *objections(levels, config)],
        holds_out_treatments=holds_out_treatments,
        adds=frozenset({"duplicate"}),
        readouts=frozenset({"bounds", "latent", "effects", "treatment_latents"}),
        targets=EFFECT_TARGETS,
        truths=REVEALED,
        selects=True,
        ranked_by="effect_pearson",
        controls=EFFECT_CONTROLS,
        reference=reference,
    )
