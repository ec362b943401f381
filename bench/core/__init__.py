"""Shared types: cards, problems, ledgers, seeds, rows.  Imports no other package of bench."""
