"""Checks that the importance weights of a variant agree with its ledger.

    E_q[log w_i] = - sum of the cell's local terms + slack_i, in expectation over the noise

because both are the evidence lower bound of the cell.  A weight that omits a KL is too large by
this KL, and the importance-weighted bound of such a model would exceed every correct bound.
"""

from collections.abc import Callable, Mapping, Sequence
from math import inf, sqrt
from typing import NamedTuple

import torch
from torch import Tensor

from bench.core.ledger import LossTerms, elbo


class Mismatch(NamedTuple):
    """Difference between weights and ledger, nats per cell."""

    mean: float
    """Mean over cells and samples of log w minus the ELBO of the ledger."""
    error: float
    """Monte Carlo standard error of the mean, over samples."""

    @property
    def z(self) -> float:
        """The difference in standard errors; 0 if both are exact and equal."""
        return self.mean / self.error if self.error else (inf if self.mean else 0.0)


ROUNDING = 1e-4
"""Allowed rounding error in nats per cell, for each nat of the bound."""

MOST_ERRORS = 6.0
"""Allowed difference in standard errors; a normal deviate exceeds it with probability < 1e-8."""


def mismatch(
    ledger: Callable[[Mapping[str, Tensor]], LossTerms], draws: Sequence[Mapping[str, Tensor]]
) -> Mismatch:
    """The mismatch over these samples of the noise; ``ledger`` returns (cell,) terms."""
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
    """Whether a mismatch exceeds chance and rounding; ``size`` is the bound in nats."""
    beyond = abs(found.mean) - ROUNDING * max(1.0, abs(size))
    return beyond > MOST_ERRORS * found.error
