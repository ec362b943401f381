"""From a YAML file to a plan, before any job starts."""
