"""Checks of the machine and of the code: doctor, tests, benchmarks."""
