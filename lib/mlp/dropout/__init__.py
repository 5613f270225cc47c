"""The lab ``dropout``."""
