"""The log-likelihood of cells in one step against the elementwise form, in float64."""

import pytest
import torch
from scipy.sparse import csr_matrix
from torch.func import vmap

from bench.parts.nn.distributions import NegativeBinomial, Poisson, ZeroInflatedNegativeBinomial
from bench.parts.nn.fused_likelihood import CountEntries, can_fuse
from bench.parts.nn.observed import observed_sum, seen_counts
from bench.parts.nn.shares import Shares, shares_of, with_dense_mean
from bench.training.sparse import to_device

N_CELLS, N_GENES = 6, 9
LAWS = {"poisson": 0, "nb": 1, "zinb": 2}
"""Number of parameters beside the rates."""
SHAPES = {"one": (1,), "gene": (N_GENES,), "row": (1, N_GENES), "cell": (N_CELLS, N_GENES)}


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(3)


@pytest.fixture
def cells():
    """Counts with an empty cell, and a mask."""
    random = generator()
    counts = torch.poisson(torch.rand(N_CELLS, N_GENES, generator=random) * 4, generator=random)
    counts[0, 0], counts[1, 3], counts[2] = 40.0, 900.0, 0.0
    observed = (torch.rand(N_CELLS, N_GENES, generator=random) > 0.3).float()
    return {"counts": counts, "observed": observed}


def everything_observed(cells):
    return {**cells, "observed": torch.ones(N_CELLS, 1)}


def parameters(law: str, shape: tuple[int, ...], *lead: int) -> list[torch.Tensor]:
    """Rates in log, library, log theta and dropout logit; float64."""
    random = generator()
    rates = torch.randn(*lead, N_CELLS, N_GENES, generator=random).double()
    library = torch.rand(N_CELLS, 1, generator=random).double() * 30 + 1
    rest = [torch.randn(*lead, *shape, generator=random).double() for _ in range(LAWS[law])]
    return [rates, library, *rest]


def law_of(law: str, with_shares: bool, rates, library, log_theta=None, logit=None):
    mean = shares_of(library, rates, 1e-3) if with_shares else rates.exp()
    if law == "poisson":
        return Poisson(mean)
    theta = log_theta.exp()
    if law == "nb":
        return NegativeBinomial(mean, theta)
    return ZeroInflatedNegativeBinomial(mean, theta, logit)


def plain(law, cells):
    """The definition."""
    double = {name: field.double() for name, field in cells.items() if name != "entries"}
    return observed_sum(law.log_prob(seen_counts(double)), double)


def gradients(value, weights, inputs):
    used = [one for one in inputs if one.requires_grad]
    total = (value * weights).sum()
    found = torch.autograd.grad(total, used, allow_unused=True, retain_graph=True)
    return [one for one in found if one is not None]


def both(law, with_shares, arguments, cells, weights):
    """Value and gradients of the fused form (float32) and of the definition (float64)."""
    results = []
    for dtype, form in ((torch.float32, lambda law: law.log_likelihood(cells)), (torch.float64, 0)):
        given = [one.to(dtype).requires_grad_() for one in arguments]
        made = law_of(law, with_shares, *given)
        value = form(made) if form else plain(made, cells)
        results.append([value, *gradients(value, weights.to(dtype), given)])
    return zip(*results, strict=True)


def close(mine, true):
    assert mine.dtype == torch.float32
    scale = float(true.detach().abs().max())
    torch.testing.assert_close(mine.double(), true, rtol=1e-5, atol=2e-6 * scale)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("with_shares", [True, False], ids=["shares", "means"])
@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("mask", [True, False])
def test_it_is_the_sum_over_observed_genes(cells, law, with_shares, shape, mask):
    """With weights that differ between cells, as in a minibatch with a labelled share."""
    cells = cells if mask else everything_observed(cells)
    weights = torch.linspace(-1, 2, N_CELLS)
    for mine, true in both(law, with_shares, parameters(law, SHAPES[shape]), cells, weights):
        close(mine, true)


@pytest.mark.parametrize("with_shares", [True, False], ids=["shares", "means"])
@pytest.mark.parametrize("law", LAWS)
def test_draws_before_the_cells(cells, law, with_shares):
    """(draw, cell, gene) rates share the counts, the library sizes and the parameters."""
    rates, *rest = parameters(law, (N_GENES,))
    arguments = [torch.stack([rates, rates.flip(0), -rates]), *rest]
    weights = torch.randn(3, N_CELLS, generator=generator())
    for mine, true in both(law, with_shares, arguments, cells, weights):
        close(mine, true)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("law", LAWS)
def test_a_stack_of_replicates_with_draws_is_a_loop(cells, law, shape):
    """Rates per replicate and draw, parameters per replicate, counts of all."""
    rates, library, *rest = parameters(law, SHAPES[shape], 2)
    draws = torch.stack([rates, -rates, rates / 2], 1)
    stacked = [one.float().requires_grad_() for one in (draws, *rest)]
    library = library.float()

    def replicate(draws, *rest):
        def at(rates):
            return law_of(law, True, rates, library, *rest).log_likelihood(cells)

        return vmap(at)(draws)

    together = vmap(replicate)(*stacked)
    alone = torch.stack([replicate(*(one[r] for one in stacked)) for r in range(2)])
    assert torch.equal(together, alone)
    weights = torch.randn(2, 3, N_CELLS, generator=generator())
    for mine, true in zip(
        gradients(together, weights, stacked), gradients(alone, weights, stacked), strict=True
    ):
        torch.testing.assert_close(mine, true)


