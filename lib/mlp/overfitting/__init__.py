"""The lab ``overfitting``."""
