"""What treatments do to latents: encodings, masks, embeddings, priors, and what each costs."""

import math

import numpy as np
import pytest
import torch
from torch.distributions import Bernoulli, Beta, Normal, kl_divergence

from bench.core.variant import DataFacts
from bench.models.sams_vae import SAMSVAEConfig
from bench.parts.nn.distributions import Gaussian
from bench.parts.nn.mask_priors import BernoulliPrior, BetaPrior
from bench.parts.nn.sparse_treatments import SparseTreatments
from bench.parts.nn.treatment_encoding import TreatmentEncoding
from bench.parts.nn.treatment_posteriors import (
    CorrelatedEmbedding,
    MaskPosterior,
    MeanFieldEmbedding,
    mask_shares,
    straight_through,
)

CELLS = {"A": 4, "A+B": 0, "A@0.5": 2, "C": 3, "control": 5}
"""Training cells of each perturbation: nobody had B, alone or with A."""

DOSAGES = {"A": [1, 0, 0], "A+B": [1, 1, 0], "A@0.5": [0.5, 0, 0], "C": [0, 0, 1]}
N_LATENT = 3


def facts():
    nothing = np.zeros(2, dtype=np.float32)
    return DataFacts(
        n_genes=2,
        n_train=sum(CELLS.values()),
        perturbations=tuple(CELLS),
        n_perturbed=np.array(list(CELLS.values())),
        treatments=("A", "B", "C"),
        n_treated=np.array([6, 0, 3]),
        gene_mean=nothing,
        gene_sd=nothing,
        gene_max=nothing,
        log_moments=(nothing, nothing),
        log_library=np.zeros((1, 2), dtype=np.float32),
    )


def sparse(**settings):
    """Sparse treatments whose parameters are anything but where they start."""
    torch.manual_seed(2)
    chosen = {"n_latent": N_LATENT, "guide_hidden": 5, **settings}
    module = SparseTreatments(facts(), SAMSVAEConfig(**chosen))
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter)
    return module


def drawn_noise(module, seed=0, n_draws=None):
    generator, shape = torch.Generator().manual_seed(seed), module.noise()["mask"].shape
    shape = shape if n_draws is None else (n_draws, *shape)
    uniform = torch.rand(shape, generator=generator)
    return {"mask": uniform, "embedding": torch.randn(shape, generator=generator)}


# Encodings


def cells(*perturbations):
    codes = torch.tensor([list(CELLS).index(name) for name in perturbations])
    dosage = torch.tensor([DOSAGES.get(name, [0, 0, 0]) for name in perturbations]).float()
    return {"perturbation": codes, "dosage": dosage}


def test_additive_columns_are_treatments_and_a_combination_is_the_sum_of_its_parts():
    encoding = TreatmentEncoding(facts(), "additive")
    assert encoding.names == ("A", "B", "C")
    assert encoding.n_cells.tolist() == [6, 0, 3]
    assert encoding.seen.tolist() == [1, 0, 1]
    found = encoding(cells("A+B", "control", "A@0.5", "C"))
    assert found.tolist() == [[1, 1, 0], [0, 0, 0], [0.5, 0, 0], [0, 0, 1]]


def test_unique_columns_are_perturbations_but_the_control():
    encoding = TreatmentEncoding(facts(), "unique")
    assert encoding.names == ("A", "A+B", "A@0.5", "C")
    assert encoding.n_cells.tolist() == [4, 0, 2, 3]
    assert encoding.seen.tolist() == [1, 0, 1, 1]
    found = encoding(cells("A+B", "control", "A@0.5", "C"))
    assert found.tolist() == [[0, 1, 0, 0], [0] * 4, [0, 0, 0.5, 0], [0, 0, 0, 1]]


def test_a_unique_combination_has_the_largest_dosage_of_its_parts():
    encoding = TreatmentEncoding(facts(), "unique")
    given = {**cells("A+B"), "dosage": torch.tensor([[0.5, 2.0, 0.0]])}
    assert encoding(given).tolist() == [[0, 2, 0, 0]]


