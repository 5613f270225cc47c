"""The lab ``convolution``."""
