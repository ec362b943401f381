"""Tasks: each file is one task."""
