"""Truths: the basis in which treatments move fewest latents, and a model rotated into it."""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from bench.catalogue import card
from bench.core.problem import Problem
from bench.core.variant import StateDict
from bench.parts.nn.gaussian_values import ValueDecoder
from bench.parts.nn.perturbation_networks import PerturbationEncoder
from bench.parts.nn.sparse_rotation import initial_mask, rotated, sparsest_basis
from bench.training.config import TrainingConfig
from bench.training.loop import Trained, train

CPU = torch.device("cpu")
ROTATED = ["sams_vae", "sams_vae_normal", "svae_plus"]
WHERE = [
    ("sams_vae", "treatments.mask.logit", "treatments.embedding.mean"),
    ("sams_vae_normal", "treatments.mask.logit", "treatments.embedding.mean"),
    ("svae_plus", "mask.logit", "shift"),
]


def sparse_moves(n_treatments: int = 60, n_latent: int = 8, seed: int = 0) -> Tensor:
    """Few latents of about 5 to either side, and every latent moved by somebody."""
    rng = np.random.default_rng(seed)
    shape = (n_treatments, n_latent)
    mask = (rng.random(shape) < 0.15) | (np.arange(n_treatments)[:, None] == np.arange(n_latent))
    moves = mask * rng.choice([-1, 1], shape) * rng.normal(5, 0.5, shape)
    return torch.from_numpy(moves)


