"""The log-likelihood of rows of counts and its gradients, in one pass over each row.

The law follows from the parameters: without ``theta`` it is Poisson, without ``dropout`` negative
binomial, else zero-inflated negative binomial.  All arrays are float32 and C-contiguous, indices
int64, columns of entries of any whole type.
"""

import numpy as np

from bench.parts.nn.kernels.compilation import Kernel, over_genes
from bench.parts.nn.kernels.negative_binomial import negative_binomial_row
from bench.parts.nn.kernels.poisson import poisson_row
from bench.parts.nn.kernels.shares import (
    copied_means,
    means_of_shares,
    scaled,
    slopes_of_logits,
    slopes_of_means,
    total_of,
)
from bench.parts.nn.kernels.zero_inflated import zero_inflated_row


@over_genes
def _mask_row(seen, i, each, of_rates, of_theta, of_dropout):  # type: ignore[no-untyped-def]
    """Zero for hidden genes, in the values and in row i of the gradients."""
    scaled(each, seen)
    if of_rates is not None:
        scaled(of_rates[i], seen)
    if of_theta is not None:
        scaled(of_theta[i], seen)
    if of_dropout is not None:
        scaled(of_dropout[i], seen)


def _rows(  # type: ignore[no-untyped-def]
    rates,
    library,
    floor,
    theta,
    theta_of,
    dropout,
    dropout_of,
    mask,
    mask_of,
    start,
    column,
    count,
    cell_of,
    value,
    of_rates,
    of_library,
    of_theta,
    of_dropout,
):
    buffers = np.empty((3, rates.shape[1]), np.float32)
    share, mean, each = buffers[0], buffers[1], buffers[2]
    for i in range(len(rates)):
        if len(library) > 0:
            means_of_shares(rates[i], library[i], floor[i], share, mean)
        else:
            copied_means(rates[i], mean)
        first, last = start[cell_of[i]], start[cell_of[i] + 1]
        where, x = column[first:last], count[first:last]
        slope = None if of_rates is None else of_rates[i]
        if theta is None:
            poisson_row(mean, where, x, each, slope)
        elif dropout is None:
            r = theta[theta_of[i]]
            d_theta = None if of_theta is None else of_theta[i]
            negative_binomial_row(mean, r, where, x, each, slope, d_theta)
        else:
            r, q = theta[theta_of[i]], dropout[dropout_of[i]]
            d_theta = None if of_theta is None else of_theta[i]
            d_dropout = None if of_dropout is None else of_dropout[i]
            zero_inflated_row(mean, r, q, where, x, each, slope, d_theta, d_dropout)
        if len(mask) > 0:
            _mask_row(mask[mask_of[i]], i, each, of_rates, of_theta, of_dropout)
        value[i] = total_of(each)
        if of_rates is not None:
            if len(library) > 0:
                of_library[i] = slopes_of_logits(share, mean, library[i], of_rates[i])
            else:
                slopes_of_means(mean, of_rates[i])


log_likelihood_rows = Kernel(_rows)
"""(rates, library, floor, theta, theta_of, dropout, dropout_of, mask, mask_of, start, column,
count, cell_of, value, of_rates, of_library, of_theta, of_dropout) -> None.

rates       (row, gene): logits of shares if ``library`` is (row,), means if it is (0,)
floor       (row,), added to every mean that is made from logits
theta       (K, gene) inverse dispersions, and (row,) which of them; or None twice
dropout     (L, gene) dropout logits, and (row,) which of them; or None twice
mask        (M, gene) 1 for observed entries, else 0, and (row,) which of them; or (0, any) and any
start, column, count, cell_of    non-zeros by cell (CSR), and the (row,) cells
value       (row,) log-likelihood over observed genes, nats; filled
of_…        gradients of each row's value: (row, gene), (row,), (row, gene), (row, gene); filled, or
            None for the value only

Errors are below 1e-5 of the value and of each gradient for means in [1e-8, 1e6], theta in [1e-4,
1e6] and counts up to 1e5, except where a gradient is a difference: its error is then relative to
its terms (``d a`` in ``shares``; d/d mu at mu = x; d/d theta, with terms of size (x + mu)^2 /
theta^2).
"""
