"""Runs the first trial of a lab in this process, where a debugger reaches it; nothing is recorded."""

from __future__ import annotations

import os
import sys
import time
import traceback
from bdb import BdbQuit
from pathlib import Path
from tempfile import TemporaryDirectory

from lib.harness.contract.loading import load
from lib.harness.contract.settings import Options
from lib.harness.contract.source import LabEntry
from lib.harness.errors import UserError
from lib.harness.machine import determinism, gpus


def debug(entry: LabEntry, options: Options) -> int:
    """Run the first trial of the lab's study, as a worker would. Returns the exit code.

    0: the trial ended. 1: it raised an exception, whose whole traceback is on standard error, or its debugger was left.
    130: Ctrl-C; the traceback says where it was.

    Raises:
        UserError: bad options.
    """
    as_in_a_worker()
    from lib.harness.commands.lab import config_for
    from lib.harness.recording.journal import Journal
    from lib.harness.recording.recorder import Recorder
    from lib.harness.running.job import Job, train
    from lib.harness.showing.display import console, heading, number, print_measurements

    try:
        lab = load(entry)
    except UserError as error:
        if error.__cause__ is None:
            raise
        traceback.print_exception(error.__cause__)
        return 1
    config, _ = config_for(lab, options)
    trial = next(lab.begin(config, options.seed))[0]
    started = time.perf_counter()
    try:
        heading(
            f"{lab.name}: {trial.variant}, seed {trial.seed} ({trial.runtime.framework}), in this process, not recorded"
        )
        determinism.prepare(trial.runtime)
        with (
            TemporaryDirectory(prefix="lab-debug-") as folder,
            Journal.create(Path(folder, "trial.jsonl"), {"key": "debug"}) as journal,
        ):
            job = Job(trial, "debug", entry.module, options.seed, journal.path, {}, {})
            measurements, _ = train(job, Recorder(journal), None)
    except BdbQuit:
        print("The debugger was left before the trial ended.", file=sys.stderr)
        return 1
    except KeyboardInterrupt as interrupt:
        traceback.print_exception(KeyboardInterrupt().with_traceback(interrupt.__traceback__))
        return 130
    except (Exception, SystemExit):
        traceback.print_exc()
        return 1
    print_measurements(measurements)
    console.print(f"1 trial in {number(time.perf_counter() - started)} s; nothing was recorded")
    return 0


def as_in_a_worker() -> None:
    """Start this program again, in this process, with a worker's environment: libraries read it as they load."""
    wanted = determinism.environment()
    shares = gpus.shares(1)
    if shares:
        wanted = {**wanted, "CUDA_VISIBLE_DEVICES": shares[0]}
    if any(os.environ.get(name) != value for name, value in wanted.items()):
        sys.stdout.flush()
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, **wanted})