# Masks


def mask_posterior(temperature=1.0):
    module = MaskPosterior(2, N_LATENT, temperature)
    with torch.no_grad():
        module.logit.copy_(torch.tensor([[-3.0, 0.0, 0.7], [2.0, -0.4, 5.0]]))
    return module


def test_the_masks_kl_is_that_of_torch():
    module, prior = mask_posterior(), BernoulliPrior(0.01)
    law = Bernoulli(logits=module.logit)
    expected = kl_divergence(law, Bernoulli(torch.full_like(module.logit, 0.01))).sum(-1)
    torch.testing.assert_close(module.kl_to(*prior.logs()), expected)
    learned = BetaPrior(2, N_LATENT, 1.0, 2.0)
    torch.nn.init.normal_(learned.logit, generator=torch.Generator().manual_seed(1))
    expected = kl_divergence(law, Bernoulli(logits=learned.logit)).sum(-1)
    torch.testing.assert_close(module.kl_to(*learned.logs()), expected)


def test_the_masks_kl_is_the_mean_log_ratio_of_its_draws():
    """Chances: 200,000 draws, within 6 standard errors; a false alarm is below 1e-8."""
    module = mask_posterior()
    generator = torch.Generator().manual_seed(3)
    uniform = torch.rand(200_000, 2, N_LATENT, generator=generator)
    with torch.no_grad():
        mask = module.at(uniform)
        prior, posterior = Bernoulli(torch.tensor(0.01)), Bernoulli(logits=module.logit)
        ratio = (posterior.log_prob(mask) - prior.log_prob(mask)).sum(-1).double()
        expected = module.kl_to(*BernoulliPrior(0.01).logs()).double()
    error = ratio.std(0) / math.sqrt(len(ratio))
    assert (error < 0.02 * expected).all()
    assert ((ratio.mean(0) - expected).abs() < 6 * error).all()


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.0])
def test_masks_are_drawn_as_zeros_and_ones_with_their_probability(temperature):
    """Chances: 200,000 draws of six entries, within 6 standard errors; below 1e-7 in all."""
    module = mask_posterior(temperature)
    uniform = torch.rand(200_000, 2, N_LATENT, generator=torch.Generator().manual_seed(4))
    mask = module.at(uniform)
    assert set(mask.unique().tolist()) == {0.0, 1.0}
    on = module.probability.double()
    error = (on * (1 - on) / len(mask)).sqrt()
    assert ((mask.double().mean(0) - on).abs() < 6 * error).all()


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.0])
def test_the_straight_through_gradient_is_that_of_the_relaxed_mask(temperature):
    logit = torch.linspace(-4, 4, 9, dtype=torch.float64).requires_grad_()
    uniform = torch.rand(9, generator=torch.Generator().manual_seed(6), dtype=torch.float64)
    weight = torch.arange(1.0, 10.0, dtype=torch.float64)
    (weight * straight_through(logit, uniform, temperature)).sum().backward()
    soft = ((logit + uniform.log() - (1 - uniform).log()) / temperature).sigmoid().detach()
    torch.testing.assert_close(logit.grad, weight * soft * (1 - soft) / temperature)


def test_no_uniform_number_makes_a_gradient_that_is_no_number():
    logit = torch.zeros(2).requires_grad_()
    mask = straight_through(logit, torch.tensor([0.0, 1.0]), 1.0)
    mask.sum().backward()
    assert mask.tolist() == [0, 1]
    assert torch.isfinite(logit.grad).all()


def test_shares_of_a_mask_count_what_was_trained_on():
    logit = torch.tensor([[9.0, 0.0], [-9.0, 1.0], [9.0, 9.0]])
    shares = mask_shares(logit, torch.tensor([1.0, 1.0, 0.0]))
    assert {name: share.item() for name, share in shares.items()} == {
        "mask_likely": 0.75,
        "mask_on": 0.25,
        "mask_off": 0.25,
    }


