"""Contracts over every file in ``bench/models``: a new variant is tested without a new test."""

from copy import deepcopy
from dataclasses import fields, is_dataclass, replace

import numpy as np
import pytest
import torch
from torch.func import functional_call, stack_module_state, vmap

from bench.catalogue import card, names
from bench.core.ledger import RECONSTRUCTION
from bench.core.problem import TRAIN
from bench.training.cells import facts_of, on_device
from bench.training.config import TrainingConfig
from bench.training.loop import train
from bench.training.randomness import draw_one
from tests.conftest import few_draws, open_replicate, readouts_of, runs_in

CPU = torch.device("cpu")
VARIANTS = names("models")


def built(variant, problem, seed=0):
    torch.manual_seed(seed)
    return variant.build(facts_of(problem), variant.config())


def minibatch(variant, problem, rows):
    return on_device(problem, variant, CPU).minibatch(torch.as_tensor(rows))


def noise_for(module, n_cells, seed=0):
    drawn = draw_one(module.noise(n_cells), 1, torch.Generator().manual_seed(seed))
    return {name: value[0] for name, value in drawn.items()}


@pytest.fixture(params=VARIANTS)
def variant(request):
    return card("models", request.param)


@pytest.fixture
def problem(problems, variant):
    return problem_for(variant, problems)


def problem_for(variant, problems, wanted="masked_entries"):
    """The wanted problem, or where a variant needs what it has not, one that has it."""
    others = ("few_labels", "seen_perturbations", "seen_values")
    fitting = [name for name in (wanted, *others) if runs_in(variant, problems[name])]
    return problems[fitting[0]]


def test_the_card_is_complete(variant):
    assert variant.label
    assert variant.reference
    assert is_dataclass(variant.config)
    assert variant.config.__dataclass_params__.frozen
    assert variant.can <= {card("readouts", name).of for name in names("readouts")}
    variant.config()


def test_hyperparameters_and_training_keys_share_no_name(variant):
    mine = {field.name for field in fields(variant.config)}
    assert not mine & {field.name for field in fields(TrainingConfig)}
    assert "variant" not in mine


def test_terms_have_the_declared_shapes(variant, problem):
    module = built(variant, problem)
    terms = module(minibatch(variant, problem, range(7)), noise_for(module, 7))
    assert {term.shape for term in terms.local.values()} == {(7,)}
    assert RECONSTRUCTION in terms.local
    assert terms.log_weight.shape == (7,)
    rest = (*terms.shared.values(), *terms.penalty.values(), *terms.diagnostics.values())
    assert all(term.shape == () for term in rest)
    assert all(torch.isfinite(term).all() for term in terms.local.values())


def test_every_latent_has_noise_of_its_own_name(variant, problem):
    module = built(variant, problem).eval()
    posterior = module.infer(minibatch(variant, problem, range(7)))
    noise = noise_for(module, 7)
    assert "z" in posterior
    for name, q in posterior.items():
        assert q.at(noise[name]).shape == q.mean.shape


def test_a_pass_leaves_no_trace(variant, problem):
    """No ambient randomness, no stashed attribute, no changed parameter."""
    module = built(variant, problem).eval()
    cells, noise = minibatch(variant, problem, range(7)), noise_for(module, 7)
    random_before, numpy_before = torch.get_rng_state(), np.random.get_state()[1].copy()
    state_before, attributes = deepcopy(module.state_dict()), set(vars(module))
    first, second = module(cells, noise), module(cells, noise)
    assert torch.equal(torch.get_rng_state(), random_before)
    assert np.array_equal(np.random.get_state()[1], numpy_before)
    assert set(vars(module)) == attributes
    for name, value in module.state_dict().items():
        assert torch.equal(value, state_before[name]), name
    assert torch.equal(first.log_weight, second.log_weight)


@pytest.mark.parametrize("garbage", [7e6, float("nan")])
def test_garbage_in_missing_entries_changes_nothing(variant, problem, problems, garbage):
    problem = replace(problem, masked=problems["masked_entries"].masked)
    module = built(variant, problem).eval()
    cells, noise = minibatch(variant, problem, range(20)), noise_for(module, 20)
    name = problem.measured
    spoilt = {**cells, name: cells[name].where(cells["observed"] > 0, garbage)}
    clean, dirty = module(cells, noise), module(spoilt, noise)
    assert torch.equal(clean.log_weight, dirty.log_weight)
    for name, term in clean.local.items():
        assert torch.equal(term, dirty.local[name]), name


