"""A worker that has its framework and trains a network: python -m tests.lib.harness.loaded_worker torch|keras|numpy

It prints the most memory that it had and shares with no other process, in bytes.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lib.harness.contract.catalogue import find_labs
from lib.harness.contract.loading import load
from lib.harness.contract.seeds import Seed
from lib.harness.contract.settings import Options, configure
from lib.harness.contract.trial import Runtime
from lib.harness.machine import determinism
from lib.harness.running.worker import become
from tests.lib.harness.support import ROOT


def private_bytes(framework: str) -> int:
    """The memory of such a worker, in a process of its own with the environment of workers."""
    done = subprocess.run(
        [sys.executable, "-m", __name__, framework],
        cwd=ROOT,
        env={**os.environ, **determinism.environment()},
        check=True,
        capture_output=True,
        text=True,
    )
    return int(done.stdout.splitlines()[-1])


class Unrecorded:
    """A log that keeps nothing."""

    def __call__(self, step: int, **values: float | np.ndarray | np.generic) -> None:
        """Keep nothing."""

    def timing(self, step: int = 0, **values: float) -> None:
        """Keep nothing."""

    def parameters(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Keep nothing."""


def train(framework: Any) -> None:
    """Run the first trial of the lab lenet, quick; in NumPy, load what every worker has."""
    become(Runtime(framework))
    if framework == "numpy":
        return
    lab = load(find_labs(ROOT)["lenet"])
    config = configure(lab, Options(quick=True, framework=framework))
    trial = next(lab.begin(config, 0))[0]
    assert trial.runtime.framework == framework
    lab.function(trial)(trial.config, Seed(0), Unrecorded())


def main() -> None:
    """Train, and print the memory: the most that was resident, without pages of files, which others may share."""
    import lib.harness.recording.recorder  # noqa: F401

    train(sys.argv[1])
    status = Path("/proc/self/status").read_text(encoding="ascii")
    kilobytes = {line.split(":")[0]: int(line.split()[1]) for line in status.splitlines() if line.endswith(" kB")}
    print((kilobytes["VmHWM"] - kilobytes["RssFile"]) * 1024)


if __name__ == "__main__":
    main()
