"""Labs about language."""
