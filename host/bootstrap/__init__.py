"""Starts before .venv exists, so with the standard library alone: paths, locks, programs, the environment itself."""
