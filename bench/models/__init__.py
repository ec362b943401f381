"""Variants: each file is one variational autoencoder."""
