"""The shelf of tasks: one file is one task."""
