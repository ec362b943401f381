"""Truths: log-determinants are autograd's, densities integrate to one, a stack is its members."""

from itertools import product
from typing import get_args

import pytest
import torch
from torch.func import functional_call, jacrev, stack_module_state, vmap

from bench.parts.nn.distributions import Gaussian
from bench.parts.nn.flow_steps import NARROWEST, Planar
from bench.parts.nn.flows import FlowedGaussian, FlowKind, build_flow
from bench.parts.nn.latents import log_standard_normal

KINDS = get_args(FlowKind)
CONDITIONED = ("affine_coupling", "spline_coupling", "iaf")
"""Kinds in which some dimensions move others: one dimension is not enough."""

BENDING = [kind for kind in KINDS if kind != "none"]
N_HIDDEN = 16

SIZES = [
    (kind, dimension, n_steps)
    for kind, dimension, n_steps in product(KINDS, (1, 2, 5, 10), (1, 2, 4, 8))
    if (dimension > 1 or kind not in CONDITIONED) and (n_steps == 1 or kind != "none")
]


def fresh(kind, dimension, n_steps=4, seed=0):
    """A flow as it is built; layers initialise themselves from torch's global generator."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build_flow(kind, dimension, n_steps, N_HIDDEN)


def bent(kind, dimension, n_steps=4, seed=0, size=0.5):
    """A flow in float64 with random parameters, far from the identity."""
    flow = fresh(kind, dimension, n_steps, seed).double()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter.normal_(0, size, generator=generator)
    return flow.requires_grad_(False)


def normal(*shape, seed=1, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def posterior(kind, n_cells, dimension, build=bent):
    """One Gaussian per cell, all pushed through one flow."""
    base = Gaussian(normal(n_cells, dimension, seed=2), normal(n_cells, dimension, seed=3).exp())
    return FlowedGaussian(base, build(kind, dimension))


@pytest.mark.parametrize(("kind", "dimension", "n_steps"), SIZES)
def test_log_determinant_is_that_of_the_jacobian(kind, dimension, n_steps):
    flow, z0 = bent(kind, dimension, n_steps), 2 * normal(20, dimension)
    z, log_det = flow(z0)
    jacobian = vmap(jacrev(lambda one: flow(one)[0]))(z0)
    _, expected = torch.linalg.slogdet(jacobian)
    assert (z.shape, log_det.shape) == ((20, dimension), (20,))
    torch.testing.assert_close(log_det, expected, rtol=1e-5, atol=1e-5)
    assert kind == "none" or log_det.abs().max() > 0.05, "too near the identity to say anything"


@pytest.mark.parametrize(("kind", "dimension", "n_steps"), SIZES)
def test_starts_near_the_identity(kind, dimension, n_steps):
    """For even and odd numbers of steps: reversals are undone."""
    z0 = normal(50, dimension, dtype=torch.float32)
    z, log_det = fresh(kind, dimension, n_steps)(z0)
    assert (z - z0).abs().max() < 0.5
    assert log_det.abs().max() < 0.5


@pytest.mark.parametrize("n_steps", [2, 3])
@pytest.mark.parametrize("kind", BENDING)
def test_every_dimension_moves(kind, n_steps):
    z0 = normal(50, 5)
    moved = (bent(kind, 5, n_steps)(z0)[0] - z0).abs().amax(0)
    assert (moved > 1e-3).all()


@pytest.mark.parametrize("dimension", [1, 5])
def test_no_flow_is_the_gaussian_to_the_bit(dimension):
    q = posterior("none", 7, dimension)
    assert not list(q.flow.parameters())
    noise = normal(7, dimension, seed=4)
    z, log_q = q.draw(noise)
    assert torch.equal(q.mean, q.base.mean)
    assert torch.equal(q.at(noise), q.base.at(noise))
    assert torch.equal(z, q.base.at(noise))
    assert torch.equal(log_q, q.base.log_prob(z))
    assert q.flow(z)[1].tolist() == [0.0] * 7


@pytest.mark.parametrize("size", [0.1, 1.0, 10.0])
@pytest.mark.parametrize("dimension", [1, 2, 10])
def test_planar_is_invertible_whatever_its_parameters(dimension, size):
    """Along w the map is increasing, at the steepest bend too: w.z + b = 0, det = 1 + w.u."""
    for seed in range(20):
        step = bent("planar", dimension, 1, seed, size).steps[0]
        to_bend = -(normal(1, dimension, seed=seed) @ step.w + step.b) / step.w.square().sum()
        steepest = normal(1, dimension, seed=seed) + to_bend.unsqueeze(-1) * step.w
        determinant = torch.linalg.det(jacrev(lambda z, f=step: f(z)[0])(steepest[0]))
        assert determinant >= NARROWEST * (1 - 1e-6)
        along = torch.linspace(-9, 9, 2001, dtype=torch.float64).unsqueeze(-1) * step.w
        assert (step(along)[0] @ step.w).diff().min() > 0


def test_planar_without_a_direction_or_with_the_worst_one():
    """w = 0 is a shift; v against w is as far as u may go, and the determinant stays known."""
    step = Planar(3).requires_grad_(False)
    step.w.zero_()
    z, log_det = step(normal(4, 3, dtype=torch.float32))
    assert torch.isfinite(z).all()
    torch.testing.assert_close(log_det, torch.zeros(4))
    step.w.fill_(30.0)
    step.v.fill_(-30.0)
    _, log_det = step(torch.zeros(1, 3))
    assert log_det.item() == pytest.approx(torch.tensor(NARROWEST).log().item(), rel=1e-3)


@pytest.mark.parametrize(
    ("kind", "dimension"), [("planar", 1), *((kind, 2) for kind in BENDING)], ids=str
)
def test_the_density_integrates_to_one(kind, dimension):
    """A fine grid of z0 is carried by T; q(z) sums to one over the images of its cells, whose
    lengths or areas are measured between their corners, not by the determinant."""
    flow = bent(kind, dimension, 3, size=0.25)
    q = FlowedGaussian(
        Gaussian(torch.zeros(dimension).double(), torch.ones(dimension).double()), flow
    )
    line = torch.linspace(-6, 6, 2401 if dimension == 1 else 401, dtype=torch.float64)
    corners = torch.stack(torch.meshgrid(*[line] * dimension, indexing="ij"), -1)
    middles = corners[(slice(1, None),) * dimension] - (line[1] - line[0]) / 2
    _, log_q = q.draw(middles)
    image = q.at(corners)
    volume = image.diff(dim=0).squeeze(-1) if dimension == 1 else _areas(image)
    assert (volume > 0).all()
    assert (log_q.exp() * volume).sum().item() == pytest.approx(1, abs=1e-3)


def _areas(image):
    """Signed areas of the images of a grid's cells: half the cross product of the diagonals."""
    one, other = image[1:, 1:] - image[:-1, :-1], image[:-1, 1:] - image[1:, :-1]
    return (one[..., 0] * other[..., 1] - one[..., 1] * other[..., 0]) / 2


