"""The shelf of metrics: one file is one number."""
