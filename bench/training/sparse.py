"""Sparse counts on the device, converted to dense arrays per minibatch."""

from typing import NamedTuple

import numpy as np
import torch
from scipy.sparse import csr_matrix
from torch import Tensor


class SparseRows(NamedTuple):
    """A CSR matrix as three tensors on one device."""

    start: Tensor
    """(row + 1,) index of the first entry of each row."""
    column: Tensor
    value: Tensor
    n_columns: int

    def dense(self, rows: Tensor) -> Tensor:
        """(…, column) dense rows for any shape of row indices."""
        flat = rows.reshape(-1)
        if flat.device.type == "cpu":
            from bench.parts.nn.kernel_calls import dense_rows  # numba: only where it is used

            dense = dense_rows(self.start, self.column, self.value, flat, self.n_columns)
            return dense.reshape(*rows.shape, self.n_columns)
        first = self.start[flat]
        length = self.start[flat + 1] - first
        target = torch.arange(len(flat), device=flat.device).repeat_interleave(length)
        before = (length.cumsum(0) - length).repeat_interleave(length)
        within = torch.arange(len(target), device=flat.device) - before
        source = first.repeat_interleave(length) + within
        out = self.value.new_zeros(len(flat), self.n_columns)
        out[target, self.column[source].long()] = self.value[source]
        return out.reshape(*rows.shape, self.n_columns)


def to_device(matrix: csr_matrix, device: torch.device) -> SparseRows:
    """The matrix on the device, values as float32 (exact for counts below 2**24)."""
    matrix = matrix.tocsr()
    return SparseRows(
        start=torch.from_numpy(matrix.indptr.astype(np.int64)).to(device),
        column=torch.from_numpy(matrix.indices.astype(np.int32)).to(device),
        value=torch.from_numpy(matrix.data.astype(np.float32)).to(device),
        n_columns=matrix.shape[1],
    )