@pytest.mark.parametrize(("a", "b"), [(1.0, 2.0), (0.5, 10.0), (3.0, 1.0)])
def test_the_rate_of_a_beta_prior_costs_its_log_density(a, b):
    prior = BetaPrior(2, N_LATENT, a, b)
    torch.nn.init.normal_(prior.logit, generator=torch.Generator().manual_seed(1))
    expected = -Beta(a, b).log_prob(prior.logit.sigmoid()).sum(-1)
    torch.testing.assert_close(prior.cost(), expected)


# Embeddings


@pytest.mark.parametrize("guide", ["mean_field", "correlated"])
def test_the_embeddings_kl_is_that_of_torch_given_the_mask(guide):
    module = sparse(guide=guide, embedding_prior_scale=0.7)
    noise = drawn_noise(module)
    mask = module.mask.at(noise["mask"])
    q = module.embedding(mask)
    expected = kl_divergence(Normal(*q), Normal(0.0, 0.7)).sum(-1) * module.treated.seen
    torch.testing.assert_close(module.draw(noise).kl_embedding, expected)


@pytest.mark.parametrize("guide", ["mean_field", "correlated"])
def test_the_embeddings_kl_is_the_mean_log_ratio_of_its_draws(guide):
    """Chances: 100,000 draws, within 6 standard errors; a false alarm is below 1e-8."""
    module, noise = sparse(guide=guide), drawn_noise(sparse(guide=guide))
    normal = torch.randn(100_000, 3, N_LATENT, generator=torch.Generator().manual_seed(9))
    with torch.no_grad():
        q = module.embedding(module.mask.at(noise["mask"]))
        prior = Gaussian(torch.zeros_like(q.mean), torch.ones_like(q.mean))
        e = q.at(normal)
        ratio = (q.log_prob(e) - prior.log_prob(e)).double()
        expected = q.kl_to(prior).double()
    error = ratio.std(0) / math.sqrt(len(ratio))
    assert ((ratio.mean(0) - expected).abs() < 6 * error).all()
    assert (error < 0.02 * expected).all()


def test_only_a_correlated_embedding_depends_on_the_mask():
    torch.manual_seed(0)
    on, off = torch.ones(2, N_LATENT), torch.zeros(2, N_LATENT)
    for embedding, differs in (
        (MeanFieldEmbedding(2, N_LATENT), False),
        (CorrelatedEmbedding(2, N_LATENT, 5, 2), True),
    ):
        assert torch.equal(embedding(on).mean, embedding(off).mean) is not differs


# Both together


