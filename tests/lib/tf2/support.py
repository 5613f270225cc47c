"""Runs trials of the tf2 lab in this process, with their timings."""

from dataclasses import replace

from lib.harness.contract.trial import Result, Trial
from lib.tf2.tf2.lab import LAB
from tests.lib.support import Recording, run_trial


class Timed(Recording):
    """A log that keeps times, too."""

    def __init__(self) -> None:
        super().__init__()
        self.timings: dict[str, float] = {}

    def timing(self, step: int = 0, **values: float) -> None:
        self.timings |= values


def timed(trial: Trial) -> Result:
    log = Timed()
    return replace(run_trial(LAB, trial, log), timings=log.timings)
