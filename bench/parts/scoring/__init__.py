"""Shared functions of metrics."""