@pytest.mark.parametrize("mask_prior", ["bernoulli", "beta_bernoulli"])
@pytest.mark.nightly
def test_a_treatment_that_was_never_trained_on_is_drawn_from_its_prior(mask_prior):
    """Chances, 40,000 entries: the share that moves within 6 standard errors (below 1e-8), the
    moves by Dvoretzky, Kiefer and Wolfowitz at 1e-7.
    """
    settings = {"mask_prior": mask_prior, "beta_prior_a": 3.0, "beta_prior_b": 7.0}
    module = sparse(mask_prior_probability=0.3, embedding_prior_scale=2.0, **settings)
    noise = drawn_noise(module, 8, 40_000 // N_LATENT)
    with torch.no_grad():
        draws = [
            module.draw({"mask": u, "embedding": n}).moved[1]
            for u, n in zip(noise["mask"], noise["embedding"], strict=True)
        ]
    moved = torch.stack(draws).flatten().double()
    share, error = (moved != 0).double().mean(), math.sqrt(0.3 * 0.7 / len(moved))
    assert abs(share - 0.3) < 6 * error
    values = moved[moved != 0].sort().values
    n = len(values)
    steps = torch.arange(n + 1, dtype=torch.float64) / n
    cdf = Normal(0.0, 2.0).cdf(values)
    distance = torch.maximum(cdf - steps[:-1], steps[1:] - cdf).max()
    assert distance < math.sqrt(math.log(2 / 1e-7) / (2 * n))


@pytest.mark.parametrize("encoding", ["additive", "unique"])
@pytest.mark.parametrize("mask_prior", ["bernoulli", "beta_bernoulli"])
def test_a_treatment_that_was_never_trained_on_costs_and_learns_nothing(encoding, mask_prior):
    module = sparse(encoding=encoding, guide="mean_field", mask_prior=mask_prior, mask_weight=2.0)
    drawn = module.draw(drawn_noise(module))
    assert drawn.kl_mask[1] == drawn.kl_embedding[1] == 0
    costs = [*module.shared(drawn).values(), *module.penalty(drawn).values()]
    (sum(costs) + drawn.moved.sum()).backward()
    for name, parameter in module.named_parameters():
        assert not parameter.grad[1].any(), name
        assert parameter.grad[0].any(), name


def test_a_treatment_that_was_trained_on_is_drawn_from_its_posterior():
    module = sparse()
    noise = drawn_noise(module)
    mask = module.mask.at(noise["mask"])
    expected = mask * module.embedding(mask).at(noise["embedding"])
    moved = module.draw(noise).moved
    assert torch.equal(moved[[0, 2]], expected[[0, 2]])
    assert not torch.equal(moved[1], expected[1])


def test_globals_stand_in_the_ledger_once_and_their_surplus_is_a_penalty():
    plain, weighed = sparse(), sparse(mask_weight=3.0, mask_weight_per_cell=0.5)
    drawn = weighed.draw(drawn_noise(weighed))
    assert plain.penalty(plain.draw(drawn_noise(plain))) == {}
    shared = weighed.shared(drawn)
    torch.testing.assert_close(shared["kl_mask"], drawn.kl_mask[0] + drawn.kl_mask[2])
    surplus = (2 + 0.5 * 6) * drawn.kl_mask[0] + (2 + 0.5 * 3) * drawn.kl_mask[2]
    torch.testing.assert_close(weighed.penalty(drawn)["mask_surplus"], surplus / 14)


def test_weights_say_what_a_latent_must_gain_to_be_moved():
    """A latent that gains g nats over all cells of its treatment is on with log-odds
    logit(alpha) + g / w, w = mask_weight + mask_weight_per_cell n_cells: there the loss is flat.
    """
    module = sparse(guide="mean_field", mask_weight=3.0, mask_weight_per_cell=0.5)
    gain = torch.rand(3, N_LATENT, generator=torch.Generator().manual_seed(1)) * 30
    weight = 3 + 0.5 * torch.tensor([[6.0], [0.0], [3.0]])
    with torch.no_grad():
        module.mask.logit.copy_(math.log(0.01 / 0.99) + gain / weight)
    drawn = module.draw(drawn_noise(module))
    cost = module.shared(drawn)["kl_mask"] / 14 + module.penalty(drawn)["mask_surplus"]
    won = (gain * module.mask.probability * module.treated.seen[:, None]).sum() / 14
    (steep,) = torch.autograd.grad(won, module.mask.logit, retain_graph=True)
    (slope,) = torch.autograd.grad(cost - won, module.mask.logit)
    assert steep.abs().max() > 0.01
    torch.testing.assert_close(slope, torch.zeros(3, N_LATENT), rtol=0, atol=1e-6)


def test_without_noise_the_globals_are_at_their_most_probable_value():
    module = sparse()
    likely = (module.mask.probability > 0.5).float()
    expected = likely * module.embedding(likely).mean
    plugin = module.plugin()
    torch.testing.assert_close(plugin[[0, 2]], expected[[0, 2]])
    assert not plugin[1].any()


def test_latents_of_treatments_are_those_of_the_prior_where_none_was_trained_on():
    found = sparse(mask_prior_probability=0.2).expected()
    assert found.names == ("A", "B", "C")
    torch.testing.assert_close(found.mask_probability[1], torch.full((N_LATENT,), 0.2))
    assert not found.embedding[1].any()
    assert found.embedding[0].any()
