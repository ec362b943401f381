"""The zero-inflated likelihood and its gradient: in one step, and left to autograd.

    python benchmarks/zinb_likelihood.py

128 cells, 2,000 genes, nine zeros in ten; medians of interleaved pairs, one thread.
"""

from collections.abc import Callable
from statistics import median
from time import perf_counter

import torch
from torch import Tensor
from torch.nn.functional import softplus

from bench.parts.nn.distributions import NegativeBinomial
from bench.parts.nn.zinb import zinb_log_prob

N_CELLS, N_GENES, N_PAIRS = 128, 2000, 60


def left_to_autograd(counts: Tensor, mu: Tensor, theta: Tensor, pi: Tensor) -> Tensor:
    """The plain form."""
    kept = NegativeBinomial(mu, theta)
    zero = softplus(kept.log_zero() - pi)
    return torch.where(counts > 0, kept.log_prob(counts) - pi, zero) - softplus(-pi)


def seconds(form: Callable[..., Tensor], arguments: list[Tensor]) -> float:
    """One pass there and back."""
    started = perf_counter()
    form(*arguments).sum().backward()
    return perf_counter() - started


def main() -> None:
    """Time both, print a table."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    shape = (N_CELLS, N_GENES)
    counts = torch.poisson(torch.full(shape, 0.1))
    parameters = [torch.rand(shape) + 0.01, torch.rand(1, N_GENES) + 0.1, torch.randn(shape)]
    arguments = [counts, *(p.requires_grad_() for p in parameters)]
    forms = {"in one step": zinb_log_prob, "left to autograd": left_to_autograd}
    times: dict[str, list[float]] = {name: [] for name in forms}
    for _ in range(N_PAIRS):
        for name, form in forms.items():
            times[name].append(seconds(form, arguments))
    for name, measured in times.items():
        print(f"{name:18} {1e3 * median(measured):6.1f} ms")


if __name__ == "__main__":
    main()
