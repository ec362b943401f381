"""The ledger of a loss: named terms, and the functions that add them up.

    ELBO_i            = - sum of the cell's ``local`` terms                      nats per cell
    full-data ELBO    =   mean_i ELBO_i - (sum of ``shared``) / n_train          nats per cell
    optimised loss    =   - ELBO with its KL terms weighted by the warm-up, + sum of ``penalty``

The reported ELBO and the optimised loss are two numbers: the ELBO never includes a penalty.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor


RECONSTRUCTION = "reconstruction"
"""The local term - log p(x | latents)."""


class LossTerms(NamedTuple):
    """Loss terms of one pass of a variant over a minibatch, for one draw of its noise."""

    local: dict[str, Tensor]
    """(cell,) each, nats: parts of a cell's negative ELBO.  One is :data:`RECONSTRUCTION`; names
    that start with ``kl_`` warm up."""
    log_weight: Tensor
    """(cell,) log p(x, z | globals) - log q(z | x) at the draw, nats: the importance weight."""
    shared: dict[str, Tensor]
    """() each, nats: terms once per training set (KL of global variables)."""
    penalty: dict[str, Tensor]
    """() each: part of the loss and not of the reported ELBO."""
    diagnostics: dict[str, Tensor]
    """() each: not part of the loss or the bound; shown in the curves."""
    slack: dict[str, Tensor]
    """(cell,) each, nats: expected difference between the mean log weight and the ELBO of the local
    terms, for a variant that by design trains a looser bound than that of its weight."""

    @classmethod
    def of(
        cls,
        local: dict[str, Tensor],
        log_weight: Tensor,
        *,
        shared: dict[str, Tensor] | None = None,
        penalty: dict[str, Tensor] | None = None,
        diagnostics: dict[str, Tensor] | None = None,
        slack: dict[str, Tensor] | None = None,
    ) -> LossTerms:
        """A ledger in which omitted entries are empty."""
        given = (shared, penalty, diagnostics, slack)
        return cls(local, log_weight, *(terms or {} for terms in given))


def is_kl(name: str) -> bool:
    """Whether a local term is a KL divergence, by its name."""
    return name.startswith("kl_")


def elbo(terms: LossTerms) -> Tensor:
    """(…, cell) evidence lower bound of each cell given the globals, nats."""
    return -_total(list(terms.local.values()))


def warmed(terms: LossTerms, kl_weight: float | Tensor) -> tuple[Tensor, Tensor]:
    """(…, cell) ELBO and log importance weight, their KL or log-ratio weighted by ``kl_weight``."""
    kl = [term for name, term in terms.local.items() if is_kl(name)]
    rest = [term for name, term in terms.local.items() if not is_kl(name)]
    likelihood = -_total(rest)
    log_ratio = terms.log_weight - likelihood
    bound = likelihood - kl_weight * _total(kl) if kl else likelihood
    return bound, likelihood + kl_weight * log_ratio


def once_per_dataset(
    terms: LossTerms, n_train: int, kl_weight: float | Tensor = 1.0
) -> Tensor | float:
    """The shared terms divided by the number of training cells, nats per cell."""
    return kl_weight * _total(list(terms.shared.values())) / n_train if terms.shared else 0.0


def penalties(terms: LossTerms) -> Tensor | float:
    """The sum of the penalties, which are not part of the reported ELBO."""
    return _total(list(terms.penalty.values())) if terms.penalty else 0.0


def _total(terms: list[Tensor]) -> Tensor:
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total
