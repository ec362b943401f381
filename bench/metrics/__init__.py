"""The shelf of metrics: one file is one measure, its views are data."""
