"""The lab ``lenet``."""
