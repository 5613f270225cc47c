"""Recorded runs, and the differences between two of them."""
