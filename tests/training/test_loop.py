"""The loop: stacks, early stopping, divergence, clipping, warm-up."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from bench.catalogue import card
from bench.core.problem import Problem
from bench.core.seeds import address
from bench.training import optimiser
from bench.training.cells import on_device
from bench.training.config import TrainingConfig
from bench.training.devices import arithmetic
from bench.training.loop import Trained, train
from bench.training.sparse import to_device
from bench.training.stack import Stack
from bench.training.stopping import EarlyStopping
from bench.training.turns import Turns

CPU = torch.device("cpu")


def quiet(epoch: int, going: int) -> None:
    """No progress in tests."""


def trained(problem: Problem, seeds: list[int], start: str = "moments", **keys: object) -> Trained:
    """A few epochs of a small variant."""
    entry = card("models", "nbvae")
    config = TrainingConfig(**({"max_epochs": 4, "batch_size": 16, "patience": 0} | keys))
    hyperparameters = entry.config(n_latent=2, n_hidden=8, start=start)
    return train(problem, entry, hyperparameters, config, seeds, CPU, quiet)


def largest_difference(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    return max(float((one[name].double() - other[name]).abs().max()) for name in one)


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"optimizer": "rmsprop", "batch_size": 0},
        {"objective": "iwae", "n_samples": 3, "gradient_clip": 0.5, "weight_decay": 1e-3},
        {"kl_warmup_steps": 5, "lr_decay": 0.5, "lr_decay_epochs": 2},
    ],
)
def test_a_seed_in_a_stack_equals_the_same_seed_alone(problems, keys):
    problem = problems["masked_entries"]
    together = trained(problem, [0, 1, 2], **keys)
    for place, seed in enumerate([0, 1, 2]):
        alone = trained(problem, [seed], **keys).replicates[0]
        replicate = together.replicates[place]
        assert replicate.best_epoch == alone.best_epoch
        assert largest_difference(replicate.best_state, alone.best_state) < 1e-4


def test_seeds_differ_and_the_same_seed_repeats_to_the_bit(problems):
    problem = problems["held_out_cells"]
    first, again = trained(problem, [0, 1]), trained(problem, [0, 1])
    states = [replicate.best_state for replicate in first.replicates]
    assert largest_difference(states[0], again.replicates[0].best_state) == 0
    assert largest_difference(*states) > 1e-3


def test_training_improves_the_validation_bound(problems):
    problem = problems["held_out_cells"]
    start = trained(problem, [0], "plain", max_epochs=1).replicates[0].best_bound
    end = trained(problem, [0], "plain", max_epochs=40, learning_rate=1e-2).replicates[0].best_bound
    assert end > start + 1


def test_one_replicate_that_diverges_does_not_touch_the_others(problems, monkeypatch):
    problem = problems["held_out_cells"]
    expected = trained(problem, [0, 2]).replicates
    subset, sizes = Stack.subset, []

    def counted(stack, indices):
        sizes.append(len(indices))
        return subset(stack, indices)

    monkeypatch.setattr(Stack, "subset", counted)
    entry = card("models", "nbvae")

    def poisoned(facts, config):
        module = entry.build(facts, config)
        if torch.initial_seed() == poisoned.victim:
            with torch.no_grad():
                module.log_inverse_dispersion.fill_(float("nan"))
        return module

    poisoned.victim = address("replicate", 1, "init")
    config = TrainingConfig(max_epochs=4, batch_size=16, patience=0)
    hyperparameters = entry.config(n_latent=2, n_hidden=8)
    ill = replace(entry, build=poisoned)
    found = train(problem, ill, hyperparameters, config, [0, 1, 2], CPU, quiet).replicates
    assert [replicate.diverged for replicate in found] == [False, True, False]
    assert found[1].diverged_at == 0
    assert sizes == [2]
    for mine, theirs in zip([found[0], found[2]], expected, strict=True):
        assert largest_difference(mine.best_state, theirs.best_state) < 1e-5


def test_the_weights_kept_are_a_copy_the_best_or_without_patience_the_last():
    stack = Stack(skeleton=torch.nn.Linear(1, 1), params={"w": torch.ones(2, 3)}, buffers={})
    kept = EarlyStopping(seed=0)
    kept.update(-1.0, 0, stack.state, 1, always=False)
    stack.params["w"].add_(5)
    kept.update(-2.0, 1, stack.state, 1, always=False)
    assert kept.best_state["w"].tolist() == [1.0, 1.0, 1.0]
    assert (kept.best_epoch, kept.epochs) == (0, 2)
    kept.update(-3.0, 2, stack.state, 1, always=True)
    assert kept.best_state["w"].tolist() == [6.0, 6.0, 6.0]


def test_patience_counts_from_the_best_epoch_and_never_before_the_warm_up_is_over():
    kept = EarlyStopping(seed=0, best_epoch=3)
    assert not kept.should_stop(5, patience=3, earliest=0)
    assert kept.should_stop(6, patience=3, earliest=0)
    assert not kept.should_stop(6, patience=3, earliest=10)
    assert not kept.should_stop(1000, patience=0, earliest=0)


def test_replicates_stop_one_by_one(problems):
    result = trained(
        problems["held_out_cells"], [0, 1, 2, 3], max_epochs=200, patience=3, learning_rate=3e-2
    )
    epochs = [replicate.epochs for replicate in result.replicates]
    assert len(set(epochs)) > 1
    for replicate in result.replicates:
        assert replicate.epochs == replicate.best_epoch + 4


def test_gradients_are_clipped_replicate_by_replicate():
    weight = torch.zeros(2, 4, requires_grad=True)
    weight.grad = torch.stack([torch.full((4,), 5.0), torch.full((4,), 0.1)])
    Stack(skeleton=torch.nn.Linear(1, 1), params={"w": weight}, buffers={}).clip(1.0)
    assert weight.grad[0].norm().item() == pytest.approx(1.0)
    assert weight.grad[1].tolist() == pytest.approx([0.1] * 4)
    modules = [torch.nn.Linear(2, 2, bias=False) for _ in range(2)]
    for module, size in zip(modules, (5.0, 0.1), strict=True):
        module.weight.grad = torch.full((2, 2), size)
    Turns(modules=tuple(modules)).clip(1.0)
    assert modules[0].weight.grad.norm().item() == pytest.approx(1.0)
    assert modules[1].weight.grad.flatten().tolist() == pytest.approx([0.1] * 4)


@pytest.mark.parametrize("name", ["nbvae", "scvi", "scanvi", "sams_vae"])
@pytest.mark.parametrize("n_samples", [1, 2])
def test_replicates_in_turn_are_those_of_a_stack(problems, monkeypatch, name, n_samples):
    """Up to rounding: three seeds, one of which may leave early, gradients clipped."""
    task = {"scanvi": "few_labels", "sams_vae": "seen_perturbations"}.get(name, "held_out_cells")
    problem, variant = problems[task], card("models", name)
    hyperparameters = variant.config(n_latent=2, n_hidden=8)
    config = TrainingConfig(
        max_epochs=6, batch_size=16, patience=2, n_samples=n_samples, gradient_clip=1.0
    )
    monkeypatch.setattr("bench.training.turns.LARGEST_STACKED", 0)
    found = [train(problem, variant, hyperparameters, config, [0, 1, 2], CPU, quiet)]
    monkeypatch.setattr("bench.training.turns.LARGEST_STACKED", 10**9)
    found.append(train(problem, variant, hyperparameters, config, [0, 1, 2], CPU, quiet))
    for turn, stacked in zip(*(one.replicates for one in found), strict=True):
        assert turn.epochs == stacked.epochs
        assert turn.best_bound == pytest.approx(stacked.best_bound, rel=1e-4)
        assert largest_difference(turn.best_state, stacked.best_state) < 1e-3


def test_running_statistics_move_with_every_one_of_several_draws(problems):
    """Of scVI, whose BatchNorm cannot move under the inner ``vmap``."""
    problem, variant = problems["held_out_cells"], card("models", "scvi")
    counted = {}
    for n_draws in (1, 3):
        config = TrainingConfig(max_epochs=2, batch_size=0, n_samples=n_draws)
        cpu = torch.device("cpu")
        result = train(problem, variant, variant.config(), config, [0, 1], cpu, quiet)
        state = result.replicates[1].best_state
        counted[n_draws] = {v.item() for k, v in state.items() if k.endswith("batches_tracked")}
    assert counted == {1: {1}, 3: {3}} or counted == {1: {2}, 3: {6}}


def test_warm_up_and_decay():
    config = TrainingConfig(kl_warmup_steps=4, learning_rate=1.0, lr_decay=0.1, lr_decay_epochs=2)
    assert [optimiser.kl_weight(config, step) for step in range(5)] == [0.25, 0.5, 0.75, 1, 1]
    rates = [optimiser.decayed_rate(config, epoch) for epoch in range(5)]
    assert rates == pytest.approx([1, 1, 0.1, 0.1, 0.01])
    assert optimiser.kl_weight(TrainingConfig(), 0) == 1.0
    lighter = replace(config, kl_weight=0.1)
    weights = [optimiser.kl_weight(lighter, step) for step in range(5)]
    assert weights == pytest.approx([0.025, 0.05, 0.075, 0.1, 0.1])


def test_a_heavier_kl_is_smaller_and_the_bound_that_is_reported_has_it_once(problems):
    def last(weight: float) -> dict[str, float]:
        result = trained(problems["held_out_cells"], [0], kl_weight=weight, learning_rate=1e-2)
        columns = result.curves.columns
        validated = zip(columns["part"], columns["term"], columns["value"], strict=True)
        return {term: value for part, term, value in validated if part == "validation"}

    light, heavy = last(0.01), last(100.0)
    assert heavy["kl_z"] < light["kl_z"] / 2
    for terms in (light, heavy):
        assert terms["elbo"] == pytest.approx(-terms["reconstruction"] - terms["kl_z"], rel=1e-5)


def test_a_warm_up_that_never_completes_is_refused(problems):
    with pytest.raises(ValueError, match="never complete"):
        trained(problems["held_out_cells"], [0], kl_warmup_steps=13)
    trained(problems["held_out_cells"], [0], kl_warmup_steps=12)


@pytest.mark.parametrize("precision", ["float32", "tf32", "bf16"])
def test_every_precision_trains_and_is_put_back(problems, precision):
    before = torch.get_float32_matmul_precision()
    with arithmetic(precision, CPU):
        bound = trained(problems["held_out_cells"], [0], max_epochs=2).replicates[0].best_bound
    assert np.isfinite(bound)
    assert torch.get_float32_matmul_precision() == before


def test_densified_rows_are_the_sparse_ones(problems):
    counts = problems["masked_entries"].counts
    rows = torch.tensor([[5, 0, 5], [59, 1, 2]])
    dense = to_device(counts, CPU).dense(rows)
    assert dense.shape == (2, 3, counts.shape[1])
    np.testing.assert_array_equal(dense[1, 0], counts[59].toarray()[0])
    np.testing.assert_array_equal(dense[0, 2], counts[5].toarray()[0])


def test_only_declared_fields_are_handed_over(problems):
    blind = replace(card("models", "nbvae"), needs=frozenset({"counts"}))
    cells = on_device(problems["masked_entries"], blind, CPU)
    assert set(cells.minibatch(torch.arange(3))) == {"counts"}


def test_curves_hold_every_term_of_every_seed(problems):
    columns = trained(problems["held_out_cells"], [0, 4], max_epochs=3).curves.columns
    rows = set(zip(columns["part"], columns["seed"], columns["term"], strict=True))
    for seed in (0, 4):
        for term in ("reconstruction", "kl_z", "elbo", "loss"):
            assert ("train", seed, term) in rows
        assert ("validation", seed, "bound") in rows
    assert set(columns["epoch"]) == {0, 1, 2}
