"""The lab ``hub``."""
