"""Convolutions: what they compute, and what networks of them see."""
