"""Baselines: each file is one competitor that is not a VAE, or one control."""
