"""What `--portable` costs in speed, beside the default in the same run: python -m benchmarks.portable

The same work in two processes that differ in the variables of `lib.harness.machine.determinism.portable` alone:
training steps of LeNet-5 as in benchmarks.training, and Adam in NumPy as in benchmarks.optimizers. They take turns and
are measured in processor time; rows give medians over the rounds.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from benchmarks import training
from lib.harness.contract.trial import Framework, Runtime
from lib.harness.machine import determinism
from lib.harness.recording.journal import Journal
from lib.harness.recording.recorder import Recorder
from lib.harness.running.pool import Workers

ROUNDS = 5
GOAL = "<= 1.05"

Row = tuple[str, str, str, float, str]
_work: list[training.Epoch] = []  # of this process, made by its first call


def run() -> list[Row]:
    """Rows of (what, ours, peer, ours / peer, goal)."""
    with tempfile.TemporaryDirectory() as folder, both(Path(folder)) as sides:
        return [
            row("LeNet-5 in torch", Runtime("torch"), sides),
            row("LeNet-5 in Keras", Runtime("keras"), sides),
            row("Adam in NumPy, 1,000 starts", Runtime("numpy"), sides),
        ]


@contextmanager
def both(folder: Path) -> Iterator[list[Workers]]:
    """One worker with the variables of `--portable` and one without."""
    usual = dict(os.environ)
    sides = []
    for variables in (determinism.portable(), {}):
        os.environ.update(variables)
        sides.append(Workers(1))
        sides[-1].log = folder / f"{len(sides)}.log"
        os.environ.clear()
        os.environ.update(usual)
    with sides[0], sides[1]:
        yield sides


def row(what: str, runtime: Runtime, sides: list[Workers]) -> Row:
    """The row of one work: milliseconds a step, and the median of the rounds' ratios."""
    rounds = [[seconds(side, runtime) for side in sides] for _ in range(ROUNDS + 1)][1:]  # the first one warms up
    ours, theirs = (f"{1000 * median(side):.2f} ms" for side in zip(*rounds, strict=True))
    return f"{what}, a step with --portable : without", ours, theirs, median(a / b for a, b in rounds), GOAL


def seconds(side: Workers, runtime: Runtime) -> float:
    """Processor seconds of a step in a worker, the mean over one call of its work."""
    (found,) = side.call(measured, [(runtime.framework,)], runtime)
    if isinstance(found, BaseException):
        raise found
    return float(found)


def measured(framework: Framework) -> float:
    """In a worker: do its work once."""
    if not _work:
        _work.append(made(framework))
    begin = time.process_time()
    _work[0]()
    steps = 1000 if framework == "numpy" else training.PICTURES / training.BATCH
    return (time.process_time() - begin) / steps


def made(framework: Framework) -> training.Epoch:
    """In a worker: what it does in a call."""
    if framework == "numpy":
        import numpy as np

        from benchmarks.optimizers import beale, numpy_adam

        starts = beale.start + np.random.default_rng(0).uniform(-0.5, 0.5, (1000, 2))
        return lambda: numpy_adam(starts)
    log = Recorder(Journal.create(Path(tempfile.mkdtemp()) / "run.jsonl", {"key": "bench"}))
    return training.torch_ours(log) if framework == "torch" else training.keras_ours(log)


if __name__ == "__main__":
    for each in run():
        print(*each, sep="  ")
