"""Steps of normalizing flows: maps z -> z' with a log |det dz'/dz| that is cheap to compute.

    planar           z' = z + u tanh(w.z + b),  u such that w.u > -1
                     det = 1 + (1 - tanh^2) w.u
    coupling         z' = (z_a, f(z_b; net(z_a)))
    autoregressive   z'_i = f(z_i; net(z_<i)), all i in one pass of a masked network
                     det of both = product of the slopes of f
    f affine         exp(s) z + t,  |s| < log 20
    f spline         monotone rational-quadratic between -5 and 5, the identity outside

Each is an ``nn.Module`` that takes (..., dimension) and returns the same shape and (...) nats; each
is initialised near the identity.  The networks have tanh units, so that their outputs are bounded
for large z; with bounded s, and w.u bounded away from -1, every determinant is finite.
Sources: planar, Rezende & Mohamed 2015, arXiv:1505.05770; coupling, Dinh et al. 2017,
arXiv:1605.08803; spline, Durkan et al. 2019, arXiv:1906.04032; autoregressive, Kingma et al. 2016,
arXiv:1606.04934, shift and log-scale (its equations 9 and 10), not the gated form, which cannot
be initialised at the identity.  f and the masked networks come from zuko.
"""

from collections.abc import Callable
from math import expm1, log
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus
from zuko.nn import MLP, MaskedMLP
from zuko.transforms import MonotonicAffineTransform, MonotonicRQSTransform

START = 0.01
"""Initial size of the parameters by which a step differs from the identity: small but not zero, so
that every parameter has a gradient."""

N_LAYERS = 2
"""Hidden layers of the network of a coupling or autoregressive step."""

FLATTEST = 0.05
"""Minimum slope of the affine f; its inverse is the maximum."""

FLATTEST_KNOT = 1e-3
"""Minimum slope of the spline at a knot, and minimum ratio of two bins.  Set explicitly because the
default of zuko has changed."""

N_BINS = 8
"""Bins of the spline."""

BOUND = 5.0
"""Half the width of the interval in which the spline differs from the identity."""

NARROWEST = 1e-3
"""Minimum determinant of a planar step."""

NO_DIRECTION = 1e-12
"""Minimum of the squared length of w, which avoids a division by zero."""

Moved = tuple[Tensor, Tensor]
"""(..., dimension) the transformed z, and (...) the log-determinant, nats."""


class Monotone(NamedTuple):
    """A monotone function of one number, with parameters from a network."""

    n_parameters: int
    at: Callable[[Tensor, Tensor], Moved]
    """(...) numbers and (..., parameter) -> (...) values and (...) log-slopes."""


def _affine(z: Tensor, parameters: Tensor) -> Moved:
    shift, log_scale = parameters.unbind(-1)
    return MonotonicAffineTransform(shift, log_scale, slope=FLATTEST).call_and_ladj(z)


def _spline(z: Tensor, parameters: Tensor) -> Moved:
    widths, heights, slopes = parameters.split([N_BINS, N_BINS, N_BINS - 1], -1)
    spline = MonotonicRQSTransform(widths, heights, slopes, bound=BOUND, slope=FLATTEST_KNOT)
    return spline.call_and_ladj(z)


AFFINE = Monotone(2, _affine)
SPLINE = Monotone(3 * N_BINS - 1, _spline)


class Planar(nn.Module):
    """z + u tanh(w.z + b).

    Any v gives a u with w.u > -1: u = v + (m(w.v) - w.v) w / |w|^2, m(x) = softplus(x + c) - 1 +
    NARROWEST.  With c such that m(0) = 0, u is near zero if v is (Rezende & Mohamed have c = 0).
    """

    def __init__(self, dimension: int) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.randn(dimension) / dimension**0.5)
        self.v = nn.Parameter(torch.randn(dimension) * START)
        self.b = nn.Parameter(torch.zeros(()))

    def forward(self, z: Tensor) -> Moved:
        """z, shifted along u."""
        least, direction = self._least(), self.w / self.w.square().sum().clamp(min=NO_DIRECTION)
        u = self.v + (least - 1 - self.w @ self.v) * direction
        bend = torch.tanh(z @ self.w + self.b)
        # A mean of 1 and a positive number does not round to zero, whereas 1 + ... might.
        determinant = bend.square() + (1 - bend.square()) * least
        return z + u * bend.unsqueeze(-1), determinant.log()

    def _least(self) -> Tensor:
        """() 1 + w.u, the minimum or maximum of the determinant."""
        return softplus(self.w @ self.v + log(expm1(1 - NARROWEST))) + NARROWEST


class Coupling(nn.Module):
    """The first half is unchanged and determines the elementwise f of the other coordinates."""

    def __init__(self, dimension: int, n_hidden: int, f: Monotone) -> None:
        super().__init__()
        self.f, self.sizes = f, [dimension // 2, dimension - dimension // 2]
        n_stay, n_move = self.sizes
        widths = [n_hidden] * N_LAYERS
        self.net = started_small(MLP(n_stay, n_move * f.n_parameters, widths, activation=nn.Tanh))

    def forward(self, z: Tensor) -> Moved:
        """z, with transformed later coordinates."""
        stays, moves = z.split(self.sizes, -1)
        parameters = self.net(stays).unflatten(-1, (-1, self.f.n_parameters))
        moved, log_slope = self.f.at(moves, parameters)
        return torch.cat([stays, moved], -1), log_slope.sum(-1)


class Autoregressive(nn.Module):
    """The transformation of every coordinate depends on the coordinates before it."""

    def __init__(self, dimension: int, n_hidden: int, f: Monotone) -> None:
        super().__init__()
        self.f = f
        before = torch.ones(dimension, dimension, dtype=torch.bool).tril(-1)
        sees = before.repeat_interleave(f.n_parameters, 0)
        self.net = started_small(MaskedMLP(sees, [n_hidden] * N_LAYERS, activation=nn.Tanh))

    def forward(self, z: Tensor) -> Moved:
        """z, with all coordinates transformed at once."""
        parameters = self.net(z).unflatten(-1, (-1, self.f.n_parameters))
        moved, log_slope = self.f.at(z, parameters)
        return moved, log_slope.sum(-1)


class Reversal(nn.Module):
    """Reverses the coordinates, so that the next step transforms the unchanged ones."""

    def forward(self, z: Tensor) -> Moved:
        """z, reversed; the log-determinant is zero."""
        return z.flip(-1), z.new_zeros(z.shape[:-1])


def started_small(net: nn.Sequential) -> nn.Sequential:
    """The network with a small last layer, so that f is near the identity."""
    with torch.no_grad():
        for parameter in net[-1].parameters():
            parameter.mul_(START)
    return net
