"""Whether a variant's importance weights agree with its ledger.

    E_q[log w_i] = - sum of the cell's local terms + slack_i, in expectation over the noise

because both are the evidence lower bound of the cell.  A weight from which a KL is left out is too
large by that KL; the importance-weighted bounds of such a model would beat every honest one.
"""

from collections.abc import Callable, Mapping, Sequence
from math import inf, sqrt
from typing import NamedTuple

import torch
from torch import Tensor

from bench.core.ledger import LossTerms, elbo


class Mismatch(NamedTuple):
    """How far weights and ledger are apart, nats per cell."""

    mean: float
    """Mean over cells and draws of log w minus the ELBO of the ledger."""
    error: float
    """Monte-Carlo standard error of the mean, over draws."""

    @property
    def z(self) -> float:
        """The distance in standard errors; 0 where both are exact and equal."""
        return self.mean / self.error if self.error else (inf if self.mean else 0.0)


ROUNDING = 1e-4
"""Nats per cell that single precision may be off, for each nat of the bound."""

MOST_ERRORS = 6.0
"""Standard errors that agreement may be off: less than 1e-8 of normal deviates are further out."""


def mismatch(
    ledger: Callable[[Mapping[str, Tensor]], LossTerms], draws: Sequence[Mapping[str, Tensor]]
) -> Mismatch:
    """The mismatch over these draws of a pass's noise; ``ledger`` gives (cell,) terms."""
    gaps = []
    with torch.no_grad():
        for noise in draws:
            terms = ledger(noise)
            gap = terms.log_weight - elbo(terms)
            for slack in terms.slack.values():
                gap = gap - slack
            gaps.append(float(gap.double().mean()))
    found = torch.tensor(gaps, dtype=torch.float64)
    return Mismatch(float(found.mean()), float(found.std()) / sqrt(len(gaps)))


def disagrees(found: Mismatch, size: float) -> bool:
    """Whether a mismatch is beyond chance and rounding; ``size`` is that of the bound, in nats."""
    beyond = abs(found.mean) - ROUNDING * max(1.0, abs(size))
    return beyond > MOST_ERRORS * found.error
