"""The lab ``seq2seq``."""
