"""Running statistics that matter: those of a fresh module hide what BatchNorm does."""

from torch import nn


def with_some_statistics(module: nn.Module) -> None:
    """Fill every BatchNorm's running mean and variance at random."""
    for name, buffer in module.named_buffers():
        if name.endswith("running_var"):
            buffer.uniform_(0.5, 2.0)
        if name.endswith("running_mean"):
            buffer.normal_()
