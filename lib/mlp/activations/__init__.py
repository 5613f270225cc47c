"""The lab ``activations``."""
