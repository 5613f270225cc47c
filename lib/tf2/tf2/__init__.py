"""The lab ``tf2``."""
