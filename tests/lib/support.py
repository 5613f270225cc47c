"""Runs a lab's trials in this process, one after the other, as a worker would."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import numpy as np

from lib.harness.contract.config import Config
from lib.harness.contract.drawing import can_draw, style
from lib.harness.contract.lab import Lab
from lib.harness.contract.results import Results
from lib.harness.contract.seeds import Seed
from lib.harness.contract.series import packed
from lib.harness.contract.texts import LANGUAGES, language
from lib.harness.contract.trial import Result, Trial
from lib.harness.recording.recorder import plain


def answers(accuracy: float, items: int = 10_000) -> str:
    """Made-up correctness by item as trials record it: the first ones are right, the easiest items always the same."""
    return packed(np.arange(items) < round(accuracy * items))


class Recording:
    """A log that keeps what it is told."""

    def __init__(self) -> None:
        self.values: list[tuple[int, dict[str, Any]]] = []
        self.final: dict[str, np.ndarray] = {}

    def __call__(self, step: int, **values: float | np.generic | np.ndarray) -> None:
        self.values.append((step, values))

    def timing(self, step: int = 0, **values: float) -> None:
        raise AssertionError("the harness measures the time of a trial")

    def parameters(self, arrays: Mapping[str, np.ndarray]) -> None:
        self.final = dict(arrays)


@contextmanager
def torch_dtype(dtype: str) -> Iterator[None]:
    """This default dtype of torch."""
    import torch

    before = torch.get_default_dtype()
    torch.set_default_dtype(getattr(torch, dtype))
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@contextmanager
def keras_dtype(dtype: str) -> Iterator[None]:
    """This default dtype of Keras, whose policy does not follow floatx once a layer has asked for it."""
    import keras

    before = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)
    try:
        yield
    finally:
        keras.config.set_floatx(before[0])
        keras.config.set_dtype_policy(before[1])


DTYPES: dict[str, Callable[[str], AbstractContextManager[Any]]] = {
    "torch": torch_dtype,
    "keras": keras_dtype,
    "numpy": nullcontext,
}
"""By framework: its default dtype while something runs, as a worker sets it for good."""


def run_trial(lab: Lab, trial: Trial, log: Recording | None = None) -> Result:
    seed = Seed(0).child("trial", trial.seed)
    with DTYPES[trial.runtime.framework](trial.runtime.dtype):
        measurements = plain(lab.function(trial)(trial.config, seed, log or Recording()))
    return Result(trial, trial.variant, "FINISHED", measurements)


def run_study(lab: Lab, config: Config, run: Callable[[Trial], Result] | None = None) -> Results:
    """The results of a lab's whole study; `run` runs a trial, `run_trial` unless given."""
    study = lab.begin(config, 0)
    results: list[Result] = []
    batch = next(study, None)
    while batch is not None:
        new = [run(trial) if run else run_trial(lab, trial) for trial in batch]
        results += new
        try:
            batch = study.send(new)
        except StopIteration:
            batch = None
    return Results(results)


def assert_drawn(lab: Lab, results: Results, config: Config) -> None:
    """Every figure of a lab can be drawn in both languages, and each part of it shows something and has a title."""
    for code in LANGUAGES:
        if not can_draw(code):
            continue
        with language(code), style():
            for draw in lab.figures.values():
                figure = draw(results, config)
                figure.draw_without_rendering()
                assert all(axis.has_data() and axis.get_title() for axis in figure.axes)
