"""The log-likelihood of cells in one step on the CPU, with an explicit gradient.

The kernels (``bench.parts.nn.kernels``) take rows.  Whatever has fewer rows than the rates (a theta
per gene, the counts of cells with several draws each) is a table, and an index says which of its
rows belongs to each row of the rates; a mapped axis of ``vmap`` becomes more rows.  The gradients
of every row's value are computed together with the value, if any input needs them, and ``backward``
only multiplies and sums.  Counts, mask and floor have no gradient; there is no second derivative.
"""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from bench.core.variant import Minibatch
from bench.parts.nn.observed import entries_in, seen_counts
from bench.parts.nn.shares import Shares


class CountEntries(NamedTuple):
    """The non-zero counts of a dataset by cell (CSR), and the cells of a minibatch."""

    start: Tensor
    """(cell of the dataset + 1,) int64 index of the first entry of each cell."""
    column: Tensor
    """(entry,) gene."""
    value: Tensor
    """(entry,) counts."""
    rows: Tensor
    """(cell,) int64."""
    counts: Tensor
    """(cell, gene) the same counts; the entries are used only while this tensor is the field
    ``counts`` of the minibatch."""

    def log_counts(self) -> Tensor:
        """(cell, gene) log(1 + counts)."""
        from bench.parts.nn.kernel_calls import dense_rows

        arrays = (self.start, self.column, self.value, self.rows)
        return dense_rows(*arrays, self.counts.shape[-1], logs=True)


class Table(NamedTuple):
    """A (K, gene) table and the (row,) index into it; None twice if the law has none."""

    values: Tensor | None
    row_of: Tensor | None


NO_TABLE = Table(None, None)


def can_fuse(*parameters: Tensor | None) -> bool:
    """Whether the kernels take these tensors: float32 on the CPU."""
    given = [one for one in parameters if one is not None]
    return all(one.dtype == torch.float32 and one.device.type == "cpu" for one in given)


def fused_log_likelihood(
    rates: Tensor | Shares, theta: Tensor | None, dropout_logit: Tensor | None, cells: Minibatch
) -> Tensor:
    """(…, cell) log-probability of the observed counts, nats.

    ``rates`` and the parameters broadcast with (cell, gene) counts; without ``theta`` the law is
    Poisson, without ``dropout_logit`` negative binomial.
    """
    logits, library, floor = rates if isinstance(rates, Shares) else (rates, None, None)
    observed, counts = cells["observed"], cells["counts"]
    given = [one for one in (logits, library, theta, dropout_logit) if one is not None]
    lead = np.broadcast_shapes(*(one.shape[:-1] for one in [*given, counts, observed]))
    n_genes = counts.shape[-1]

    def table(values: Tensor | None) -> Table:
        return NO_TABLE if values is None else _table(values, lead, n_genes)

    masked = observed.shape[-1] != 1
    value = _apply(
        logits.expand(*lead, n_genes).reshape(-1, n_genes),
        None if library is None else library.expand(*lead, 1).reshape(-1),
        None if floor is None else floor.expand(lead).reshape(-1),
        *table(theta),
        *table(dropout_logit),
        *table(observed if masked else None),
        *_counts(cells, lead, n_genes),
    )[0].reshape(lead)
    return value if masked else value * observed.squeeze(-1)


def _table(values: Tensor, lead: tuple[int, ...], n_genes: int) -> Table:
    """The rows of ``values``, and which of them belongs to each row of ``lead``."""
    own = values.shape[:-1]
    index = torch.arange(prod(own), device=values.device).reshape(own).expand(lead).reshape(-1)
    return Table(values.expand(*own, n_genes).reshape(-1, n_genes), index)


def _counts(cells: Minibatch, lead: tuple[int, ...], n_genes: int) -> tuple[Tensor | None, ...]:
    """Dense counts, start, column and value of entries (or None thrice), and the rows' cells."""
    if (entries := entries_in(cells)) is None:
        dense, index = _table(seen_counts(cells), lead, n_genes)
        return dense, None, None, None, index
    rows = entries.rows.expand(lead).reshape(-1)
    return None, entries.start, entries.column, entries.value, rows


