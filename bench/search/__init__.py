"""A search: what its trials are called, what they came to, and which ones come next."""