def test_a_cell_does_not_feel_its_minibatch(variant, problem):
    module = built(variant, problem).eval()
    noise = noise_for(module, 20)
    shared = {name for name, wanted in module.noise(20).items() if wanted.shared}
    mine = {name: v if name in shared else v[3:4] for name, v in noise.items()}
    alone = module(minibatch(variant, problem, [3]), mine)
    among = module(minibatch(variant, problem, range(20)), noise)
    torch.testing.assert_close(alone.log_weight[0], among.log_weight[3], rtol=1e-5, atol=1e-4)


def test_a_replicate_does_not_feel_its_neighbours(variant, problem):
    modules = [built(variant, problem, seed).eval() for seed in range(3)]
    params, buffers = stack_module_state(modules)
    cells, noise = minibatch(variant, problem, range(9)), noise_for(modules[0], 9)

    def one(params, buffers):
        return functional_call(modules[0], (params, buffers), (cells, noise)).log_weight

    stacked = vmap(one)(params, buffers)
    for module, weights in zip(modules, stacked, strict=True):
        torch.testing.assert_close(module(cells, noise).log_weight, weights, rtol=1e-5, atol=1e-4)


def test_every_parameter_learns(variant, problem):
    module = built(variant, problem)
    terms = module(minibatch(variant, problem, range(20)), noise_for(module, 20))
    once = (*terms.shared.values(), *terms.penalty.values())
    (sum(term.mean() for term in terms.local.values()) + sum(once)).backward()
    still = [name for name, p in module.named_parameters() if p.grad is None or not p.grad.any()]
    assert not still


def test_trained_states_load_into_a_plain_module_and_give_every_readout(variant, problems):
    for problem in problems.values():
        if not runs_in(variant, problem):
            continue
        result = train(
            problem, variant, variant.config(), TrainingConfig(max_epochs=2), [0], CPU, _quiet
        )
        state = result.replicates[0].best_state
        for name in sorted(readouts_of(variant)):
            readout = card("readouts", name)
            if not readout.labels(readout.config()) <= problem.labels.keys():
                continue
            with torch.no_grad():
                replicate = open_replicate(problem, variant, variant.config(), state, 0, name)
                arrays = readout.of_variant(replicate, problem, few_draws(readout))
            assert set(arrays) == readout.arrays
            for array in arrays.values():
                assert readout.rows != "cells" or len(array) == len(problem.scored_rows)
                assert array.dtype.kind == "U" or np.isfinite(array).all()


def _quiet(epoch, going):
    """No progress in tests."""


@pytest.mark.parametrize(("n_small", "n_large"), [(1, 5), (5, 50), (50, 1000)])
def test_the_importance_weighted_bound_grows_with_its_samples(variant, problems, n_small, n_large):
    """Chances: on 1,000 draws per cell of an untrained model the expected bound grows with S.

    Means over blocks of draws; the difference is more than 5 standard errors above minus
    rounding, so a false alarm has probability below 1e-6.
    """
    problem = problem_for(variant, problems, "held_out_cells")
    module = built(variant, problem).eval()
    rows = problem.rows(TRAIN)[:8]
    cells = minibatch(variant, problem, rows)
    noise = draw_one(module.noise(len(rows)), 4000, torch.Generator().manual_seed(3))
    with torch.no_grad():
        weights = vmap(lambda one: module(cells, one).log_weight, chunk_size=500)(noise).double()

    def bounds(n_samples):
        blocks = weights.reshape(-1, n_samples, len(rows))
        return (blocks.logsumexp(1) - np.log(n_samples)).mean(1)

    small, large = bounds(n_small), bounds(n_large)
    error = (small.var() / len(small) + large.var() / len(large)).sqrt()
    rounding = 1e-9
    assert large.mean() - small.mean() > -5 * error - rounding
    assert bounds(4000)[0] >= weights.mean() - rounding
