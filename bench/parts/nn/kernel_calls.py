"""Calls of the kernels with tensors: memory for their results, and entries of dense counts."""

from itertools import product
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.parts.nn.kernels.entries import (
    collect_rows,
    count_rows,
    fill_log_rows,
    fill_rows,
)
from bench.parts.nn.kernels.rows import log_likelihood_rows


def run_rows(
    rates: Tensor,
    library: Tensor | None,
    floor: Tensor | None,
    theta: Tensor | None,
    theta_of: Tensor | None,
    dropout: Tensor | None,
    dropout_of: Tensor | None,
    mask: Tensor | None,
    mask_of: Tensor | None,
    dense: Tensor | None,
    start: Tensor | None,
    column: Tensor | None,
    count: Tensor | None,
    cell_of: Tensor,
    wanted: bool,
) -> tuple[Tensor, ...]:
    """Value and gradients as described in :mod:`bench.parts.nn.kernels.rows`.

    Gradients that are not wanted or that the law does not have are empty.
    """
    if dense is not None:
        start, column, count = entries_of(dense)
    nothing = rates.new_empty(0)
    value = rates.new_empty(len(rates))
    found = [
        torch.empty(shape) if wanted and given is not None else nothing
        for given, shape in (
            (rates, rates.shape),
            (library, value.shape),
            (theta, rates.shape),
            (dropout, rates.shape),
        )
    ]
    inputs = [
        *(rates, nothing if library is None else library, value if floor is None else floor),
        *(theta, theta_of, dropout, dropout_of),
        *((nothing[:, None], cell_of) if mask is None else (mask, mask_of)),
        *(start, column, count, cell_of),
    ]
    needed = (wanted, wanted, wanted and theta is not None, wanted and dropout is not None)
    outputs = [one if is_needed else None for one, is_needed in zip(found, needed, strict=True)]
    log_likelihood_rows(*(_array(one) for one in [*inputs, value, *outputs]))
    return value, *found


def dense_rows(
    start: Tensor, column: Tensor, value: Tensor, rows: Tensor, n_columns: int, logs: bool = False
) -> Tensor:
    """(row, column) dense rows of a sparse matrix, float32; or their log(1 + value)."""
    dense = torch.empty(len(rows), n_columns)
    fill = fill_log_rows if logs else fill_rows
    fill(*(_array(one) for one in (start, column, value, rows)), _array(dense))
    return dense


def load_kernels() -> None:
    """Compile the kernels that most trainings use, or load them, in a process that will be copied.

    One row of two genes for every law, from shares and from means, with and without gradients.
    """
    dense, row = torch.tensor([[1.0, 0.0]]), torch.zeros(1, dtype=torch.long)
    start, column, value = entries_of(dense)
    dense_rows(start, column, value, row, 2)
    dense_rows(start, column, value, row, 2, logs=True)
    one, index = torch.ones(1), (dense, row)
    laws: list[tuple[Any, ...]] = [(None,) * 4, (*index, None, None), (*index, *index)]
    for law, of_shares, wanted in product(laws, ((one, one), (None, None)), (True, False)):
        arguments = [dense + 1, *of_shares, *law, None, None, None, start, column, value, row]
        run_rows(*(*arguments, wanted))


def entries_of(dense: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Start, column (int32) and value of the non-zeros of (row, gene) counts."""
    counts, start = _array(dense), torch.empty(len(dense) + 1, dtype=torch.int64)
    count_rows(counts, _array(start))
    n_entries = int(start[-1])
    column, value = torch.empty(n_entries, dtype=torch.int32), torch.empty(n_entries)
    collect_rows(counts, *(_array(one) for one in (start, column, value)))
    return start, column, value


def _array(values: Tensor | None) -> NDArray[Any] | None:
    """The memory of a tensor as a contiguous array."""
    return None if values is None else values.detach().contiguous().numpy()
