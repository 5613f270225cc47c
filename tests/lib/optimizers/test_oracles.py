"""Every optimizer against torch and Keras, step for step in float64, to 1e-12 of the parameters' scale.

Both sides take their gradients from the same surfaces, each at its own parameters. The settings are large on purpose
(eps = 1e-4), so that an epsilon, a learning rate or a decay at the wrong place shows. Learning rates are small enough
for paths that grow no error: where a path diverges, or hops from one side of a valley to the other, it multiplies a
rounding error at every step, and no two programs agree. A start here that is moved by 1e-10 ends at most 5e-8 off.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import lib.optimizers as ours
from lib.optimizers.surfaces import SURFACES

STEPS = 100
TOLERANCE = 1e-12
GENTLE = ("ravine", "saddle", "plateau")  # where the frameworks' default learning rates converge
STEEP = ("beale", "rosenbrock", "himmelblau")

ADAM = {"betas": (0.8, 0.95), "eps": 1e-4}
DEFAULTS: dict[str, dict[str, Any]] = {name: {} for name in ours.__all__ if name not in ("Optimizer", "State")}
SETTINGS: dict[str, list[dict[str, Any]]] = {
    "GradientDescent": [{"learning_rate": 3e-4}],
    "Momentum": [{"learning_rate": 2e-4, "momentum": 0.7}],
    "Nesterov": [{"learning_rate": 2e-4, "momentum": 0.7}],
    "Adagrad": [{"learning_rate": 0.03, "eps": 1e-4, "initial_accumulator_value": 0.3}],
    "RMSprop": [
        {"learning_rate": 5e-4, "alpha": 0.95, "eps": 1e-4},
        {"learning_rate": 2e-4, "alpha": 0.95, "eps": 1e-4, "centered": True},
        {"learning_rate": 2e-4, "alpha": 0.95, "eps": 1e-4, "momentum": 0.6},
        {"learning_rate": 1e-4, "alpha": 0.95, "eps": 1e-4, "momentum": 0.6, "centered": True},
    ],
    "Adadelta": [{"learning_rate": 0.02, "rho": 0.8, "eps": 1e-4}],
    "Adam": [{"learning_rate": 2e-3, **ADAM}],
    "AdamW": [{"learning_rate": 2e-3, **ADAM}],
    "AdaMax": [{"learning_rate": 2e-3, **ADAM}],
    "NAdam": [{"learning_rate": 2e-3, **ADAM}],
    "Lion": [{"learning_rate": 0.003, "betas": (0.8, 0.95)}],
    "Muon": [
        {"learning_rate": 0.003, "momentum": 0.8, "ns_steps": 3, "ns_coefficients": (2.0, -1.5, 0.5)},
        {"learning_rate": 0.003, "momentum": 0.8, "nesterov": False},
    ],
}
TORCH_ONLY: dict[str, list[dict[str, Any]]] = {
    "Momentum": [{"learning_rate": 2e-4, "momentum": 0.7, "dampening": 0.4}],
    "Adagrad": [{"learning_rate": 0.03, "eps": 1e-4, "lr_decay": 0.05}],
    "Adam": [{"learning_rate": 2e-3, "weight_decay": 0.1, "decoupled_weight_decay": True, **ADAM}],
    "NAdam": [
        {"learning_rate": 2e-3, "momentum_decay": 0.1, **ADAM},
        {"learning_rate": 2e-3, "weight_decay": 0.1, "decoupled_weight_decay": True, **ADAM},
    ],
    "Muon": [{"learning_rate": 0.003, "eps": 1e2, "adjust_lr_fn": "match_rms_adamw"}],
}


def falling(step: int) -> float:
    """A schedule: a constant rate, then a tenth of it."""
    return 2e-3 if step < 50 else 2e-4


SCHEDULED: dict[str, dict[str, Any]] = {
    "Momentum": {"momentum": 0.7, "weight_decay": 0.1},
    "Nesterov": {"momentum": 0.7},
    "RMSprop": {"alpha": 0.95, "eps": 1e-4, "momentum": 0.6},
    "AdamW": {"weight_decay": 0.1, **ADAM},
}

Case = tuple[str, dict[str, Any], tuple[str, ...]]


def cases(convention: str) -> list[Any]:
    """Defaults, settings, the last of them with weight decay, a schedule, and what only torch has."""
    table: list[Case] = [(name, {}, GENTLE) for name in SETTINGS]
    table += [(name, settings, STEEP) for name, several in SETTINGS.items() for settings in several]
    table += [(name, {**several[-1], "weight_decay": 0.1}, STEEP) for name, several in SETTINGS.items()]
    table += [(name, {"learning_rate": falling, **settings}, GENTLE) for name, settings in SCHEDULED.items()]
    if convention == "torch":
        table = [case for case in table if case[0] != "Lion"]
        table += [(name, settings, STEEP) for name, several in TORCH_ONLY.items() for settings in several]
    return [pytest.param(*case, id=f"{case[0]}-{in_words(case[1])}") for case in table]


def in_words(settings: dict[str, Any]) -> str:
    return ",".join(f"{key}={getattr(value, '__name__', value)}" for key, value in settings.items()) or "defaults"


# Problems: four starts on each surface. All in one array of shape (3, 4, 2), since every rule but Muon's is
# elementwise; for Muon a matrix per surface, tall (4, 2) and, the last, wide (2, 4).

Params = dict[str, np.ndarray]
Path = Iterator[Params]
Oracle = Callable[[str, dict[str, Any], tuple[str, ...]], Path]


def start_at(name: str, surfaces: tuple[str, ...]) -> Params:
    shifts = np.array([[0.0, 0.0], [0.13, 0.21], [-0.27, 0.08], [0.19, -0.37]])
    starts = [np.array(SURFACES[surface].start) + shifts for surface in surfaces]
    if name != "Muon":
        return {"all": np.stack(starts)}
    *tall, wide = starts
    return {**dict(zip(surfaces, tall, strict=False)), surfaces[-1]: wide.T.copy()}


def gradients(params: Params, surfaces: tuple[str, ...]) -> Params:
    if "all" in params:
        parts = zip(surfaces, params["all"], strict=True)
        return {"all": np.stack([SURFACES[surface].gradient(p) for surface, p in parts])}
    *tall, wide = surfaces
    grads = {surface: SURFACES[surface].gradient(params[surface]) for surface in tall}
    return {**grads, wide: SURFACES[wide].gradient(params[wide].T).T.copy()}


def our_path(optimizer: ours.Optimizer[Any], surfaces: tuple[str, ...]) -> Path:
    params = start_at(type(optimizer).__name__, surfaces)
    state = optimizer.init(params)
    for _ in range(STEPS):
        params, state = optimizer.update(gradients(params, surfaces), state, params)
        yield params


def assert_same_paths(mine: Path, theirs: Path, surfaces: tuple[str, ...], tolerance: float = TOLERANCE) -> None:
    for step, (p, q) in enumerate(zip(mine, theirs, strict=True), start=1):
        for key in p:
            assert np.all(np.isfinite(p[key])), f"{key} is not finite after step {step}"
            error = np.abs(p[key] - q[key]) / np.maximum(1.0, np.abs(q[key]))
            assert error.max() <= tolerance, f"{key} {surfaces} is off by {error.max():.1e} after step {step}:\n{error}"
    assert step == STEPS


# torch


@pytest.fixture(scope="module")
def torch_path() -> Iterator[Oracle]:
    torch = pytest.importorskip("torch")
    names = {"GradientDescent": "SGD", "Momentum": "SGD", "Nesterov": "SGD", "AdaMax": "Adamax"}
    given = {"Momentum": {"momentum": 0.9}, "Nesterov": {"momentum": 0.9, "nesterov": True}}

    def path(name: str, settings: dict[str, Any], surfaces: tuple[str, ...]) -> Path:
        keywords = {**given.get(name, {}), **settings}
        schedule = keywords.pop("learning_rate", None)
        if schedule is not None:
            keywords["lr"] = schedule(0) if callable(schedule) else schedule
        tensors = {key: torch.tensor(p) for key, p in start_at(name, surfaces).items()}
        optimizer = getattr(torch.optim, names.get(name, name))(tensors.values(), **keywords)
        for step in range(STEPS):
            if callable(schedule):
                optimizer.param_groups[0]["lr"] = schedule(step)
            for key, g in gradients({key: tensor.numpy() for key, tensor in tensors.items()}, surfaces).items():
                tensors[key].grad = torch.from_numpy(g)
            optimizer.step()
            yield {key: tensor.numpy() for key, tensor in tensors.items()}

    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)  # NAdam keeps its product of momenta in the default dtype
    yield path
    torch.set_default_dtype(before)


@pytest.mark.parametrize(("name", "settings", "surfaces"), cases("torch"))
def test_torch(
    name: str, settings: dict[str, Any], surfaces: tuple[str, ...], torch_path: Oracle, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name == "Muon":  # torch's own code without its rounding to bfloat16, which test_muon_in_bfloat16 leaves in
        import torch

        monkeypatch.setattr(torch.Tensor, "bfloat16", torch.Tensor.clone)
    optimizer = getattr(ours, name)(convention="torch", **settings)
    assert_same_paths(our_path(optimizer, surfaces), torch_path(name, settings, surfaces), surfaces)


def test_muon_in_bfloat16(torch_path: Oracle) -> None:
    """A bfloat16 has 8 bits: one step of torch's Muon is off by 2^-8 of the step a few times over, here 3 %."""
    lr = 0.01
    mine = next(our_path(ours.Muon(lr, convention="torch", weight_decay=0.0), STEEP))
    theirs = next(torch_path("Muon", {"learning_rate": lr, "weight_decay": 0.0}, STEEP))
    for key, p in mine.items():
        scale = lr * math.sqrt(max(1, p.shape[0] / p.shape[1]))
        np.testing.assert_allclose(p, theirs[key], rtol=0, atol=0.03 * scale)
        assert np.abs(p - theirs[key]).max() > 1e-12  # it is there: the float64 oracle above removes something


