"""Building blocks of baselines, in numpy: densities, factors, visible counts."""
