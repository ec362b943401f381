"""The ledger of a loss: named terms, and the one place where they are added up.

    ELBO_i            = - sum of the cell's ``local`` terms                      nats per cell
    full-data ELBO    =   mean_i ELBO_i - (sum of ``shared``) / n_train          nats per cell
    optimised loss    =   - ELBO with its KL terms weighed by the warm-up, + sum of ``penalty``

The reported ELBO and the optimised loss are two numbers: a penalty steers and is never reported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor


class LossTerms(NamedTuple):
    """What one pass of a variant over a minibatch, for one draw of its noise, costs."""

    local: dict[str, Tensor]
    """(cell,) each, nats: parts of a cell's negative ELBO.  Names starting ``kl_`` warm up."""
    log_weight: Tensor
    """(cell,) log p(x, z | globals) - log q(z | x) at the draw, nats: the importance weight."""
    shared: dict[str, Tensor]
    """() each, nats: counted once for the whole training set (KL of global variables)."""
    penalty: dict[str, Tensor]
    """() each: trains, is never reported as ELBO."""
    watched: dict[str, Tensor] = {}  # noqa: RUF012 - a default of a NamedTuple, never written to
    """() each: neither loss nor bound, drawn beside them in the curves."""
    slack: dict[str, Tensor] = {}  # noqa: RUF012 - as above
    """(cell,) each, nats that the local terms lose to the mean log weight on purpose, in
    expectation: a variant that trains a looser bound than its weight stands for says by how much.
    """


def is_kl(name: str) -> bool:
    """Whether a local term is a KL divergence, by its name."""
    return name.startswith("kl_")


def elbo(terms: LossTerms) -> Tensor:
    """(…, cell) evidence lower bound of each cell given the globals, nats."""
    return -_total(list(terms.local.values()))


def warmed(terms: LossTerms, kl_weight: float | Tensor) -> tuple[Tensor, Tensor]:
    """(…, cell) ELBO and log importance weight, their KL or log-ratio weighed by ``kl_weight``."""
    kl = [term for name, term in terms.local.items() if is_kl(name)]
    rest = [term for name, term in terms.local.items() if not is_kl(name)]
    likelihood = -_total(rest)
    log_ratio = terms.log_weight - likelihood
    bound = likelihood - kl_weight * _total(kl) if kl else likelihood
    return bound, likelihood + kl_weight * log_ratio


def once_per_dataset(
    terms: LossTerms, n_train: int, kl_weight: float | Tensor = 1.0
) -> Tensor | float:
    """Nats per cell that the shared terms cost when spread over the training cells."""
    return kl_weight * _total(list(terms.shared.values())) / n_train if terms.shared else 0.0


def penalties(terms: LossTerms) -> Tensor | float:
    """The sum of what steers training and is never reported."""
    return _total(list(terms.penalty.values())) if terms.penalty else 0.0


def _total(terms: list[Tensor]) -> Tensor:
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total