# Keras


@pytest.fixture(scope="module")
def keras_path() -> Iterator[Oracle]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_BACKEND", "tensorflow")
        patch.setenv("TF_CPP_MIN_LOG_LEVEL", "2")
        keras = pytest.importorskip("keras")
    import tensorflow as tf

    names = {"GradientDescent": "SGD", "Momentum": "SGD", "Nesterov": "SGD", "AdaMax": "Adamax", "NAdam": "Nadam"}
    given = {"Momentum": {"momentum": 0.9}, "Nesterov": {"momentum": 0.9, "nesterov": True}}

    def path(name: str, settings: dict[str, Any], surfaces: tuple[str, ...]) -> Path:
        keywords = {**given.get(name, {}), **settings}
        for old, new in (("eps", "epsilon"), ("alpha", "rho")):
            if old in keywords:
                keywords[new] = keywords.pop(old)
        if "betas" in keywords:
            keywords["beta_1"], keywords["beta_2"] = keywords.pop("betas")
        if "ns_coefficients" in keywords:
            keywords["muon_a"], keywords["muon_b"], keywords["muon_c"] = keywords.pop("ns_coefficients")
        schedule = keywords.get("learning_rate")
        if callable(schedule):
            keywords["learning_rate"] = schedule(0)
        variables = {key: keras.Variable(p, name=key) for key, p in start_at(name, surfaces).items()}
        optimizer = getattr(keras.optimizers, names.get(name, name))(**keywords)
        optimizer.build(list(variables.values()))
        apply = tf.function(optimizer.apply)  # as in fit: a graph steps ten times as fast
        for step in range(STEPS):
            if callable(schedule):
                optimizer.learning_rate = schedule(step)
            grads = gradients({key: variable.numpy() for key, variable in variables.items()}, surfaces)
            apply([tf.constant(g) for g in grads.values()])
            yield {key: variable.numpy() for key, variable in variables.items()}

    before = keras.config.floatx()
    keras.config.set_floatx("float64")  # the learning rate is a variable of this dtype
    yield path
    keras.config.set_floatx(before)


