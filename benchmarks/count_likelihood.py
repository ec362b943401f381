"""Log-likelihood of a minibatch and its gradients: fused kernel, and elementwise form.

    python benchmarks/count_likelihood.py [counts.h5ad]

128 cells of the file, or 128 cells of 2,000 genes with one non-zero count in ten; medians of
interleaved rounds, one thread.
"""

import sys
from collections.abc import Callable
from statistics import median
from time import perf_counter

import torch
from scipy.sparse import csr_matrix
from torch import Tensor

from bench.parts.nn.distributions import NegativeBinomial, Poisson, ZeroInflatedNegativeBinomial
from bench.parts.nn.fused_likelihood import CountEntries
from bench.parts.nn.observed import observed_sum, seen_counts
from bench.parts.nn.shares import shares_of
from bench.training.sparse import to_device

N_CELLS, N_GENES, N_ROUNDS = 128, 2000, 40
LAWS = {"Poisson": Poisson, "NB": NegativeBinomial, "ZINB": ZeroInflatedNegativeBinomial}


def counts_of(path: str) -> csr_matrix:
    """Counts of a file, or simulated ones."""
    if path:
        import anndata

        return csr_matrix(anndata.read_h5ad(path).X)
    rate = torch._standard_gamma(torch.full((N_CELLS, N_GENES), 0.1))
    return csr_matrix(torch.poisson(rate).numpy())


def minibatch(matrix: csr_matrix) -> dict[str, Tensor | CountEntries]:
    """Dense counts and entries of random cells."""
    sparse, rows = to_device(matrix, torch.device("cpu")), torch.randperm(matrix.shape[0])[:N_CELLS]
    counts = sparse.dense(rows)
    entries = CountEntries(*sparse[:3], rows, counts)
    return {"counts": counts, "observed": torch.ones(len(rows), 1), "entries": entries}


def elementwise(law: Poisson | NegativeBinomial, cells: dict[str, Tensor]) -> Tensor:
    """The form that defines the likelihood."""
    return observed_sum(law.log_prob(seen_counts(cells)), cells)


def milliseconds(run: Callable[[], Tensor], backward: bool) -> float:
    """One pass, with or without gradients."""
    with torch.set_grad_enabled(backward):
        started = perf_counter()
        value = run()
        if backward:
            value.sum().backward()
    return 1e3 * (perf_counter() - started)


def main() -> None:
    """Time all forms and print a table."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    cells = minibatch(counts_of(sys.argv[1] if len(sys.argv) > 1 else ""))
    n_cells, n_genes = cells["counts"].shape
    library = cells["counts"].sum(-1, keepdim=True)
    rates, logit = (torch.randn(n_cells, n_genes).requires_grad_() for _ in range(2))
    log_theta = torch.randn(n_genes).requires_grad_()

    def law(name: str, shares: bool) -> Poisson | NegativeBinomial:
        means = shares_of(library, rates, 1e-8) if shares else rates.exp()
        parameters = (means, log_theta.exp(), logit)
        return LAWS[name](*parameters[: len(LAWS[name]._fields)])

    print(
        f"{n_cells} cells, {n_genes} genes, {float((cells['counts'] > 0).float().mean()):.1%} > 0"
    )
    print(f"{'law':8}{'rates':8}{'pass':20}{'fused':>9}{'elementwise':>14}  ms")
    forms = {
        "fused": lambda one: one.log_likelihood(cells),
        "plain": lambda o: elementwise(o, cells),
    }
    for name in LAWS:
        for shares in (True, False):
            for backward in (False, True):
                times: dict[str, list[float]] = {form: [] for form in forms}
                for _ in range(N_ROUNDS):
                    for form, run in forms.items():
                        made = lambda run=run: run(law(name, shares))  # noqa: B023, E731
                        times[form].append(milliseconds(made, backward))
                fused, plain = (median(each) for each in times.values())
                what = "value and gradients" if backward else "value"
                print(
                    f"{name:8}{'shares' if shares else 'means':8}{what:20}{fused:9.2f}{plain:14.2f}"
                )


if __name__ == "__main__":
    main()
