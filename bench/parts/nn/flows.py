"""Normalizing flows on an approximate posterior: a Gaussian under an invertible map.

    z0 ~ Normal(m(x), s(x)),  z = T(z0)
    log q(z | x) = log Normal(z0; m(x), s(x)) - log |det dT/dz0|

T has K steps (``flow_steps``) with parameters that do not depend on x: the map is the same for all
cells.  It is initialised near the identity.  Densities are available at draws only: this module
does not invert T (planar steps have no closed inverse, autoregressive steps need one pass per
dimension), so the KL to the prior is an average over draws.
"""

from typing import Literal, NamedTuple

from torch import Tensor, nn

from bench.parts.nn.distributions import Gaussian
from bench.parts.nn.flow_steps import AFFINE, SPLINE, Autoregressive, Coupling, Planar, Reversal

FlowKind = Literal["none", "planar", "affine_coupling", "spline_coupling", "iaf"]
"""The steps of T; ``none`` is the identity, with a Gaussian posterior."""


class Flow(nn.Module):
    """T: a sequence of steps."""

    def __init__(self, steps: list[nn.Module]) -> None:
        super().__init__()
        self.steps = nn.ModuleList(steps)

    def forward(self, z0: Tensor) -> tuple[Tensor, Tensor]:
        """(..., dimension) -> (..., dimension), and (...) log |det dT/dz0|, nats."""
        z, log_det = z0, z0.new_zeros(z0.shape[:-1])
        for step in self.steps:
            z, more = step(z)
            log_det = log_det + more
        return z, log_det


class FlowedGaussian(NamedTuple):
    """A Gaussian over the last axis, transformed by a flow."""

    base: Gaussian
    flow: nn.Module

    @property
    def mean(self) -> Tensor:
        """The plug-in value T(mean of z0), which is not the mean of z."""
        return self.flow(self.base.mean)[0]

    def at(self, noise: Tensor) -> Tensor:
        """The draw for standard normal ``noise``."""
        return self.flow(self.base.at(noise))[0]

    def draw(self, noise: Tensor) -> tuple[Tensor, Tensor]:
        """(cell, dimension) the draw and (cell,) its log q(z | x), nats."""
        z0 = self.base.at(noise)
        z, log_det = self.flow(z0)
        return z, self.base.log_prob(z0) - log_det


def build_flow(kind: FlowKind, n_latent: int, n_steps: int, n_hidden: int) -> Flow:
    """T with this number of steps; ``n_hidden`` is the width of their networks (not for planar).

    Raises ValueError if the steps need more dimensions.
    """
    if kind == "none":
        return Flow([])
    if kind == "planar":
        return Flow([Planar(n_latent) for _ in range(n_steps)])
    if n_latent < 2:
        raise ValueError(
            f"the flow {kind} lets some latent dimensions move others, and n_latent is {n_latent};"
            " set n_latent to 2 or more, or the flow to planar or none"
        )
    return Flow(_alternating([_moving(kind, n_latent, n_hidden) for _ in range(n_steps)]))


def _moving(kind: FlowKind, dimension: int, n_hidden: int) -> nn.Module:
    """One step in which some coordinates determine the transformation of others."""
    if kind == "iaf":
        return Autoregressive(dimension, n_hidden, AFFINE)
    return Coupling(dimension, n_hidden, AFFINE if kind == "affine_coupling" else SPLINE)


def _alternating(steps: list[nn.Module]) -> list[nn.Module]:
    """The steps with reversals between them, and a last reversal to restore the order if needed."""
    reversed_too = [module for step in steps for module in (step, Reversal())]
    return reversed_too if len(steps) % 2 == 0 else reversed_too[:-1]
