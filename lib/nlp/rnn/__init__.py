"""The lab ``rnn``."""
