"""Runs a part of the optimizers lab's study."""

from collections.abc import Callable

from lib.harness.contract.trial import Result, Trial
from lib.optimizers.lab import LAB
from tests.lib.support import run_trial


def only(*functions: str) -> Callable[[Trial], Result]:
    """A way to run trials in which all fail but those of these trial functions."""

    def run(trial: Trial) -> Result:
        return run_trial(LAB, trial) if trial.function in functions else Result(trial, trial.variant, "FAILED")

    return run
