"""Adversarial CPA: which gradient goes where, what is added to the basal state, what is hidden."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from bench.catalogue import card
from bench.core.dataset import CountData
from bench.core.ledger import penalties
from bench.core.problem import TEST, TRAIN
from bench.core.variant import ENTRIES
from bench.models.cpa_adversarial import CPAAdversarialConfig
from bench.parts.nn.adversary import misread_label, misread_treatments
from bench.training import objective
from bench.training.cells import facts_of, on_device
from bench.training.config import TrainingConfig
from bench.training.loop import train
from tests.conftest import open_replicate

CPU = torch.device("cpu")
CPA = card("models", "cpa_adversarial")
SMALL = {"n_latent": 3, "n_hidden": 16, "encoder_layers": 1, "decoder_layers": 1}


@pytest.fixture
def problem(problems):
    return problems["seen_perturbations"]


def built(problem, **settings):
    torch.manual_seed(1)
    config = CPAAdversarialConfig(**{**SMALL, "dropout": 0.0, **settings})
    return CPA.build(facts_of(problem), config).double().eval()


def cells_of(problem, rows):
    cells = on_device(problem, CPA, CPU).minibatch(torch.as_tensor(rows))
    fields = {k: v for k, v in cells.items() if k != ENTRIES}
    return {k: v.double() if v.is_floating_point() else v for k, v in fields.items()}


def no_noise(module, n_cells):
    return {name: torch.zeros(noise.shape) for name, noise in module.noise(n_cells).items()}


def gradients(module, cost):
    """By name, of the whole module; zero where nothing arrives."""
    given = dict(module.named_parameters())
    found = torch.autograd.grad(cost, list(given.values()), allow_unused=True)
    pairs = zip(given.items(), found, strict=True)
    return {name: torch.zeros_like(p) if g is None else g for (name, p), g in pairs}


@pytest.mark.parametrize("weight", [0.0, 7.0])
@pytest.mark.nightly
def test_the_encoder_unlearns_what_the_adversaries_learn(problem, weight):
    """Theirs is the gradient of reading; its own is that, turned around and weighed."""
    module = built(problem, adversary_weight=weight, gradient_penalty=0.0)
    cells = cells_of(problem, problem.rows(TRAIN))
    terms = module(cells, no_noise(module, len(cells["counts"])))
    basal, given = module.infer(cells)["z"].mean, (cells["dosage"] > 0).double()
    seen = module.treated.seen.double()
    reading = misread_treatments(module.reads_treatments(basal), given, seen)
    reading = reading + misread_label(module.reads_batch(basal), cells["batch"])
    torch.testing.assert_close(penalties(terms), reading)
    found, plain = gradients(module, penalties(terms)), gradients(module, reading)
    for name, gradient in found.items():
        factor = 1.0 if name.startswith("reads") else -weight
        torch.testing.assert_close(gradient, factor * plain[name])
        touched = name.startswith(("reads", "encoder", "basal"))
        assert plain[name].any() or not touched


def test_the_squared_gradient_teaches_the_adversaries_alone(problem):
    module = built(problem, adversary_weight=0.0)
    cells = cells_of(problem, problem.rows(TRAIN))
    terms = module(cells, no_noise(module, len(cells["counts"])))
    found = gradients(module, terms.penalty["adversary_steepness"])
    moved = {name.partition(".")[0] for name, gradient in found.items() if gradient.any()}
    assert moved == {"reads_treatments", "reads_batch"}


def test_nothing_adversarial_is_in_the_bound(problem):
    module = built(problem)
    cells, n = cells_of(problem, problem.rows(TRAIN)), len(problem.rows(TRAIN))
    terms = module(cells, no_noise(module, n))
    one = terms._replace(
        **{
            k: {name: t[None] for name, t in getattr(terms, k).items()}
            for k in ("local", "penalty")
        },
        log_weight=terms.log_weight[None],
    )
    log_likelihood = -terms.local["reconstruction"].mean()
    torch.testing.assert_close(objective.bound(one, n, "elbo"), log_likelihood)
    torch.testing.assert_close(
        objective.loss(one, n, "elbo", 1.0), penalties(terms) - log_likelihood
    )
    assert "bound" not in CPA.can


def arms(module, problem, *dosages):
    """Arms with this dosage of A and nothing else."""
    facts = facts_of(problem)
    codes = torch.tensor([facts.perturbations.index("A" if d else "control") for d in dosages])
    return {"perturbation": codes, "dosage": torch.tensor([[d, 0.0] for d in dosages]).double()}


def imagined(module, problem, rows, *dosages):
    cells = cells_of(problem, rows)
    library = torch.full((len(rows), 1), 50.0).double()
    given = arms(module, problem, *dosages)
    return module.predict_perturbed(
        {**cells, "library": library}, given, no_noise(module, len(rows))
    ).mean


@pytest.mark.parametrize("encoding", ["additive", "unique"])
def test_the_response_to_a_dosage_is_linear(problem, encoding):
    module, rows = built(problem, encoding=encoding), problem.rows(TRAIN)[:4]
    half = imagined(module, problem, rows, 0.5)
    with torch.no_grad():
        module.embedding.mul_(0.5)
    torch.testing.assert_close(imagined(module, problem, rows, 1.0), half)


def test_the_basal_state_is_that_of_the_cells_and_needs_no_noise(problem):
    module, rows = built(problem), problem.rows(TRAIN)[:4]
    first = imagined(module, problem, rows, 0.0, 1.0)
    assert torch.equal(first, imagined(module, problem, rows, 0.0, 1.0))
    assert not torch.allclose(first[:, 0], first[:, 1]), "two cells, two basal states"
    torch.testing.assert_close(imagined(module, problem, rows[:2], 0.0, 1.0), first[:, :2])


def test_a_batch_moves_the_latent_and_one_never_trained_on_does_not(problem):
    names = np.where(problem.role == TEST, "z", problem.labels["batch"])
    problem = replace(problem, labels={**problem.labels, "batch": names})
    config = CPAAdversarialConfig(**SMALL)
    training = TrainingConfig(max_epochs=3, learning_rate=0.01, patience=0)
    state = (
        train(problem, CPA, config, training, [0], CPU, lambda *_: None).replicates[0].best_state
    )
    of_batch = state["batch"]
    assert of_batch.shape[0] == 3
    assert of_batch[:2].abs().min() > 1e-4
    assert not of_batch[2].any()


def test_without_batches_nothing_reads_them(problem):
    problem = replace(problem, labels={"perturbation": problem.labels["perturbation"]})
    module = built(problem)
    assert {name.partition(".")[0] for name, _ in module.named_parameters()} == {
        *("encoder", "basal", "embedding", "decoder", "log_dispersion", "reads_treatments")
    }


# What is hidden


@pytest.fixture(scope="module")
def strongly_treated():
    """Two treatments that each raise genes of their own fivefold, on top of a basal state."""
    rng = np.random.default_rng(3)
    names = np.array(["A", "B", "control"])[np.arange(600) % 3]
    basal = rng.normal(size=(600, 1)) * np.linspace(-0.5, 0.5, 20)
    effect = np.zeros((600, 20))
    effect[names == "A", :4] = effect[names == "B", 4:8] = np.log(5)
    counts = rng.poisson(4 * np.exp(basal + effect))
    cells, genes = (np.array([f"{i}" for i in range(n)]) for n in counts.shape)
    data = CountData(
        counts=csr_matrix(counts),
        cell_names=cells,
        gene_names=genes,
        labels={"perturbation": names},
    )
    task = card("tasks", "seen_perturbations")
    return task.problem_of(data, task.config(test=0.5), 1, np.random.default_rng(1))


def fitted(problem, **settings):
    """Three seeds, ready to be read out."""
    config = CPAAdversarialConfig(**{**SMALL, "n_latent": 5, "n_hidden": 64, **settings})
    training = TrainingConfig(max_epochs=120, batch_size=64, learning_rate=2e-3, patience=0)
    replicates = train(problem, CPA, config, training, [0, 1, 2], CPU, lambda *_: None).replicates
    states = [(replicate.best_state, replicate.seed) for replicate in replicates]
    return [open_replicate(problem, CPA, config, *one, "latent") for one in states]


def told(replicate, problem):
    """The share of test cells whose treatment a logistic regression reads from the basal state."""
    with torch.no_grad():
        latent = card("readouts", "latent").of_variant(replicate, problem, None)["latent"]
    latent = (latent - latent.mean(0)) / latent.std(0)
    names, half = (
        problem.labels["perturbation"][problem.scored_rows],
        np.arange(len(latent)) % 2 == 0,
    )
    reader = LogisticRegression(max_iter=2000).fit(latent[half], names[half])
    return reader.score(latent[~half], names[~half])


def found(replicate, problem):
    """What share of the effects among the test cells is predicted, by least squares."""
    readout, observed = card("readouts", "effects"), problem.targets["data_effect"]
    with torch.no_grad():
        effect = readout.of_variant(replicate, problem, readout.config(tolerance=0.1))["effect"]
    return (effect * observed).sum() / (observed**2).sum()


@pytest.mark.nightly
def test_adversaries_hide_the_treatment_so_that_its_embedding_has_the_whole_effect(
    strongly_treated,
):
    """Without them the basal state tells it too, and imagined controls keep a part of the effect.

    Chance is a third.  Measured over four seeds: 0.87 and 0.49 are told, 0.72 and 1.07 are found.
    """
    open_, hidden = (fitted(strongly_treated, adversary_weight=weight) for weight in (0.0, 1.0))
    assert np.mean([told(one, strongly_treated) for one in open_]) > 0.75
    assert np.mean([told(one, strongly_treated) for one in hidden]) < 0.65
    assert np.mean([found(one, strongly_treated) for one in open_]) < 0.85
    assert 0.9 < np.mean([found(one, strongly_treated) for one in hidden]) < 1.3
