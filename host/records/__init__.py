"""Recorded runs: repeated, compared, exported and imported."""