def test_every_replicate_may_have_its_own_cells(cells):
    """As in the steps of a stack: counts, masks and library sizes have a replicate axis."""
    rates, library, log_theta, logit = (
        one.float().requires_grad_() for one in parameters("zinb", (N_GENES,))
    )
    own = {name: torch.stack([field, field.flip(0)]) for name, field in cells.items()}
    libraries = torch.stack([library, 2 * library])

    def value(cells, library, rates=rates):
        return law_of("zinb", True, rates, library, log_theta, logit).log_likelihood(cells)

    together = vmap(value)(own, libraries)
    alone = torch.stack([value({k: v[r] for k, v in own.items()}, libraries[r]) for r in range(2)])
    assert torch.equal(together, alone)
    inputs, weights = (rates, library, log_theta, logit), torch.rand(2, N_CELLS)
    for mine, true in zip(
        gradients(together, weights, inputs), gradients(alone, weights, inputs), strict=True
    ):
        torch.testing.assert_close(mine, true)


def test_a_gradient_inside_of_vmap(cells):
    rates, library, log_theta = (one.float() for one in parameters("nb", (N_GENES,)))

    def total(log_theta):
        return law_of("nb", True, rates, library, log_theta).log_likelihood(cells).sum()

    each = torch.stack([log_theta, log_theta + 1])
    together = vmap(torch.func.grad(total))(each)
    alone = torch.stack([torch.func.grad(total)(one) for one in each])
    torch.testing.assert_close(together, alone)
    assert torch.isfinite(alone).all()
    assert alone.any()


def entries_of(counts: torch.Tensor, rows: list[int], dense: torch.Tensor) -> CountEntries:
    return CountEntries(
        *to_device(csr_matrix(counts.numpy()), torch.device("cpu"))[:3], torch.tensor(rows), dense
    )


@pytest.mark.parametrize("law", LAWS)
def test_entries_are_the_counts(cells, law):
    """Of cells in another order, one of them twice; with every draw of ``vmap``."""
    rows = [4, 1, 1, 2, 5, 0]
    there = {name: field[rows] for name, field in cells.items()}
    # Hidden entries are zero in a problem.
    seen = seen_counts(cells)
    with_entries = {**there, "entries": entries_of(seen, rows, there["counts"])}
    assert float(with_entries["entries"].value.sum()) == float(seen.sum())
    arguments = [one.float() for one in parameters(law, (N_GENES,))]

    def value(cells, factor):
        return law_of(law, True, arguments[0] * factor, *arguments[1:]).log_likelihood(cells)

    factors = torch.tensor([1.0, -1.0])
    for one in factors:
        assert torch.equal(value(with_entries, one), value(there, one))
    drawn = vmap(lambda factor: value(with_entries, factor))(factors)
    assert torch.equal(drawn[1], value(there, factors[1]))


def test_entries_of_other_counts_are_not_used(cells):
    """A model that changes the counts of its minibatch gets what it asks for."""
    entries = entries_of(cells["counts"], list(range(N_CELLS)), cells["counts"])
    changed = {**cells, "counts": cells["counts"].clamp_max(1), "entries": entries}
    law = law_of("nb", True, *(one.float() for one in parameters("nb", (1,))))
    close(law.log_likelihood(changed), plain(with_dense_mean(law), changed))


@pytest.mark.parametrize("law", LAWS)
def test_one_gene(law):
    cells = {"counts": torch.tensor([[0.0], [3.0]]), "observed": torch.tensor([[1.0], [0.0]])}
    arguments = [torch.tensor([[0.3], [0.7]]), None, *[torch.tensor([0.4])] * LAWS[law]]
    found = law_of(law, False, *arguments).log_likelihood(cells)
    double = [None if one is None else one.double() for one in arguments]
    close(found, plain(law_of(law, False, *double), cells))
    assert found[1] == 0


def test_inputs_of_any_layout(cells):
    rates, library, log_theta, logit = (one.float() for one in parameters("zinb", (N_GENES,)))
    plainly = law_of("zinb", True, rates, library, log_theta, logit).log_likelihood(cells)
    strided = {name: field.T.contiguous().T for name, field in cells.items()}
    wide = torch.stack([log_theta, logit], 1)
    turned = law_of("zinb", True, rates.T.contiguous().T, library, wide[:, 0], wide[:, 1])
    assert torch.equal(turned.log_likelihood(strided), plainly)


def test_values_alone_are_the_same_and_need_no_gradient(cells):
    arguments = [one.float().requires_grad_() for one in parameters("zinb", (N_GENES,))]
    law = law_of("zinb", True, *arguments)
    with_gradient = law.log_likelihood(cells)
    with torch.no_grad():
        alone = law.log_likelihood(cells)
    assert with_gradient.requires_grad
    assert not alone.requires_grad
    assert torch.equal(alone, with_gradient)


def test_doubles_take_the_elementwise_form(cells):
    rates, library = parameters("poisson", (1,))
    assert can_fuse(rates.float(), None, library.float())
    assert not can_fuse(rates.float(), library)
    double = {name: field.double() for name, field in cells.items()}
    law = law_of("poisson", True, rates, library)
    assert law.log_likelihood(double).dtype == torch.float64
    assert torch.equal(law.log_likelihood(double), plain(law, cells))


def test_shares_have_a_dense_mean():
    logits, library = torch.tensor([[1.0, 3.0]]).log(), torch.tensor([[8.0]])
    shares = shares_of(library, logits, 0.5)
    torch.testing.assert_close(shares.mean, torch.tensor([[2.5, 6.5]]))
    dense = with_dense_mean(ZeroInflatedNegativeBinomial(shares, torch.ones(2), torch.zeros(2)))
    assert not isinstance(dense.rates, Shares)
    torch.testing.assert_close(dense.expressed, shares.mean)
    torch.testing.assert_close(dense.mean, shares.mean / 2)
    mapped = vmap(lambda factor: Poisson(shares_of(factor * library, logits, 0.5)))(torch.ones(3))
    assert mapped.rates.floor.shape == (3,)
