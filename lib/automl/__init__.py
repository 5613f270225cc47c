"""Hyperparameters that are searched for: a tool that does it, and whether it is worth its time."""
