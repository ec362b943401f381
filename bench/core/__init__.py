"""The shared nouns: cards, problems, ledgers, seeds, rows.  Imports nothing of ours."""
