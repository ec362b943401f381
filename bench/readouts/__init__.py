"""The shelf of readouts: one file is one question to a fitted run."""
