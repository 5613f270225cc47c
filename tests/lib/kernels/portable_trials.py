"""Prints the digests of small trials that say ``portable:any``, as JSON: python -m tests.lib.kernels.portable_trials

They run in this process, as an emulated one needs it, with what ``--portable`` sets. ``--native``: without that, on
whatever code NumPy and torch choose for this processor; where only the kernels compute, it is the same.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import tempfile
from pathlib import Path

from lib.harness.machine import determinism

TRIALS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "overfitting: 32 units": ("overfitting", "network", ("width=32", "epochs=3")),
    "mlp: ReLU": ("mlp", "tune-digits", ("network=relu", "digits_epochs=1", "digits_pictures=230")),
    "mlp: one layer": ("mlp", "tune-digits", ("network=one-layer", "digits_epochs=1", "digits_pictures=230")),
    "paradigms: own labels": ("paradigms", "labels", ("labels=own", "epochs=1")),
    "convolution: LeNet": ("convolution", "grid", ("arm=cnn", "pictures=200", "epochs=2", "judged=100")),
    "convolution: shuffled": ("convolution", "grid", ("arm=cnn-shuffled", "pictures=200", "epochs=1", "judged=100")),
    "convolution: MLP": ("convolution", "grid", ("arm=mlp", "hidden=[63,84]", "pictures=200", "judged=100")),
    "lenet: modern, moved": ("lenet", "grid", ("variant=modern", "pictures=300", "epochs=2", "judged=100")),
    "lenet: original": ("lenet", "digits", ("variant=original", "digits=200", "epochs=1", "judged=100")),
    "lenet: recipe": ("lenet", "recipe", ("variant=original", "pictures=300", "epochs=1", "batch_size=256")),
    "lenet: agree": ("lenet", "agree", ()),
}
"""By name: a lab, its trial function, and settings."""


def digest(name: str, function: str, changes: tuple[str, ...]) -> str:
    """The digest of one trial in torch with root seed 0; its error where it failed."""
    from lib.harness.contract.catalogue import find_lab
    from lib.harness.contract.settings import Options, configure
    from lib.harness.contract.trial import Runtime, Trial
    from lib.harness.running.job import Job, run_job
    from lib.harness.running.worker import become

    entry = find_lab(Path(__file__).resolve().parents[3], name)
    lab = importlib.import_module(entry.module).LAB
    assert "any" in lab.makers("torch", function), f"{name}, {function} does not say so"
    config = configure(lab, Options(quick=True, seeds=1, changes=list(changes)))
    trial = Trial("golden", config, 0, Runtime("torch"), function)
    become(trial.runtime)
    with tempfile.TemporaryDirectory() as folder:
        result = run_job(Job(trial, "golden", entry.module, 0, Path(folder) / "run.jsonl", {"key": "golden"}, {}))
    return result.digest if result.status == "FINISHED" else result.error


if __name__ == "__main__":
    own, words = (determinism.portable(), sys.argv[1:]) if "--native" not in sys.argv else ({}, sys.argv[2:])
    os.environ.update({**determinism.environment(), **own})
    from lib.kernels import choice

    choice.choose(portable=True)
    assert choice.chosen(), "no kernels"
    print(json.dumps({name: digest(*TRIALS[name]) for name in words or TRIALS}, indent=1))
