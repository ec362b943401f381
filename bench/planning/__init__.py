"""From YAML to a plan, before any job starts."""
