"""Shared functions of tasks: roles of cells, problems about perturbations and labels."""