def _apply(*inputs: Any, wanted: bool = False) -> tuple[Tensor, ...]:
    """The function below, with gradients if they are ``wanted`` or any of these inputs needs one.

    Inside of ``vmap`` that cannot be seen: its rule calls this again, outside.
    """
    needed = torch.is_grad_enabled() and any(x is not None and x.requires_grad for x in inputs)
    results: tuple[Tensor, ...] = _Rows.apply(*inputs, wanted or needed)
    return results


class _Rows(torch.autograd.Function):
    """Inputs: rates, library, floor, then (values, index) of theta, dropout logit and mask, then
    dense counts, start, column, value and index.  Outputs: the (row,) value, and its gradients in
    rates, library, theta and dropout logit, empty if there are none."""

    @staticmethod
    def forward(*inputs: Any) -> tuple[Tensor, ...]:
        from bench.parts.nn.kernel_calls import run_rows

        return run_rows(*inputs)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        ctx.mark_non_differentiable(*output[1:])
        ctx.set_materialize_grads(False)
        theta, theta_of, dropout, dropout_of = inputs[3:7]
        ctx.has_library = inputs[1] is not None
        ctx.sizes = [0 if table is None else len(table) for table in (theta, dropout)]
        ctx.save_for_backward(*output[1:], theta_of, dropout_of)

    @staticmethod
    def backward(ctx: Any, grad: Tensor | None, *_: Any) -> tuple[Tensor | None, ...]:
        nothing = (None,) * 15
        if grad is None:
            return nothing
        of_rates, of_library, of_theta, of_dropout, theta_of, dropout_of = ctx.saved_tensors
        n_theta, n_dropout = ctx.sizes
        # In place: these arrays belong to this function, and new ones would cost as much as a
        # product.  A second backward pass through the same graph raises torch's error for this.
        return (
            of_rates.mul_(grad[:, None]),
            grad * of_library if ctx.has_library else None,
            None,
            _by_table_row(grad, of_theta, theta_of, n_theta) if n_theta else None,
            None,
            _by_table_row(grad, of_dropout, dropout_of, n_dropout) if n_dropout else None,
            *nothing[6:],
        )

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *inputs: Any) -> Any:
        size = info.batch_size
        *arrays, wanted = inputs
        rows = [_more_rows(x, d, size) for x, d in zip(arrays[:3], in_dims[:3], strict=True)]
        tables: list[Tensor | None] = []
        for k in (3, 5, 7):
            tables += _more_tables(arrays[k : k + 2], in_dims[k : k + 2], size)
        dense, cell_of = _more_tables([arrays[9], arrays[13]], (in_dims[9], in_dims[13]), size)
        if any(d is not None for d in in_dims[10:13]):
            raise NotImplementedError("the non-zero counts of a dataset cannot be mapped")
        found = _apply(*rows, *tables, dense, *arrays[10:13], cell_of, wanted=wanted)
        filled = [x.reshape(size, -1, *x.shape[1:]) if len(x) else x for x in found]
        return tuple(filled), tuple(0 if len(x) else None for x in found)


def _more_rows(values: Tensor | None, dim: int | None, size: int) -> Tensor | None:
    """The mapped axis as more rows."""
    if values is None:
        return None
    mapped = values.expand(size, *values.shape) if dim is None else values.movedim(dim, 0)
    return mapped.reshape(-1, *mapped.shape[2:])


def _more_tables(table: Any, dims: Any, size: int) -> list[Tensor | None]:
    """The same for a table and its index; a table that is not mapped keeps its size."""
    values, index = table
    if index is None:
        return [None, None]
    more = index.expand(size, len(index)) if dims[1] is None else index.movedim(dims[1], 0)
    if values is not None and dims[0] is not None:
        values = values.movedim(dims[0], 0)
        n_rows = values.shape[1]
        more = more + n_rows * torch.arange(size, device=index.device)[:, None]
        values = values.reshape(-1, values.shape[-1])
    return [values, more.reshape(-1)]


def _by_table_row(grad: Tensor, of_row: Tensor, index: Tensor, n_rows: int) -> Tensor:
    """(K, gene): sum of grad times the gradient of every row that uses a row of the table."""
    if n_rows == 1:
        return (grad @ of_row)[None]
    each = of_row.mul_(grad[:, None])
    if n_rows == len(grad):  # Such an index is 0, 1, 2, …
        return each
    return each.new_zeros(n_rows, each.shape[1]).index_add(0, index, each)
