"""Where a finished study can be mirrored to.  One file is one tracker; nothing else knows them."""
