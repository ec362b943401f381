"""Readouts: each file computes arrays from a fitted run."""
