"""Few cells of each combination are told: how much do they add to what single treatments tell?

    combinations     test, validation and training cells in their shares, by combination; of the
                     last two only ``fraction`` is used, again by combination
    controls         test, validation and training cells in the same shares
    single ones      validation and training cells

The test cells of all combinations are scored, with the controls that effects need.  Validation
holds combinations in the same proportion as training does, so that nothing is chosen by what was
not told.  With the same split a larger ``fraction`` only adds cells.  At 0 a treatment that is
never given alone was not seen at all; the combinations it is part of are judged all the same.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt, Le, Lt
from numpy.typing import NDArray

from bench.core.dataset import CONTROL, CountData
from bench.core.errors import mistake
from bench.core.problem import TEST, TRAIN, UNUSED, Problem
from bench.core.task import Task
from bench.parts.cell_splits import roles, share_of
from bench.parts.perturbation_splits import (
    EFFECT_ANSWERS,
    EVERY_PART,
    REVEALED,
    Names,
    combinations_in,
    other_cells,
    perturbation_problem,
    refuse_few_cells,
)
from bench.parts.treatments import perturbations_in

FEWEST = 2
"""Combinations that must be judged: of one alone nobody can say which is which."""


@dataclass(frozen=True, kw_only=True)
class FewCombinationCellsConfig:
    """How much of the combinations is told, and shares of cells."""

    fraction: Annotated[float, Ge(0), Le(1)] = 0.5
    """Share of the training and validation cells of every combination that is used."""
    test: Annotated[float, Gt(0), Lt(1)] = 0.2
    """Share of the cells of every combination, and of the controls."""
    validation: Annotated[float, Gt(0), Lt(1)] = 0.16
    """Share of the cells of every perturbation, and of the controls."""


def pose(
    data: CountData, config: FewCombinationCellsConfig, split: int, rng: np.random.Generator
) -> Problem:
    """Roles by perturbation, by cell.  Raises with all perturbations of too few cells."""
    for_roles, for_fraction = rng.spawn(2)
    perturbation = data.labels["perturbation"]
    combined = np.isin(perturbation, combinations_in(perturbation))
    role = _roles(perturbation, combined, config, for_roles)
    used = share_of(np.char.add(perturbation, role.astype(str)), config.fraction, for_fraction)
    role[combined & (role != TEST) & ~used] = UNUSED
    return perturbation_problem(data, role, other_cells(perturbation, role))


def _roles(
    perturbation: Names,
    combined: NDArray[np.bool_],
    config: FewCombinationCellsConfig,
    rng: np.random.Generator,
) -> NDArray[np.int8]:
    """(cell,) roles if every cell were used."""
    combinations, others = (perturbations_in(perturbation[part]) for part in (combined, ~combined))
    if len(combinations) < FEWEST:
        raise mistake("combinations", None, f"there are {len(combinations)}, and {FEWEST} needed")
    for_tested, for_others = rng.spawn(2)
    role = np.full(len(perturbation), TRAIN, dtype=np.int8)
    tested, fractions = combined | (perturbation == CONTROL), {"validation": config.validation}
    if not tested.all():
        role[~tested] = roles(int((~tested).sum()), fractions, for_others, perturbation[~tested])
    fractions["test"] = config.test
    role[tested] = roles(int(tested.sum()), fractions, for_tested, perturbation[tested])
    needed = dict.fromkeys(combinations.tolist(), (TRAIN, TEST)) | {CONTROL: EVERY_PART}
    refuse_few_cells(perturbation, role, needed | dict.fromkeys(others.tolist(), (TRAIN,)))
    return role


TASK = Task(
    label="few combination cells",
    config=FewCombinationCellsConfig,
    pose=pose,
    needs=frozenset({"perturbation"}),
    tells=frozenset({"duplicate"}),
    asks=frozenset({"bounds", "latent", "effects", "treatment_latents"}),
    answers=EFFECT_ANSWERS,
    reveals=REVEALED,
    selects=True,
    ranked_by="effect_pearson",
    reference="Bereket and Karaletsos 2023, arXiv 2311.02794",
)
