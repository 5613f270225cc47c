"""Who writes an optimizer by hand these days? Ours in NumPy beside torch's and Keras' own, step for step in float64.

Every optimizer that the framework has takes 100 steps on Beale, Rosenbrock and Himmelblau, each side with the gradients
at its own point, in the framework's convention: with its defaults, and with settings in which nothing is left at its
default and epsilon is 1e-4, large on purpose, so that a misplaced epsilon would show. The measurement is the largest
difference in theta over all steps, starts and settings, relative to max(1, |theta|).

Learning rates are small enough that no path diverges: a path that does multiplies its rounding errors at every step.

Two frameworks round on the way, which is theirs to do and is measured by itself:

- Keras turns constants such as 0.96 into float32 before they meet float64 (TensorFlow's cast of a Python number).
  `nobody-writes-them/keras` is measured with that cast made exact, `…/keras-as-shipped` without.
- torch's Muon computes its matrices in bfloat16, 8 bits, on purpose.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from lib.harness.contract.claim import Claim, largest
from lib.harness.contract.results import Results
from lib.harness.contract.seeds import Seed
from lib.harness.contract.trial import Log
from lib.optimizers.experiments.config import OptimizersConfig, build
from lib.optimizers.surfaces import SURFACES

FUNCTIONS = ("beale", "rosenbrock", "himmelblau")
STEPS = 100
STARTS = 4

_ADAM = {"learning_rate": 2e-3, "betas": (0.8, 0.95), "eps": 1e-4}
SETTINGS: dict[str, dict[str, Any]] = {
    "GradientDescent": {"learning_rate": 2e-4},
    "Momentum": {"learning_rate": 1e-4, "momentum": 0.7},
    "Nesterov": {"learning_rate": 1e-4, "momentum": 0.7},
    "Adagrad": {"learning_rate": 0.03, "eps": 1e-4, "initial_accumulator_value": 0.3},
    "RMSprop": {"learning_rate": 1e-4, "alpha": 0.95, "eps": 1e-4, "momentum": 0.6, "centered": True},
    "Adadelta": {"learning_rate": 0.02, "rho": 0.8, "eps": 1e-4},
    "Adam": _ADAM,
    "AdamW": {**_ADAM, "weight_decay": 0.1},
    "AdaMax": _ADAM,
    "NAdam": _ADAM,
    "Lion": {"learning_rate": 3e-3, "betas": (0.8, 0.95)},
    "Muon": {"learning_rate": 3e-3, "momentum": 0.8},
}
"""Settings with nothing at its default, by optimizer."""

ROUNDING = 1e-12
"""Differences up to here are float64's rounding, 1e-16 of a number, over a hundred steps."""
FLOAT32 = 1e-5
"""The same for float32's, 6e-8."""
BFLOAT16 = STEPS * 3e-3 * (12 / 2) ** 0.5 * 2**-8
"""As if each of Muon's steps, rate * sqrt(rows / columns) long, were off by the last of bfloat16's 8 bits."""

GENTLE = {"GradientDescent": 2e-4, "Momentum": 1e-4, "Nesterov": 1e-4}
"""Learning rates of those whose default rate diverges on these steep functions; all else at its default."""

Apply = Callable[[np.ndarray], np.ndarray]
"""A step of the framework: from the gradient at its point to its new point."""


