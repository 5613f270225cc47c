"""Journals and their shipper on a disk, a clock and an MLflow that are simulated, with every fault that these can have.

`schedule` plays a schedule from its seed; ``python -m tests.lib.harness.simulation`` plays as many as it has time for.
"""