@pytest.fixture
def exact_cast(keras_path: Oracle, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keras' optimizers cast their settings with TensorFlow's cast, which takes a Python float by way of float32."""
    import tensorflow as tf

    cast = tf.cast
    monkeypatch.setattr(tf, "cast", lambda x, dtype: tf.constant(x, dtype) if isinstance(x, float) else cast(x, dtype))


@pytest.mark.usefixtures("exact_cast")
@pytest.mark.parametrize(("name", "settings", "surfaces"), cases("keras"))
def test_keras(name: str, settings: dict[str, Any], surfaces: tuple[str, ...], keras_path: Oracle) -> None:
    optimizer = getattr(ours, name)(convention="keras", **settings)
    assert_same_paths(our_path(optimizer, surfaces), keras_path(name, settings, surfaces), surfaces)


def test_keras_with_its_rounding(keras_path: Oracle) -> None:
    """As it comes, Keras' NAdam computes with 0.96 in float32: the paths agree to that, not to 1e-12."""
    mine = list(our_path(ours.NAdam(convention="keras"), GENTLE))
    theirs = list(keras_path("NAdam", {}, GENTLE))
    assert_same_paths(iter(mine), iter(theirs), GENTLE, tolerance=1e-6)
    with pytest.raises(AssertionError, match="is off by"):
        assert_same_paths(iter(mine), iter(theirs), GENTLE)