def trial(config: OptimizersConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """The largest difference from the framework for every optimizer that it has, at its defaults and with settings."""
    framework = config.framework
    make = torch_apply if framework == "torch" else keras_apply
    names = [name for name in SETTINGS if not (framework == "torch" and name == "Lion")]
    starts = start_points(seed)
    measured: dict[str, Any] = {"deviation": {}, "as_shipped": {}}
    for name in names:
        cases = [{k: GENTLE[name] for k in ("learning_rate",) if name in GENTLE}, SETTINGS[name]]
        with exact_casts(framework):
            gaps = [deviation(name, framework, case, make, starts) for case in cases]
        measured["deviation"][name] = largest(gaps)
        if framework == "keras":
            measured["as_shipped"][name] = deviation(name, framework, cases[1], make, starts)
        log(STEPS, **{name: measured["deviation"][name]})
    return measured


def start_points(seed: Seed) -> np.ndarray:
    """Starts around those of the functions: (functions, starts, 2)."""
    shifts = seed.rng("starts").uniform(-0.3, 0.3, (len(FUNCTIONS), STARTS, 2))
    return np.array([SURFACES[name].start for name in FUNCTIONS])[:, None, :] + shifts


def gradients(points: np.ndarray) -> np.ndarray:
    """The gradients at points (functions, starts, 2), each function at its own row."""
    return np.stack([SURFACES[name].gradient(p) for name, p in zip(FUNCTIONS, points, strict=True)])


def deviation(
    name: str, framework: str, settings: dict[str, Any], make: Callable[..., Apply], starts: np.ndarray
) -> float:
    """The largest relative difference over all steps.

    For Muon all points are one matrix (functions * starts, 2), otherwise an elementwise rule takes them as they are.
    """
    matrix = name == "Muon"
    shape = (-1, 2) if matrix else starts.shape
    ours = starts.reshape(shape)
    optimizer = build(name, framework, **settings)
    state = optimizer.init(ours)
    apply = make(name, settings, ours)
    reference = ours
    gaps = []
    for _ in range(STEPS):
        ours, state = optimizer.update(gradients(ours.reshape(starts.shape)).reshape(ours.shape), state, ours)
        reference = apply(gradients(reference.reshape(starts.shape)).reshape(ours.shape))
        gaps.append(float(np.max(np.abs(ours - reference) / np.maximum(1.0, np.abs(reference)))))
    return largest(gaps)


def torch_optimizer(name: str, settings: dict[str, Any], parameters: Any) -> Any:
    """torch's own optimizer of our name, with our settings under torch's words."""
    import torch

    classes = {"GradientDescent": "SGD", "Momentum": "SGD", "Nesterov": "SGD", "AdaMax": "Adamax"}
    keywords: dict[str, Any] = {"momentum": 0.9} if name in ("Momentum", "Nesterov") else {}
    if name == "Nesterov":
        keywords["nesterov"] = True
    keywords |= settings
    if "learning_rate" in keywords:
        keywords["lr"] = keywords.pop("learning_rate")
    return getattr(torch.optim, classes.get(name, name))(parameters, **keywords)


def torch_apply(name: str, settings: dict[str, Any], start: np.ndarray) -> Apply:
    """torch's optimizer as a step from gradient to point."""
    import torch

    tensor = torch.tensor(start)
    optimizer = torch_optimizer(name, settings, [tensor])

    def apply(gradient: np.ndarray) -> np.ndarray:
        tensor.grad = torch.from_numpy(gradient)
        optimizer.step()
        return np.asarray(tensor.numpy().copy())

    return apply


def keras_optimizer(name: str, settings: dict[str, Any]) -> Any:
    """Keras' own optimizer of our name, with our settings under Keras' words."""
    import keras

    classes = {"GradientDescent": "SGD", "Momentum": "SGD", "Nesterov": "SGD", "AdaMax": "Adamax", "NAdam": "Nadam"}
    keywords: dict[str, Any] = {"momentum": 0.9} if name in ("Momentum", "Nesterov") else {}
    if name == "Nesterov":
        keywords["nesterov"] = True
    for key, value in settings.items():
        if key == "betas":
            keywords["beta_1"], keywords["beta_2"] = value
        else:
            keywords[{"eps": "epsilon", "alpha": "rho"}.get(key, key)] = value
    return getattr(keras.optimizers, classes.get(name, name))(**keywords)


def keras_apply(name: str, settings: dict[str, Any], start: np.ndarray) -> Apply:
    """Keras' optimizer as a step from gradient to point, compiled as `fit` compiles it."""
    import keras
    import tensorflow as tf

    variable = keras.Variable(start)
    optimizer = keras_optimizer(name, settings)
    optimizer.build([variable])
    step = tf.function(optimizer.apply)

    def apply(gradient: np.ndarray) -> np.ndarray:
        step([tf.constant(gradient)])
        return np.asarray(variable.numpy().copy())

    return apply


@contextmanager
def exact_casts(framework: str) -> Iterator[None]:
    """Inside, TensorFlow's cast takes a Python number straight to float64. For torch there is nothing to do."""
    if framework != "keras":
        yield
        return
    import tensorflow as tf

    cast = tf.cast
    tf.cast = lambda x, dtype: tf.constant(x, dtype) if isinstance(x, float) else cast(x, dtype)
    try:
        yield
    finally:
        tf.cast = cast


def _worst(framework: str, names: Callable[[str], bool], measurement: str = "deviation") -> Callable[[Results], float]:
    def measure(results: Results) -> float:
        measured = results.of(f"frameworks/{framework}")[0].measurements[measurement]
        return largest(value for name, value in measured.items() if names(name))

    return measure


CLAIMS = (
    Claim(
        "adamax-nadam/frameworks",
        role="identity",
        kind="exact",
        measure=lambda results: largest(
            _worst(framework, lambda name: name in ("AdaMax", "NAdam"))(results) for framework in ("torch", "keras")
        ),
        at_most=ROUNDING,
    ),
    Claim(
        "nobody-writes-them/torch",
        role="sentence",
        kind="exact",
        measure=_worst("torch", lambda name: name != "Muon"),
        at_most=ROUNDING,
    ),
    Claim(
        "nobody-writes-them/keras",
        role="sentence",
        kind="exact",
        measure=_worst("keras", lambda name: name not in ("Muon", "Lion")),
        at_most=ROUNDING,
    ),
    Claim(
        "nobody-writes-them/keras-as-shipped",
        role="limit",
        kind="exact",
        measure=_worst("keras", lambda name: True, "as_shipped"),
        at_most=FLOAT32,
    ),
    Claim(
        "nobody-writes-them/lion",
        role="identity",
        kind="exact",
        measure=_worst("keras", lambda name: name == "Lion"),
        at_most=ROUNDING,
    ),
    Claim(
        "nobody-writes-them/muon-keras",
        role="identity",
        kind="exact",
        measure=_worst("keras", lambda name: name == "Muon"),
        at_most=ROUNDING,
    ),
    Claim(
        "nobody-writes-them/muon-torch",
        role="identity",
        kind="exact",
        measure=_worst("torch", lambda name: name == "Muon"),
        at_most=BFLOAT16,
    ),
)
