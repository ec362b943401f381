"""The results of a study: layout of its folder, integrity checks, tables and statistics."""
