"""Hyperparameter search: names of trials, their values, and proposals of new trials."""
