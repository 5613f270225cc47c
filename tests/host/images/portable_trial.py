"""Prints the digest of one small trial: portable_trial.py LAB FRAMEWORK VARIANT SETTINGS…, with a worker's variables.

It runs in this process, as processes that an emulated one starts are not emulated.
"""

import importlib
import sys
import tempfile
from pathlib import Path

from lib.harness.contract.catalogue import find_lab
from lib.harness.contract.settings import Options, configure
from lib.harness.machine import determinism
from lib.harness.running.job import Job, run_job

name, framework, variant, *changes = sys.argv[1:]
entry = find_lab(Path("/workspace"), name)
lab = importlib.import_module(entry.module).LAB
asked = None if framework == "numpy" else framework
trials = next(lab.begin(configure(lab, Options(quick=True, seeds=1, changes=changes, framework=asked)), 0))
trial = next(trial for trial in trials if trial.runtime.framework == framework and trial.variant == variant)
determinism.prepare(trial.runtime)
with tempfile.TemporaryDirectory() as folder:
    journal = Path(folder) / "trial.jsonl"
    result = run_job(Job(trial, "trial", entry.module, 0, journal, {"key": "trial"}, {}))
print(f"digest {result.digest}" if result.status == "FINISHED" else result.error)
