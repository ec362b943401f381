"""Priors of masks, which determine the expected number of shifted latents per treatment.

    bernoulli        m_tk ~ Bernoulli(alpha)
    beta_bernoulli   m_tk ~ Bernoulli(w_tk),  w_tk ~ Beta(a, b),  w at its most probable value

In the second, w has a point posterior with the term - log Beta(w; a, b), a log-density and not a
KL: it may be negative.  Source: Bereket and Karaletsos 2023, arXiv 2311.02794 (repository).
"""

from math import lgamma, log, log1p
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

MaskPrior = Literal["bernoulli", "beta_bernoulli"]


class BernoulliPrior(nn.Module):
    """One probability for all entries."""

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability
        self.register_buffer("log_on", torch.tensor(log(probability)))
        self.register_buffer("log_off", torch.tensor(log1p(-probability)))

    def logs(self) -> tuple[Tensor, Tensor]:
        """Logs of the probabilities of one and of zero."""
        return self.log_on, self.log_off  # type: ignore[return-value]

    def cost(self) -> Tensor | None:
        """(treatment,) nats: the terms of the prior's parameters; None without parameters."""
        return None


class BetaPrior(nn.Module):
    """A probability for every entry, with a Beta prior; SVAE+ uses it without a mask posterior."""

    def __init__(self, n_columns: int, n_latent: int, a: float, b: float) -> None:
        super().__init__()
        self.a, self.b, self.probability = a, b, a / (a + b)
        self.log_norm = lgamma(a + b) - lgamma(a) - lgamma(b)
        self.logit = nn.Parameter(torch.zeros(n_columns, n_latent))

    def logs(self) -> tuple[Tensor, Tensor]:
        """(treatment, latent) logs of the probabilities of one and of zero."""
        return logsigmoid(self.logit), logsigmoid(-self.logit)

    def cost(self) -> Tensor:
        """(treatment,) - log Beta(w; a, b), summed over latents."""
        log_on, log_off = self.logs()
        return -((self.a - 1) * log_on + (self.b - 1) * log_off + self.log_norm).sum(-1)
