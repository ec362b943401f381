"""The shelf of datasets: one file is one dataset."""
