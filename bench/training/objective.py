"""What a step minimises, and what it reports: two numbers, one ledger.

elbo:  mean over draws of the warmed ELBO          iwae:  logsumexp over draws of the warmed
                                                          log importance weights - log S
"""

from math import log
from typing import Literal

from torch import Tensor

from bench.core.ledger import LossTerms, elbo, once_per_dataset, penalties, warmed

Objective = Literal["elbo", "iwae"]


def bound(terms: LossTerms, n_train: int, objective: Objective, kl_weight: float = 1.0) -> Tensor:
    """() the bound in nats per cell; terms are (draw, cell)."""
    mean_weight, log_weight = warmed(terms, kl_weight)
    if objective == "iwae":
        per_cell = log_weight.logsumexp(0) - log(len(log_weight))
    else:
        per_cell = mean_weight.mean(0)
    return per_cell.mean() - _mean(once_per_dataset(terms, n_train, kl_weight))


def loss(terms: LossTerms, n_train: int, objective: Objective, kl_weight: float) -> Tensor:
    """() what the optimiser sees."""
    return _mean(penalties(terms)) - bound(terms, n_train, objective, kl_weight)


def summary(terms: LossTerms, n_train: int) -> dict[str, Tensor]:
    """Every term by name, and the honest ELBO they add up to, () each, nats per cell."""
    named = {**terms.local, **terms.penalty}
    means = {name: term.mean() for name, term in named.items()}
    means |= {name: term.mean() / n_train for name, term in terms.shared.items()}
    return {**means, "elbo": elbo(terms).mean() - _mean(once_per_dataset(terms, n_train))}


def _mean(value: Tensor | float) -> Tensor | float:
    return value.mean() if isinstance(value, Tensor) else value