@pytest.mark.parametrize("kind", KINDS)
def test_drawn_is_at_and_its_density(kind):
    q, noise = posterior(kind, 9, 4), normal(9, 4, seed=5)
    z, log_q = q.draw(noise)
    z0 = q.base.at(noise)
    carried, log_det = q.flow(z0)
    assert torch.equal(z, q.at(noise))
    assert torch.equal(z, carried)
    assert torch.equal(log_q, q.base.log_prob(z0) - log_det)
    assert torch.equal(q.mean, q.at(torch.zeros_like(noise)))


@pytest.mark.parametrize("kind", KINDS)
def test_a_stack_of_flows_is_each_of_them(kind):
    flows = [bent(kind, 5, seed=seed) for seed in range(3)]
    params, buffers = stack_module_state(flows)
    z0 = normal(3, 7, 5)

    def one(params, buffers, z0):
        return functional_call(flows[0], (params, buffers), (z0,))

    stacked = vmap(one)(params, buffers, z0)
    for number, flow in enumerate(flows):
        for together, alone in zip(stacked, flow(z0[number]), strict=True):
            torch.testing.assert_close(together[number], alone)


def cost(flow, base, noise):
    """(cell,) the Monte Carlo KL of a draw, nats."""
    z, log_q = FlowedGaussian(base, flow).draw(noise)
    return log_q - log_standard_normal(z)


