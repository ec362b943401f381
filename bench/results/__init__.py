"""What a study's folder holds: where it lies, what proves it whole, its tables and statistics."""
