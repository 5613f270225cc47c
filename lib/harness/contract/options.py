"""The names of what a sweep may search with, the first of each being the default, those in its records, and its words.

The host reads them, too, and so does what takes up a run: nothing but the standard library is loaded.
"""

SAMPLERS = ("tpe", "random", "grid", "cmaes")
PRUNERS = ("median", "none", "hyperband", "halving")
SPACE_FORMS = "KEY=LOW:HIGH, KEY=LOW:HIGH:log, KEY=LOW:HIGH:STEP or KEY=a,b,c"
"""What ``--space`` may say."""
NO_TRIALS = "say how many trials, as in --trials 30"
"""To a sweep that did not."""
SWEEP = "-sweep"
"""What follows a lab's name in the experiment of its sweeps."""
PRUNED = "lab.pruned"
"""The tag of a trial that was pruned: MLflow has no status for that, and it is no failure."""
