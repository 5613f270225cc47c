"""The lab ``paradigms``."""
