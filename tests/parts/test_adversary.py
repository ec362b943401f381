"""Adversaries: the turned gradient, the squared one against autograd, and what reading costs."""

import math

import pytest
import torch
from torch.func import functional_call, stack_module_state, vmap

from bench.parts.nn.adversary import (
    Adversary,
    misread_label,
    misread_treatments,
    reversed_gradient,
    squared_gradient,
)


def adversary(seed=0, n_out=4):
    torch.manual_seed(seed)
    return Adversary(n_latent=3, n_hidden=6, n_layers=2, n_out=n_out).double()


def latents(n=11, seed=5):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, 3, generator=generator, dtype=torch.float64)


def by_autograd(module, z):
    """The same mean of squares, by a graph of its own gradient."""
    z = z.clone().requires_grad_()
    (slope,) = torch.autograd.grad(module(z).sum(), z, create_graph=True)
    return slope.square().mean()


@pytest.mark.parametrize("weight", [0.0, 1.0, 60.0])
def test_the_value_stays_to_the_bit_and_the_gradient_is_turned_around(weight):
    z = (1e3 * latents()).float().requires_grad_()
    turned = reversed_gradient(z, weight)
    assert torch.equal(turned, z)
    torch.sin(turned).sum().backward()
    torch.testing.assert_close(z.grad, -weight * torch.cos(z.detach()))


def test_the_squared_gradient_and_its_own_gradient_are_those_of_autograd():
    one, other, z = adversary(), adversary(), latents()
    found, expected = squared_gradient(one, z), by_autograd(other, z)
    torch.testing.assert_close(found, expected)
    found.backward()
    expected.backward()
    moved = 0
    for mine, theirs in zip(one.parameters(), other.parameters(), strict=True):
        assert theirs.grad is None or mine.grad is not None
        if theirs.grad is not None:
            torch.testing.assert_close(mine.grad, theirs.grad)
            moved += bool(theirs.grad.any())
    assert moved == 3, "every weight matrix, and no bias of a network with ReLU"


def test_the_squared_gradient_of_a_linear_map_is_that_of_its_column_sums():
    weight = latents(4, seed=1)
    found = squared_gradient(lambda z: z @ weight.T + 2, latents())
    torch.testing.assert_close(found, weight.sum(0).square().mean())


def test_the_latent_feels_nothing_of_the_squared_gradient():
    z = latents().requires_grad_()
    squared_gradient(adversary(), z).backward()
    assert z.grad is None


def test_stacked_adversaries_get_the_gradients_of_single_ones():
    """The way the trainer goes: vmap over replicates, then one backward pass."""
    modules, z = [adversary(seed) for seed in range(3)], latents()
    params, buffers = stack_module_state(modules)

    def one(params, buffers):
        def logits(at):
            return functional_call(modules[0], (params, buffers), (at,))

        told = reversed_gradient(z, 3.0)
        reading = misread_label(logits(told), torch.arange(11) % 4)
        return reading + 5 * squared_gradient(logits, z)

    vmap(one)(params, buffers).sum().backward()
    for place, module in enumerate(modules):
        reading = misread_label(module(z), torch.arange(11) % 4)
        (reading + 5 * by_autograd(module, z)).backward()
        for name, parameter in module.named_parameters():
            torch.testing.assert_close(params[name].grad[place], parameter.grad)


def test_a_steep_adversary_pays_and_gets_flatter():
    module, z = adversary(), latents()
    optimiser = torch.optim.Adam(module.parameters(), lr=0.01)
    before = squared_gradient(module, z).item()
    for _ in range(50):
        optimiser.zero_grad()
        squared_gradient(module, z).backward()
        optimiser.step()
    assert before > 1e-3
    assert squared_gradient(module, z).item() < 0.1 * before


def test_reading_treatments_costs_the_log_probability_of_what_was_given():
    logits, given = latents(7), (latents(7, seed=8) > 0).double()
    seen = torch.tensor([1.0, 1.0, 0.0], dtype=torch.float64)
    law = torch.distributions.Bernoulli(logits=logits[:, :2])
    expected = -law.log_prob(given[:, :2]).sum(-1).mean()
    torch.testing.assert_close(misread_treatments(logits, given, seen), expected)


def test_reading_is_free_for_who_knows_and_costs_its_entropy_for_who_guesses():
    given = torch.eye(4).double()
    certain, seen = 80 * (given - 0.5), torch.ones(4).double()
    assert float(misread_treatments(certain, given, seen)) < 1e-12
    guess = torch.full((4, 4), math.log(0.25 / 0.75)).double()
    entropy = -4 * (0.25 * math.log(0.25) + 0.75 * math.log(0.75))
    assert float(misread_treatments(guess, given, seen)) == pytest.approx(entropy)
    assert float(misread_label(torch.zeros(4, 4), torch.arange(4))) == pytest.approx(math.log(4))
