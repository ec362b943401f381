"""Models of perturbations: what stands in their ledgers once, what they imagine, what they hide."""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from scipy.sparse import vstack
from torch.func import vmap

from bench.catalogue import card, names
from bench.core.problem import TEST, TRAIN
from bench.core.variant import ENTRIES
from bench.parts.nn.observed import library_size
from bench.training import loop, objective
from bench.training.cells import facts_of, on_device
from bench.training.config import TrainingConfig
from bench.training.randomness import draw_one
from bench.training.stack import one_pass

CPU = torch.device("cpu")
EVERYONE = [name for name in names("models") if "perturbed" in card("models", name).can]
WITH_BOUNDS = [name for name in EVERYONE if "bound" in card("models", name).can]
ENCODED = ["cpa_adversarial"]
"""Those whose basal state is encoded and not drawn."""

SMALL = {"n_latent": 2, "n_hidden": 8, "guide_hidden": 5}
SPARSE = ["sams_vae", "sams_vae_normal"]
WITH_GLOBALS = ["cpa_vae", *SPARSE, "svae_plus"]
"""Those whose ledger has terms that stand for the whole data set."""


def chosen(name, **settings):
    """A small configuration, the globals of which cost something from the start."""
    config = card("models", name).config
    prior = {"beta_prior": 5.0} if name == "svae_plus" else {"embedding_prior_scale": 2.0}
    known = {field.name for field in fields(config)}
    return config(**{k: v for k, v in {**SMALL, **prior, **settings}.items() if k in known})


def problem_of(name, problems):
    needs = card("models", name).needs
    return problems["seen_values" if "values" in needs else "seen_perturbations"]


def built(name, problem, **settings):
    """In double precision and evaluation mode, away from where training starts."""
    torch.manual_seed(4)
    module = card("models", name).build(facts_of(problem), chosen(name, **settings))
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=0.4)
    return module.double().eval()


def cells_of(name, problem, rows):
    cells = on_device(problem, card("models", name), CPU).minibatch(torch.as_tensor(rows))
    fields = {k: v for k, v in cells.items() if k != ENTRIES}
    return {k: v.double() if v.is_floating_point() else v for k, v in fields.items()}


def noise_of(module, n_cells, n_draws, seed=0):
    drawn = draw_one(module.noise(n_cells), n_draws, torch.Generator().manual_seed(seed))
    return {name: value.double() for name, value in drawn.items()}


def passed(module, cells, noise):
    """The ledger, the way the loop has it made."""
    params, buffers = dict(module.named_parameters()), dict(module.named_buffers())
    with torch.no_grad():
        return one_pass(module, params, buffers, cells, noise)


# What stands in the ledger once


def doubled(problem):
    """Every cell twice."""
    role = np.tile(problem.role, 2)
    return replace(
        problem,
        counts=vstack([problem.counts, problem.counts]).tocsr(),
        role=role,
        scored_rows=np.flatnonzero(role == TEST),
        labels={name: np.tile(label, 2) for name, label in problem.labels.items()},
        truth={},
    )


def curves(name, problem, **settings):
    """(part, term) -> value of one epoch in which no weight moves."""
    variant, still = card("models", name), {"learning_rate": 1e-12, "weight_decay": 0.0}
    config = TrainingConfig(max_epochs=1, batch_size=0, **still)
    hyperparameters = chosen(name, guide="mean_field", **settings)
    result = loop.train(problem, variant, hyperparameters, config, [0], CPU, lambda *_: None)
    columns = result.curves.columns
    places = zip(columns["part"], columns["term"], columns["value"], strict=True)
    return {(part, term): value for part, term, value in places}


def shared_terms(name, problem):
    module = built(name, problem)
    cells = cells_of(name, problem, problem.rows(TRAIN))
    return set(passed(module, cells, noise_of(module, len(cells["perturbation"]), 1)).shared)


@pytest.mark.parametrize("name", WITH_GLOBALS)
def test_twice_the_data_halve_what_globals_cost_a_cell(problems, name):
    problem = problem_of(name, problems)
    once, twice = curves(name, problem), curves(name, doubled(problem))
    terms = shared_terms(name, problem)
    assert terms
    for place in ((part, term) for part in ("train", "validation") for term in terms):
        assert once[place] != 0
        assert twice[place] == pytest.approx(once[place] / 2, rel=1e-5)


@pytest.mark.parametrize("name", WITH_GLOBALS)
def test_validation_spreads_globals_over_the_training_cells(problems, name):
    """Whatever the size of the validation set, and of the parts it is measured in."""
    problem = problem_of(name, problems)
    found = curves(name, problem)
    for term in shared_terms(name, problem):
        assert found["validation", term] == pytest.approx(found["train", term], rel=1e-5)


