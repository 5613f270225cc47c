"""The lab ``elmo``."""
