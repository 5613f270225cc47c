"""Runs of `python -m lib`: in a container, in local mode, in the tests' sandbox."""
