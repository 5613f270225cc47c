"""The lab ``automl``."""