@pytest.mark.parametrize("kind", KINDS)
def test_draws_in_a_stack_are_a_loop_and_so_are_their_gradients(kind):
    """As the trainer does it: replicates outside, draws inside, one backward pass."""
    flows = [bent(kind, 5, seed=seed).requires_grad_() for seed in range(2)]
    params, buffers = stack_module_state(flows)
    noise = normal(2, 3, 7, 5)
    base = Gaussian(normal(2, 7, 5).requires_grad_(), normal(2, 7, 5, seed=6).exp())

    def replicate(params, buffers, base, noise):
        def flow(z0):
            return functional_call(flows[0], (params, buffers), (z0,))

        return vmap(lambda one: cost(flow, base, one))(noise)

    stacked = vmap(replicate)(params, buffers, base, noise)
    stacked.sum().backward()
    for number, flow in enumerate(flows):
        mine = Gaussian(base.mean[number].detach(), base.scale[number])
        alone = torch.stack([cost(flow, mine, one) for one in noise[number]])
        torch.testing.assert_close(stacked[number], alone)
        for name, parameter in flow.named_parameters():
            (expected,) = torch.autograd.grad(alone.sum(), parameter, retain_graph=True)
            torch.testing.assert_close(params[name].grad[number], expected)


@pytest.mark.parametrize(("kind", "dimension", "n_steps"), SIZES)
def test_every_parameter_learns_from_the_start(kind, dimension, n_steps):
    flow = fresh(kind, dimension, n_steps)
    z0 = 1 + 0.5 * normal(20, dimension, dtype=torch.float32)
    z, log_det = flow(z0.requires_grad_())
    (-log_standard_normal(z) - log_det).mean().backward()
    still = [name for name, p in flow.named_parameters() if p.grad is None or not p.grad.any()]
    assert not still


@pytest.mark.parametrize("kind", KINDS)
def test_a_pass_leaves_no_trace(kind):
    flow, z0 = bent(kind, 5), normal(7, 5)
    random, attributes = torch.get_rng_state(), set(vars(flow))
    state = {name: value.clone() for name, value in flow.state_dict().items()}
    assert torch.equal(flow(z0)[0], flow(z0)[0])
    assert torch.equal(torch.get_rng_state(), random)
    assert set(vars(flow)) == attributes
    assert all(torch.equal(value, state[name]) for name, value in flow.state_dict().items())


@pytest.mark.parametrize("size", [0.5, 3.0])
@pytest.mark.parametrize("kind", KINDS)
def test_far_out_everything_is_finite_in_single_precision(kind, size):
    flow = bent(kind, 5, 8, size=size).float().requires_grad_()
    z0 = (50 * normal(200, 5, dtype=torch.float32).clamp(-1, 1)).requires_grad_()
    z, log_det = flow(z0)
    (log_standard_normal(z) + log_det).mean().backward()
    found = [z, log_det, z0.grad, *(p.grad for p in flow.parameters())]
    assert all(torch.isfinite(value).all() for value in found)


@pytest.mark.parametrize("kind", CONDITIONED)
def test_one_dimension_cannot_move_others(kind):
    with pytest.raises(ValueError, match=f"{kind}.*n_latent is 1.*n_latent to 2.*planar or none"):
        build_flow(kind, 1, 4, N_HIDDEN)


@pytest.mark.parametrize("kind", KINDS)
def test_importance_weights_of_a_density_have_mean_one(kind):
    """Chance: E_q p(z) / q(z) = 1 for p = N(0, I); q has wider tails than p, so the variance is
    finite.  6 standard errors: below 1e-8 for all kinds together by the normal law.
    """
    n_draws = 200_000
    q = FlowedGaussian(
        Gaussian(torch.zeros(2).double(), torch.full((2,), 2.0).double()),
        bent(kind, 2, 3, seed=3, size=0.2),
    )
    z, log_q = q.draw(normal(n_draws, 2, seed=7))
    weight = (log_standard_normal(z) - log_q).exp()
    assert abs(weight.mean().item() - 1) < 6 * (weight.var() / n_draws).sqrt().item()
    assert weight.var() < 5