@pytest.mark.parametrize("name", WITH_GLOBALS)
def test_validation_in_small_parts_counts_globals_once(problems, name, monkeypatch):
    problem = problem_of(name, problems)
    whole = curves(name, problem)
    monkeypatch.setattr(loop, "VALIDATION_CELLS", 3)
    parts = curves(name, problem)
    for term in shared_terms(name, problem):
        assert parts["validation", term] == pytest.approx(whole["validation", term], rel=1e-5)


@pytest.mark.parametrize("kind", ["elbo", "iwae"])
@pytest.mark.parametrize("guide", ["mean_field", "correlated"])
@pytest.mark.parametrize("name", WITH_GLOBALS)
def test_every_batch_size_gives_the_same_bound_of_the_data(problems, name, guide, kind):
    problem = problem_of(name, problems)
    module, rows = built(name, problem, guide=guide, mask_weight=3.0), problem.rows(TRAIN)
    noise, n = noise_of(module, len(rows), 4), len(rows)
    shared = {k for k, wanted in module.noise(n).items() if wanted.shared}

    def bounds(size):
        totals = np.zeros(3)
        for places in torch.arange(n).split(size):
            mine = {k: v if k in shared else v[:, places] for k, v in noise.items()}
            terms = passed(module, cells_of(name, problem, rows[places]), mine)
            loss = objective.loss(terms, n, kind, 1.0)
            three = objective.bound(terms, n, kind), objective.summary(terms, n)["elbo"], loss
            totals += len(places) / n * np.array([float(one) for one in three])
        return totals

    whole = bounds(n)
    for size in (1, 7, 16):
        np.testing.assert_allclose(bounds(size), whole, rtol=1e-9)


@pytest.mark.parametrize("name", SPARSE)
def test_weights_of_the_mask_steer_and_leave_the_bound_alone(problems, name):
    """The loss has the weighed KL, the bound the plain one."""
    problem = problem_of(name, problems)
    rows = problem.rows(TRAIN)
    cells, n = cells_of(name, problem, rows), len(rows)
    plain, weighed = (
        built(name, problem, mask_weight=w, mask_weight_per_cell=c) for w, c in [(1, 0), (3, 0.5)]
    )
    one, other = (passed(m, cells, noise_of(m, n, 1)) for m in (plain, weighed))
    assert objective.bound(one, n, "elbo") == objective.bound(other, n, "elbo")
    drawn = plain.treatments.draw({k: v[0] for k, v in noise_of(plain, n, 1).items()})
    surplus = ((2 + 0.5 * plain.treatments.treated.n_cells) * drawn.kl_mask).sum() / n
    difference = objective.loss(other, n, "elbo", 1.0) - objective.loss(one, n, "elbo", 1.0)
    torch.testing.assert_close(difference, surplus.detach())


@pytest.mark.parametrize("name", SPARSE)
def test_a_weight_per_cell_does_not_fade_with_the_data(problems, name):
    problem = problem_of(name, problems)
    by_cell = {"mask_weight_per_cell": 0.5}
    once, twice = (curves(name, data, **by_cell) for data in (problem, doubled(problem)))
    place = "train", "mask_surplus"
    assert twice[place] == pytest.approx(once[place], rel=1e-5)


# What is imagined


def imagined_by(name, module, problem, rows, arms, noise):
    """The law of these cells under each arm, and the cells."""
    cells = cells_of(name, problem, rows)
    counted = "counts" in cells
    own = library_size(cells) if counted else torch.ones(len(rows), 1).double()
    given = arms_of(problem, arms)
    return module.predict_perturbed({**cells, "library": own}, given, noise), cells


def arms_of(problem, arms):
    facts = facts_of(problem)
    codes = torch.tensor([facts.perturbations.index(arm) for arm in arms])
    dosage = torch.tensor([[float(t in arm.split("+")) for t in facts.treatments] for arm in arms])
    return {"perturbation": codes, "dosage": dosage.double()}


def one_draw(module, n_cells, seed=0):
    return {name: value[0] for name, value in noise_of(module, n_cells, 1, seed).items()}


def without_training_cells_of(problem, *perturbations):
    """These are known by name and met in no training cell."""
    gone = np.isin(problem.labels["perturbation"], perturbations)
    role = np.where(gone, TEST, problem.role).astype(np.int8)
    return replace(problem, role=role)


@pytest.mark.parametrize("encoding", ["additive", "unique"])
@pytest.mark.parametrize("name", EVERYONE)
def test_the_control_arm_is_what_a_control_generates(problems, name, encoding):
    problem = problem_of(name, problems)
    module = built(name, problem, encoding=encoding)
    rows = np.flatnonzero(problem.labels["perturbation"] == "control")[:5]
    noise = one_draw(module, len(rows))
    law, cells = imagined_by(name, module, problem, rows, ["control"], noise)
    latent = module.infer(cells)["z"].mean if name in ENCODED else noise["z"]
    generated = module.generate({"z": latent}, cells)
    torch.testing.assert_close(law.mean[0], generated.mean)


