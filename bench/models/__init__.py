"""The shelf of variants: one file is one variational autoencoder."""
