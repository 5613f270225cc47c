"""The first function of a lab in NumPy that gives something else."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lib.harness.contract.seeds import Seed
from lib.harness.running.watching import in_numpy
from lib.optimizers import adam
from lib.optimizers.adam import Adam, Moments
from tests.lib.harness.operations import support


class EpsilonInside(Adam):
    """Adam with epsilon below the root."""

    def step(self, g: Any, slots: Moments, p: Any, t: int, lr: float) -> Any:
        m, v = 0.9 * slots.m + 0.1 * g, 0.999 * slots.v + 0.001 * (g * g)
        correction = np.sqrt(1 - 0.999**t)
        return p - lr * correction / (1 - 0.9**t) * m / np.sqrt(v + 1e-8), Moments(m, v)


class Descent:
    """Least squares, as a lab by hand has it."""

    def __init__(self, rule: Adam, seed: int = 0, weight: float = 1.0):
        self.rng = Seed(seed).rng("data")
        self.matrix, self.target = np.arange(12.0).reshape(4, 3) % 5, np.ones(4)
        self.weights = np.full(3, weight)
        self.rule = rule
        self.state = rule.init(self.weights)

    def step(self) -> None:
        self.weights = self.weights + 1e-3 * noise(self.rng)
        gradient = gradient_of(self.matrix, self.target, self.weights)
        self.weights, self.state = self.rule.update(gradient, self.state, self.weights)


def noise(rng: np.random.Generator) -> np.ndarray:
    return rng.normal(size=3)


def gradient_of(matrix: np.ndarray, target: np.ndarray, weights: np.ndarray) -> np.ndarray:
    residual = matrix @ weights - target
    return np.asarray(matrix.T @ residual)


def difference(folder: Path, *descents: Descent) -> Any:
    return support.difference(folder, in_numpy.watched, Descent.step, *descents)


def test_two_steps_are_identical_and_nothing_is_watched_afterwards(tmp_path: Path) -> None:
    before = sys.getprofile()
    one, other = Descent(Adam()), Descent(Adam())
    assert difference(tmp_path, one, other) is None
    assert sys.getprofile() is before
    text = (tmp_path / "0.jsonl").read_text()
    names = [name for name in ("noise", "gradient_of", "Adam.step", "Descent.step") if f'"name":"{name}"' in text]
    assert names == ["noise", "gradient_of", "Adam.step", "Descent.step"]
    assert sorted(names, key=lambda name: text.index(f'"name":"{name}"')) == names, "a function comes before its caller"
    alone = Descent(Adam())
    alone.step()
    assert np.array_equal(alone.weights, one.weights)


@pytest.mark.parametrize(
    ("changed", "name", "inputs"),
    [
        (lambda: Descent(EpsilonInside()), "EpsilonInside.step", ()),
        (lambda: Descent(Adam(), seed=1), "noise", ("rng",)),
        (lambda: Descent(Adam(), weight=1.0 + 1e-15), "gradient_of", ("weights",)),
        (lambda: Descent(Adam(learning_rate=0.1)), "Optimizer._rate", ("self.learning_rate",)),
    ],
    ids=["rule", "generator", "weight", "setting"],
)
def test_the_function_is_named(
    changed: Callable[[], Descent], name: str, inputs: tuple[str, ...], tmp_path: Path
) -> None:
    found = difference(tmp_path, Descent(Adam()), changed())
    assert found.names[1] == name
    assert found.inputs == inputs
    if name == "EpsilonInside.step":
        assert (found.names[0], found.scope) == ("Adam.step", adam.__name__)
