"""Classes as the lesson on optimizers writes them, in the place of the lab's own."""

import re
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest

from lib import optimizers
from lib.optimizers.experiments.own import OwnOptimizer
from lib.optimizers.surfaces import beale, ravine

LESSON = next(Path(__file__).parents[3].glob("labs/en/*-optimizers.ipynb"))
SETTINGS: dict[str, dict[str, Any]] = {
    "GradientDescent": {},
    "Momentum": {"momentum": 0.8},
    "Adagrad": {"eps": 1e-6},
    "RMSprop": {"alpha": 0.95, "eps": 1e-6},
    "Adam": {"betas": (0.8, 0.99), "eps": 1e-6},
    "AdaMax": {"betas": (0.8, 0.99), "eps": 1e-14},  # which torch adds elsewhere
}


def solutions() -> dict[str, type]:
    """The classes of the lesson's folded solutions and of its cells that are complete."""
    names: dict[str, Any] = {"np": np}
    for cell in nbformat.read(LESSON, as_version=4).cells:
        for code in re.findall(r"```python\n(class .*?)```", cell.source, re.DOTALL):
            exec(code, names)
        if cell.cell_type == "code" and cell.source.startswith("class ") and "..." not in cell.source:
            exec(cell.source, names)
    return names


@pytest.mark.parametrize("name", SETTINGS)
def test_the_lessons_classes_step_as_ours(name: str) -> None:
    own = OwnOptimizer(0.003, own=solutions()[name], settings=SETTINGS[name])
    ours = getattr(optimizers, name)(learning_rate=0.003, **SETTINGS[name])
    params: dict[str, Any] = {"beale": np.array(beale.start), "ravine": {"at": np.array([ravine.start] * 3)}}
    other, state, own_state = params, ours.init(params), own.init(params)
    for _ in range(50):
        gradients = {
            "beale": beale.gradient(params["beale"]),
            "ravine": {"at": ravine.gradient(params["ravine"]["at"])},
        }
        params, state = ours.update(gradients, state, params)
        other, own_state = own.update(gradients, own_state, other)
    np.testing.assert_allclose(other["beale"], params["beale"], rtol=1e-12)
    np.testing.assert_allclose(other["ravine"]["at"], params["ravine"]["at"], rtol=1e-12)


def test_the_state_before_a_step_can_be_used_again() -> None:
    own = OwnOptimizer(0.003, own=solutions()["Adam"])
    p = np.array(ravine.start)
    first, state = own.update(ravine.gradient(p), own.init(p), p)
    once, _ = own.update(ravine.gradient(first), state, first)
    twice, _ = own.update(ravine.gradient(first), state, first)
    np.testing.assert_array_equal(once, twice)


class Silent:
    def __init__(self, lr: float) -> None:
        self.lr = lr

    def step(self, theta: np.ndarray, g: np.ndarray) -> None:
        theta -= self.lr * g


def test_what_is_wrong_is_said() -> None:
    p = np.ones(3)
    own = OwnOptimizer(0.1, own=Silent)
    with pytest.raises(TypeError, match="is to return the new theta"):
        own.update(p, own.init(p), p)
    with pytest.raises(ValueError, match="Silent has no setting momentum"):
        OwnOptimizer(0.1, own=Silent, settings={"momentum": 0.5}).init(p)