@pytest.mark.parametrize("name", EVERYONE)
def test_arms_share_their_basal_latents_and_one_draw_of_the_globals(problems, name):
    """Two equal arms do not differ by a bit, and others do."""
    problem = problem_of(name, problems)
    module, rows = built(name, problem), problem.rows(TRAIN)[:5]
    arms = ["A", "A", "A+B", "control"]
    noise = one_draw(module, 5)
    if "mask" in noise:
        noise["mask"].fill_(1 - 1e-6)  # no treatment spares a latent
    law, _ = imagined_by(name, module, problem, rows, arms, noise)
    assert torch.equal(law.mean[0], law.mean[1])
    assert not torch.allclose(law.mean[0], law.mean[2])
    assert not torch.allclose(law.mean[0], law.mean[3])


@pytest.mark.parametrize("encoding", ["additive", "unique"])
@pytest.mark.parametrize("name", ["conditional_vae", "svae_plus", "cpa_adversarial"])
def test_of_what_was_never_trained_on_nothing_is_added(problems, name, encoding):
    """Of B nothing is known; additive encodings know of A+B what they know of A."""
    problem = without_training_cells_of(problem_of(name, problems), "B", "A+B")
    module, rows = built(name, problem, encoding=encoding), problem.rows(TRAIN)[:5]
    arms = ["control", "B", "A+B", "A"]
    law, _ = imagined_by(name, module, problem, rows, arms, one_draw(module, 5))
    additive = encoding == "additive" and name != "svae_plus"
    assert torch.equal(law.mean[1], law.mean[0])
    assert torch.equal(law.mean[2], law.mean[3 if additive else 0])
    assert not torch.allclose(law.mean[3], law.mean[0])


@pytest.mark.parametrize("name", ["cpa_vae", *SPARSE])
def test_what_was_never_trained_on_moves_by_a_draw_of_its_prior(problems, name):
    """Moving a control's latent by that draw imagines the same cell."""
    problem = without_training_cells_of(problem_of(name, problems), "B", "A+B")
    module, rows = built(name, problem, mask_prior_probability=0.5), problem.rows(TRAIN)[:5]
    noise = one_draw(module, 5, seed=2)
    law, _ = imagined_by(name, module, problem, rows, ["B"], noise)
    mask = noise["mask"][1] < 0.5 if "mask" in noise else 1
    moved = {**noise, "z": noise["z"] + mask * 2.0 * noise["embedding"][1]}
    as_control, _ = imagined_by(name, module, problem, rows, ["control"], moved)
    torch.testing.assert_close(law.mean, as_control.mean)


# The bound, on every model with one latent


@pytest.mark.parametrize("encoding", ["additive", "unique"])
@pytest.mark.parametrize("name", WITH_BOUNDS)
def test_the_importance_weights_average_to_the_likelihood_given_the_globals(
    problems, name, encoding
):
    """Both integrals over one latent by fine grids: of the weights of ``forward`` over q, and of
    the law of ``predict_perturbed`` over the prior."""
    problem = problem_of(name, problems)
    module = built(name, problem, n_latent=1, encoding=encoding)
    rows = problem.rows(TRAIN)[:8]
    n, arms = len(rows), ["A", "A+B", "B", "control"]
    # Fine, for a LeakyReLU has a corner and the error goes with the square of the step.
    grid = torch.linspace(-16, 16, 32_001, dtype=torch.float64)
    log_prior = -0.5 * grid**2 - 0.5 * np.log(2 * np.pi) + np.log(1e-3)
    shared = {k: v for k, v in one_draw(module, n).items() if k != "z"}
    cells = cells_of(name, problem, rows)
    counted = "counts" in cells
    library = library_size(cells) if counted else torch.ones(n, 1).double()
    asked = arms_of(problem, arms)

    def weight(z):
        return module(cells, {**shared, "z": z.expand(n, 1)}).log_weight

    def likelihood(z):
        noise = {**shared, "z": z.expand(n, 1)}
        law = module.predict_perturbed({**cells, "library": library}, asked, noise)
        each = law.log_prob(cells["counts" if counted else "values"]).sum(-1)
        return each[cells["perturbation"], torch.arange(n)]

    with torch.no_grad():
        by_weights, by_prior = (
            (vmap(f, chunk_size=2000)(grid) + log_prior[:, None]).logsumexp(0)
            for f in (weight, likelihood)
        )
    torch.testing.assert_close(by_weights, by_prior, rtol=0, atol=1e-5)
