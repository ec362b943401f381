"""Dense rows from the entries of a sparse matrix (CSR), and the reverse."""

from bench.parts.nn.kernels.compilation import Kernel
from bench.parts.nn.kernels.elementary import log1p


def _count(dense, start):  # type: ignore[no-untyped-def]
    start[0] = 0
    for i in range(len(dense)):
        n = 0
        for j in range(dense.shape[1]):
            n += dense[i, j] != 0
        start[i + 1] = start[i] + n


def _collect(dense, start, column, value):  # type: ignore[no-untyped-def]
    for i in range(len(dense)):
        k = start[i]
        for j in range(dense.shape[1]):
            if dense[i, j] != 0:
                column[k], value[k] = j, dense[i, j]
                k += 1


def _fill(start, column, value, rows, dense):  # type: ignore[no-untyped-def]
    for i in range(len(rows)):
        dense[i, :] = 0
        for k in range(start[rows[i]], start[rows[i] + 1]):
            dense[i, column[k]] = value[k]


def _fill_logs(start, column, value, rows, dense):  # type: ignore[no-untyped-def]
    for i in range(len(rows)):
        dense[i, :] = 0
        for k in range(start[rows[i]], start[rows[i] + 1]):
            dense[i, column[k]] = log1p(value[k])


fill_rows = Kernel(_fill)
"""(start, column, value, rows (row,), dense (row, column)) -> None: fills the dense rows."""

fill_log_rows = Kernel(_fill_logs)
"""The same with log(1 + value)."""

count_rows = Kernel(_count)
"""(dense (row, column), start (row + 1,)) -> None: fills the first entry of each row."""

collect_rows = Kernel(_collect)
"""(dense, start, column (entry,), value (entry,)) -> None: fills the entries."""
