"""The names of what a sweep may search with, the first of each being the default, and those in its records.

The host reads them, too, and so does what takes up a run: nothing but the standard library is loaded.
"""

SAMPLERS = ("tpe", "random", "grid", "cmaes")
PRUNERS = ("median", "none", "hyperband", "halving")
SWEEP = "-sweep"
"""What follows a lab's name in the experiment of its sweeps."""
PRUNED = "lab.pruned"
"""The tag of a trial that was pruned: MLflow has no status for that, and it is no failure."""
