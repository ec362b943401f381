"""The loss of a step and its reported terms, both from one ledger.

elbo:  mean over samples of the warmed ELBO        iwae:  logsumexp over samples of the warmed
                                                          log importance weights - log S
"""

from math import log
from typing import Literal

from torch import Tensor

from bench.core.ledger import LossTerms, elbo, once_per_dataset, penalties, warmed

Objective = Literal["elbo", "iwae"]


def bound(
    terms: LossTerms,
    n_train: int,
    objective: Objective,
    kl_weight: float = 1.0,
    cell_weight: Tensor | None = None,
) -> Tensor:
    """() the bound in nats per cell; terms are (sample, cell), weights (cell,) have sum 1."""
    mean_weight, log_weight = warmed(terms, kl_weight)
    if objective == "iwae":
        per_cell = log_weight.logsumexp(0) - log(len(log_weight))
    else:
        per_cell = mean_weight.mean(0)
    return _over_cells(per_cell, cell_weight) - _mean(once_per_dataset(terms, n_train, kl_weight))


def loss(
    terms: LossTerms,
    n_train: int,
    objective: Objective,
    kl_weight: float,
    cell_weight: Tensor | None = None,
) -> Tensor:
    """() the loss that the optimiser minimises."""
    return _mean(penalties(terms)) - bound(terms, n_train, objective, kl_weight, cell_weight)


def summary(terms: LossTerms, n_train: int, cell_weight: Tensor | None = None) -> dict[str, Tensor]:
    """Every term by name, and the ELBO without warm-up, () each, nats per cell."""
    means = {name: _over_cells(term, cell_weight) for name, term in terms.local.items()}
    means |= {name: term.mean() for name, term in {**terms.penalty, **terms.diagnostics}.items()}
    means |= {name: term.mean() / n_train for name, term in terms.shared.items()}
    honest = _over_cells(elbo(terms), cell_weight) - _mean(once_per_dataset(terms, n_train))
    return {**means, "elbo": honest}


def _over_cells(value: Tensor, cell_weight: Tensor | None) -> Tensor:
    """() weighted mean of (…, cell) values over cells."""
    return value.mean() if cell_weight is None else (value * cell_weight).sum(-1).mean()


def _mean(value: Tensor | float) -> Tensor | float:
    return value.mean() if isinstance(value, Tensor) else value