def random_basis(n_latent: int, seed: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    normal = torch.randn(n_latent, n_latent, generator=generator, dtype=torch.double)
    return torch.linalg.qr(normal).Q


def test_sparse_moves_are_found_again_whatever_they_were_rotated_by() -> None:
    """Up to the order and the signs of the latents, which nothing in the model tells."""
    moves = sparse_moves()
    hidden = moves @ random_basis(8)
    basis = sparsest_basis(hidden)
    torch.testing.assert_close(basis @ basis.T, torch.eye(8, dtype=torch.double))
    found = hidden @ basis
    closeness = (found.T @ moves).abs() / moves.square().sum(0)
    assert sorted(closeness.argmax(1).tolist()) == list(range(8))
    torch.testing.assert_close(found.abs()[:, closeness.argmax(0)], moves.abs(), atol=0.3, rtol=0)
    again = initial_mask(found)[:, closeness.argmax(0)] > 0
    assert torch.equal(again, moves != 0)


def test_the_basis_is_a_function_of_the_moves() -> None:
    moves = sparse_moves().float() @ random_basis(8).float()
    state = torch.get_rng_state()
    first = sparsest_basis(moves)
    assert torch.equal(state, torch.get_rng_state())
    assert torch.equal(first, sparsest_basis(moves))
    assert first.dtype == torch.float32


@pytest.mark.parametrize("unit", [1e-3, 1.0, 1e3])
def test_what_is_seen_does_not_depend_on_the_unit(unit: float) -> None:
    moves = sparse_moves()
    hidden = unit * moves @ random_basis(8)
    found = initial_mask(hidden @ sparsest_basis(hidden)) > 0
    assert sorted(found.sum(0).tolist()) == sorted((moves != 0).sum(0).tolist())
    assert found.sum(1).tolist() == (moves != 0).sum(1).tolist()


def test_nothing_is_seen_where_nothing_moves() -> None:
    basis = sparsest_basis(torch.zeros(5, 3))
    torch.testing.assert_close(basis @ basis.T, torch.eye(3))
    assert (initial_mask(torch.zeros(5, 3) @ basis) < 0).all()


class Networks(nn.Module):
    """An encoder that knows a treatment's move, or does not, and a decoder."""

    def __init__(self, n_known: int) -> None:
        super().__init__()
        self.encoder = PerturbationEncoder(6, n_known, 5, 2, 4)
        self.decoder = ValueDecoder(4, 5, 2, 6, "normal")


@pytest.mark.parametrize("n_known", [0, 4])
def test_rotated_networks_say_the_same_of_the_data(n_known: int) -> None:
    torch.manual_seed(0)
    networks, basis = Networks(n_known).double(), random_basis(4)
    x, known, z = (torch.randn(7, n, dtype=torch.double) for n in (6, 4, 4))
    with torch.no_grad():
        mean, decoded = networks.encoder(x, known).mean, networks.decoder(z)
        networks.load_state_dict(rotated(networks.state_dict(), basis))
        torch.testing.assert_close(networks.encoder(x, known @ basis).mean, mean @ basis)
        for one, other in zip(networks.decoder(z @ basis), decoded, strict=True):
            torch.testing.assert_close(one, other)


def trained(problems: Mapping[str, Problem], name: str, seeds: list[int], **keys: Any) -> Trained:
    entry = card("models", name)
    problem = problems["seen_values" if "values" in entry.needs else "seen_perturbations"]
    wanted = {"n_latent": 4, "n_hidden": 8, "guide": "mean_field", "mask_weight": 30.0, **keys}
    known = {field.name for field in fields(entry.config)}
    config = entry.config(**{key: value for key, value in wanted.items() if key in known})
    given = {key: value for key, value in wanted.items() if key not in {*known, "guide"}}
    settings = {"pretrain_epochs": 2, "max_epochs": 2, "batch_size": 16, "patience": 0, **given}
    return train(problem, entry, config, TrainingConfig(**settings), seeds, CPU, lambda *_: None)


@pytest.mark.parametrize("name", ROTATED)
def test_encoder_and_decoder_of_a_variant_are_rotated_with_its_treatments(
    problems: Mapping[str, Problem], name: str
) -> None:
    """What is encoded turns by one basis, and what is decoded by the same."""
    state = trained(problems, name, [0], pretrain_epochs=0).replicates[0].best_state
    new = card("models", name).reinitialise(state)
    [decoder] = [key for key in state if key.endswith("decoder.tower.layers.0.weight")]
    before = state[decoder] @ state["encoder.head.mean.weight"]
    assert not torch.allclose(new[decoder], state[decoder], atol=0.01)
    torch.testing.assert_close(
        new[decoder] @ new["encoder.head.mean.weight"], before, rtol=1e-4, atol=1e-5
    )


def test_a_state_without_a_decoder_is_refused() -> None:
    encoder = PerturbationEncoder(6, 4, 5, 2, 4)
    state = {f"encoder.{name}": value for name, value in encoder.state_dict().items()}
    with pytest.raises(ValueError, match="to unpack"):
        rotated(state, random_basis(4).float())


@pytest.mark.parametrize("name", ROTATED)
@pytest.mark.nightly
def test_a_rotated_seed_in_a_stack_equals_the_same_seed_alone(
    problems: Mapping[str, Problem], name: str
) -> None:
    together = trained(problems, name, [0, 1], restart_epochs=1).replicates
    for place in (0, 1):
        alone = trained(problems, name, [place], restart_epochs=1).replicates[0].best_state
        for key, value in together[place].best_state.items():
            torch.testing.assert_close(value, alone[key], rtol=1e-3, atol=1e-4, msg=key)


@pytest.mark.parametrize(("name", "mask", "moved"), WHERE)
@pytest.mark.parametrize(
    ("epochs", "restart_epochs", "rotations"), [(1, 0, 1), (3, 1, 3), (4, 2, 2), (4, 4, 1)]
)
def test_training_goes_on_in_the_basis_of_fewest_moves(
    problems: Mapping[str, Problem],
    name: str,
    mask: str,
    moved: str,
    epochs: int,
    restart_epochs: int,
    rotations: int,
) -> None:
    """After pre-training, and between two stretches of as many epochs; never at the end."""
    entry, sizes = card("models", name), {"n_latent": 4, "n_hidden": 8, "mask_weight": 30.0}
    sizes |= {} if name == "svae_plus" else {"guide": "mean_field"}
    looked = []

    def watched(state: StateDict) -> StateDict:
        new = entry.reinitialise(state)
        size = (state[mask].sigmoid() * state[moved]).square().sum(1)
        torch.testing.assert_close(new[moved].square().sum(1), size, rtol=1e-4, atol=1e-6)
        assert torch.equal(new[mask], initial_mask(new[moved]))
        assert set(new) == set(state)
        looked.append(state)
        return new

    def started(pretrained: StateDict, initial: StateDict) -> StateDict:
        assert set(initial) == set(pretrained)
        return watched(pretrained)

    spied = replace(entry, from_pretrained=started, reinitialise=watched)
    keys = {"pretrain_epochs": 1, "max_epochs": epochs, "restart_epochs": restart_epochs}
    training = TrainingConfig(**keys, batch_size=16, learning_rate=0.1)
    problem = problems["seen_values" if "values" in entry.needs else "seen_perturbations"]
    train(problem, spied, entry.config(**sizes), training, [0], CPU, lambda *_: None)
    assert len(looked) == rotations


@pytest.mark.parametrize("name", ["sams_vae", "sams_vae_normal"])
def test_what_cannot_be_rotated_is_objected_to(name: str) -> None:
    entry = card("models", name)
    correlated, mean_field = entry.config(), entry.config(guide="mean_field")
    keys = {"pretrain_epochs": 3, "restart_epochs": 0}
    assert entry.validate(correlated, keys).startswith("pretrain_epochs: only")
    assert entry.validate(correlated, {"restart_epochs": 2}).startswith("restart_epochs: only")
    assert entry.validate(mean_field, keys) == ""
    assert entry.validate(correlated, {"pretrain_epochs": 0}) == ""
