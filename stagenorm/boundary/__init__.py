"""A request in, a verdict out. Sans-IO: bytes and mappings, no framework."""
