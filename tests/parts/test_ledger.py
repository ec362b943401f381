"""The ledger adds up in one place: ELBO, warm-up, shared terms, penalties."""

import torch

from bench.core.ledger import LossTerms, elbo, once_per_dataset, penalties, warmed
from bench.training import objective


def terms() -> LossTerms:
    return LossTerms.of(
        local={"reconstruction": torch.tensor([3.0, 5.0]), "kl_z": torch.tensor([1.0, 2.0])},
        log_weight=torch.tensor([-4.5, -6.0]),
        shared={"kl_effects": torch.tensor(10.0)},
        penalty={"mmd": torch.tensor(0.5)},
    )


def drawn(*several: LossTerms) -> LossTerms:
    """The same with a leading draw axis."""
    return torch.utils._pytree.tree_map(lambda *parts: torch.stack(parts), *several)


def test_elbo_is_minus_the_local_terms():
    assert elbo(terms()).tolist() == [-4.0, -7.0]


def test_warm_up_weighs_the_kl_and_the_log_ratio_alike():
    bound, weight = warmed(terms(), 0.5)
    assert bound.tolist() == [-3.5, -6.0]
    assert weight.tolist() == [-3.75, -5.5]
    bound, weight = warmed(terms(), 1.0)
    assert bound.tolist() == elbo(terms()).tolist()
    assert weight.tolist() == terms().log_weight.tolist()


def test_shared_terms_count_once_per_dataset():
    assert float(once_per_dataset(terms(), 5)) == 2.0
    assert float(once_per_dataset(terms(), 10)) == 1.0


def test_penalty_steers_and_is_never_reported():
    once = drawn(terms())
    assert float(penalties(terms())) == 0.5
    assert float(objective.bound(once, 10, "elbo")) == -5.5 - 1.0
    assert float(objective.loss(once, 10, "elbo", 1.0)) == 5.5 + 1.0 + 0.5
    assert float(objective.summary(once, 10)["elbo"]) == -5.5 - 1.0


def test_iwae_of_one_draw_is_its_log_weight_and_of_two_their_log_mean():
    assert float(objective.bound(drawn(terms()), 10, "iwae")) == -5.25 - 1.0
    other = terms()._replace(log_weight=torch.tensor([-2.0, -1.0]))
    both = torch.stack([terms().log_weight, other.log_weight])
    expected = (both.exp().mean(0).log()).mean() - 1.0
    found = objective.bound(drawn(terms(), other), 10, "iwae")
    torch.testing.assert_close(found, expected)
