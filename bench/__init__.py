"""scvaebench: a benchmark of variational autoencoders for single-cell counts."""

__version__ = "0.1.0"
