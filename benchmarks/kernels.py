"""How fast our kernels train, beside torch in the same run: python -m benchmarks.kernels

Each level of kernels that this processor can run, called as the labs call them (journal and all for LeNet-5), against
bare loops in torch, and against the labs' own way in torch. One thread; all sides take turns and are measured in
processor time; rows give medians over the rounds. The table `lib.kernels.choice.FASTER` is filled from these rows.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks import training
from benchmarks.training import Epoch, Row
from lib.harness.contract.seeds import Seed
from lib.harness.contract.trial import Runtime
from lib.harness.machine import determinism, scope
from lib.harness.recording.journal import Journal
from lib.harness.recording.recorder import Recorder
from lib.kernels import choice, library
from lib.models import lenet, mlp
from lib.models.training import TorchClassifier, train

GOALS = {"x86-64-v4": "<= 0.25"}
"""Of LeNet-5's step against the bare loop, by level; 0.45 for others."""
SMALL = 200
"""Steps of a small network in a round."""


def run() -> list[Row]:
    """Rows of (what, ours, peer, ours / peer, goal)."""
    os.environ.update(determinism.environment())
    own = library.own_level()
    if library.load() is None or own is None:
        return []
    determinism.prepare(Runtime("torch"))
    levels = ("x86-64-v3", "x86-64-v4") if own == "x86-64-v4" else (own,)
    with tempfile.TemporaryDirectory() as folder:
        log = Recorder(Journal.create(Path(folder) / "run.jsonl", {"key": "bench"}))
        return [row for level in levels for row in rows(level, log)]


def rows(level: str, log: Recorder) -> list[Row]:
    """The rows of a level."""
    where = f"kernels {level}, {scope.cpu_model()}"
    goal = GOALS.get(level, "<= 0.45")
    found = []
    for variant in ("modern", "original"):
        sides = {"ours": lenet_epoch(level, log, variant), "labs": lenet_epoch("", log, variant)}
        if variant == "modern":
            seconds = training.measured({**sides, "loop": training.torch_loop()})
            found.append(training.row(f"{where}: LeNet-5 : bare loop", seconds, "loop", goal))
        else:
            seconds = training.measured(sides)
        what = f"{where}: LeNet-5, {variant} : as the labs train in torch"
        found.append(training.row(what, seconds, "labs", "<= 0.5"))
    for name, (widths, activation, dropout, batch) in NETWORKS.items():
        ours, labs = (mlp_epoch(which, widths, activation, dropout, batch) for which in (level, ""))
        sides = {"ours": ours, "labs": labs}
        if not dropout:
            sides["loop"] = mlp_loop(widths, activation, batch)
        seconds = training.measured(sides)
        for peer, goal in (("labs", "<= 0.33"), ("loop", "<= 0.15" if name == "64-64-10" else "< 1")):
            if peer in sides:
                what = "as the labs train in torch" if peer == "labs" else "bare loop"
                found.append(small_row(f"{where}: {name}, batch {batch} : {what}", seconds, peer, goal))
    return found


NETWORKS: dict[str, tuple[tuple[int, ...], mlp.Activation, float, int]] = {
    "64-64-10": ((64, 64, 10), "relu", 0.0, 32),
    "2-64-64-64-2 (mlp)": ((2, 64, 64, 64, 2), "tanh", 0.0, 50),
    "784-128-128-128-10 (mlp)": ((784, 128, 128, 128, 10), "relu", 0.0, 50),
    "64-512-10 (overfitting)": ((64, 512, 10), "relu", 0.0, 40),
    "64-512-512-10 (dropout)": ((64, 512, 512, 10), "relu", 0.5, 100),
}
"""By name: widths, activation, dropout and batch; those of labs where it says so."""


def on(level: str, make: Callable[[], TorchClassifier]) -> TorchClassifier:
    """A classifier on the kernels of a level; on torch for an empty one."""
    with computing(level):
        found = make()
    assert (found._kernels is not None) == bool(level)
    return found


@contextmanager
def computing(level: str) -> Iterator[None]:
    """What is made inside is computed by the kernels of a level, by torch for an empty one."""
    wanted = {choice.PATH: choice.KERNELS if level else "", library.LEVEL: level or str(library.own_level())}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    _look_again()
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})
        _look_again()


def _look_again() -> None:
    """Let the library be looked for again, as the environment says now."""
    library.path.cache_clear()
    library.load.cache_clear()


def lenet_epoch(level: str, log: Recorder, variant: lenet.Variant) -> Epoch:
    """An epoch of LeNet-5 as a lab trains it."""
    images, labels = training.pictures()

    def make() -> TorchClassifier:
        import torch

        model = lenet.torch_lenet(lenet.initial_weights(Seed(0), variant), variant)
        optimizer = torch.optim.Adam(model.parameters(), lr=training.RATE, fused=True)
        return TorchClassifier(model, optimizer, images[:, None], labels, training.BATCH)

    classifier = on(level, make)
    return lambda: list(train(classifier, 1, Seed(0), log))


def examples(widths: tuple[int, ...], batch: int) -> tuple[np.ndarray, np.ndarray]:
    """Made-up inputs and labels for `SMALL` steps."""
    rng = np.random.default_rng(0)
    return rng.random((SMALL * batch, widths[0]), dtype=np.float32), rng.integers(0, widths[-1], SMALL * batch)


def mlp_epoch(level: str, widths: tuple[int, ...], activation: mlp.Activation, dropout: float, batch: int) -> Epoch:
    """An epoch of a small network as a lab trains it."""
    inputs, labels = examples(widths, batch)

    def make() -> TorchClassifier:
        import torch

        model = mlp.torch_mlp(mlp.initial_weights(Seed(0), widths), activation, dropout)
        return TorchClassifier(model, torch.optim.Adam(model.parameters(), lr=1e-3), inputs, labels, batch)

    classifier = on(level, make)
    order = np.random.default_rng(1).permutation(len(labels))
    return lambda: classifier.epoch(order)


def mlp_loop(widths: tuple[int, ...], activation: mlp.Activation, batch: int) -> Epoch:
    """The bare loop of a small network, with fused Adam."""
    import torch

    data = examples(widths, batch)
    inputs, labels = map(torch.from_numpy, data)
    model = mlp.torch_mlp(mlp.initial_weights(Seed(0), widths), activation)
    optimizer: Any = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)

    def epoch() -> None:
        for index in torch.randperm(len(labels)).split(batch):
            loss = torch.nn.functional.cross_entropy(model(inputs[index]), labels[index])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return epoch


def small_row(what: str, seconds: dict[str, list[float]], peer: str, goal: str) -> Row:
    """The row of ours and a peer: microseconds a step, and the median of the rounds' ratios."""
    ratio = median(a / b for a, b in zip(seconds["ours"], seconds[peer], strict=True))
    ours, theirs = (f"{1e6 * median(seconds[side]) / SMALL:.0f} us" for side in ("ours", peer))
    return what, ours, theirs, ratio, goal


if __name__ == "__main__":
    for each in run():
        print(*each, sep="  ")
