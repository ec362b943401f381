"""Log-likelihoods of counts with their gradients, compiled by numba for the CPU."""
