"""Non-zeros of dense rows, as a sparse matrix (CSR)."""

from bench.parts.nn.kernels.compilation import Kernel


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


count_rows = Kernel(_count)
"""(dense (row, column), start (row + 1,)) -> None: fills the first entry of each row."""

collect_rows = Kernel(_collect)
"""(dense, start, column (entry,), value (entry,)) -> None: fills the entries."""
