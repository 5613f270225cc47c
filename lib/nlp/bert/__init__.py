"""The lab ``bert``."""
