"""Building blocks: distributions, networks, priors, divergences.  Pure functions of tensors or arrays."""
