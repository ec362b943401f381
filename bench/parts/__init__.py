"""Building blocks: distributions, networks, priors, divergences; pure functions."""
