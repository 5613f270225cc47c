"""The lab ``fasttext``."""
