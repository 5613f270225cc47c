"""The lab ``gpt``."""
