"""Building blocks of baselines, in numpy: densities, factors, what may be seen."""
