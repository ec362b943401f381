"""What the MMD estimators cost: milliseconds forward and backward, by cells in the minibatch.

python benchmarks/mmd_cost.py
"""

from statistics import median
from time import perf_counter

import torch

from bench.parts.nn.mmd import Estimator, membership, mmd_of_batches

SIZES = (128, 256, 512, 1024, 2048, 4096)
ESTIMATORS: tuple[Estimator, ...] = ("normal", "unbiased", "fast")
ROUNDS = 7


def milliseconds(estimator: Estimator, n_cells: int) -> float:
    """One pass over two batches of ten-dimensional latents."""
    points = torch.randn(n_cells, 10, requires_grad=True)
    member = membership(torch.arange(n_cells) % 2, 2)
    started = perf_counter()
    mmd_of_batches(points, member, torch.ones(1), estimator, "sequential").backward()
    return 1000 * (perf_counter() - started)


def main() -> None:
    """Interleaved rounds, medians."""
    torch.set_num_threads(1)
    print("| cells | " + " | ".join(ESTIMATORS) + " |")
    print("|---" * (len(ESTIMATORS) + 1) + "|")
    for n_cells in SIZES:
        rounds = [[milliseconds(name, n_cells) for name in ESTIMATORS] for _ in range(ROUNDS)]
        cells = " | ".join(f"{median(each):.2f}" for each in zip(*rounds, strict=True))
        print(f"| {n_cells} | {cells} |")


if __name__ == "__main__":
    main()
