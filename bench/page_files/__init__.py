"""The shelf of tables that are made of single runs for the report: one file is one table."""
