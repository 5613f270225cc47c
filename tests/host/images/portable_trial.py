"""Prints the digest of one small trial: portable_trial.py LAB KEY VARIANT SETTINGS…, with a worker's variables.

KEY is one of `Lab.portable`: a framework, or FRAMEWORK/FUNCTION. A VARIANT that the study does not begin with is the
name of a trial function.

It runs in this process, as processes that an emulated one starts are not emulated.
"""

import importlib
import sys
import tempfile
from pathlib import Path
from typing import Any

from lib.harness.contract.catalogue import find_lab
from lib.harness.contract.settings import Options, configure
from lib.harness.contract.trial import Runtime, Trial
from lib.harness.machine import determinism
from lib.harness.running.job import Job, run_job
from lib.kernels import choice

name, key, variant, *changes = sys.argv[1:]
framework: Any = key.partition("/")[0]
choice.choose(portable=True)
entry = find_lab(Path("/workspace"), name)
lab = importlib.import_module(entry.module).LAB
asked = None if framework == "numpy" else framework
config = configure(lab, Options(quick=True, seeds=1, changes=changes, framework=asked))
named = [trial for trial in next(lab.begin(config, 0)) if trial.runtime.framework == framework]
late = Trial(variant, config, 0, Runtime(framework), variant)
trial = next((trial for trial in named if trial.variant == variant), late)
determinism.prepare(trial.runtime)
with tempfile.TemporaryDirectory() as folder:
    journal = Path(folder) / "trial.jsonl"
    result = run_job(Job(trial, "trial", entry.module, 0, journal, {"key": "trial"}, {}))
print(f"digest {result.digest}" if result.status == "FINISHED" else result.error)
