"""Parameters: arrays of any shape, nested dicts, many starts at once; nothing that is passed in changes."""

from typing import Any

import numpy as np
import pytest

import lib.optimizers as module
from lib.optimizers import Momentum, Muon, Optimizer

KINDS = [getattr(module, name) for name in module.__all__ if name not in ("Optimizer", "State")]
OPTIMIZERS = [
    kind(convention=convention, weight_decay=0.01)
    for kind in KINDS
    for convention in ("torch", "keras")
    if convention in kind.DEFAULTS
]


def in_short(optimizer: Optimizer[Any]) -> str:
    return f"{type(optimizer).__name__}-{optimizer.convention}"


ELEMENTWISE = [optimizer for optimizer in OPTIMIZERS if not isinstance(optimizer, Muon)]  # Muon mixes a matrix's rows

every_optimizer = pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=in_short)


def leaves(tree: Any) -> list[Any]:
    """All values at the ends of dicts, tuples and lists."""
    if isinstance(tree, dict):
        return [leaf for branch in tree.values() for leaf in leaves(branch)]
    if isinstance(tree, (tuple, list)):
        return [leaf for branch in tree for leaf in leaves(branch)]
    return [tree]


def arrays(rng: np.random.Generator, like: Any) -> Any:
    """Random numbers nested as `like`, whose ends are shapes."""
    if isinstance(like, dict):
        return {key: arrays(rng, shape) for key, shape in like.items()}
    return rng.normal(size=like)


SHAPES: dict[str, Any] = {"dense": {"w": (3, 4), "v": (4, 2)}, "out": (2, 2)}


@every_optimizer
def test_a_nested_dict_steps_as_its_arrays_do_alone(optimizer: Optimizer[Any]) -> None:
    rng = np.random.default_rng(0)
    tree = arrays(rng, SHAPES)
    alone = leaves(tree)
    state, states = optimizer.init(tree), [optimizer.init(p) for p in alone]
    for _ in range(5):
        grads = arrays(rng, SHAPES)
        tree, state = optimizer.update(grads, state, tree)
        pairs = [optimizer.update(g, s, p) for g, s, p in zip(leaves(grads), states, alone, strict=True)]
        alone, states = [p for p, _ in pairs], [s for _, s in pairs]
    assert list(tree) == list(SHAPES)
    for together, single in zip(leaves(tree), alone, strict=True):
        np.testing.assert_array_equal(together, single)
    assert state.step == 5
    assert state.slots["dense"].keys() == SHAPES["dense"].keys()


@pytest.mark.parametrize("optimizer", ELEMENTWISE, ids=in_short)
def test_many_starts_at_once_step_as_one_by_one(optimizer: Optimizer[Any]) -> None:
    rng = np.random.default_rng(1)
    starts, grads = rng.normal(size=(7, 2)), rng.normal(size=(5, 7, 2))

    def end(p: Any, gs: Any) -> Any:
        state = optimizer.init(p)
        for g in gs:
            p, state = optimizer.update(g, state, p)
        return p

    one_by_one = [end(p, grads[:, i]) for i, p in enumerate(starts)]
    np.testing.assert_allclose(end(starts, grads), one_by_one, rtol=1e-15, atol=1e-15)


@every_optimizer
def test_nothing_passed_in_changes(optimizer: Optimizer[Any]) -> None:
    rng = np.random.default_rng(2)
    params, grads = arrays(rng, SHAPES), arrays(rng, SHAPES)
    params, state = optimizer.update(grads, optimizer.init(params), params)
    inputs = [x for x in leaves([params, grads, state.slots]) if isinstance(x, np.ndarray)]
    copies = [x.copy() for x in inputs]
    for x in inputs:
        x.flags.writeable = False
    first, second = optimizer.update(grads, state, params), optimizer.update(grads, state, params)
    for x, copy in zip(inputs, copies, strict=True):
        np.testing.assert_array_equal(x, copy)
    for a, b in zip(leaves([first[0], first[1].slots]), leaves([second[0], second[1].slots]), strict=True):
        np.testing.assert_array_equal(a, b)


@every_optimizer
def test_the_result_shares_no_memory_with_what_was_passed_in(optimizer: Optimizer[Any]) -> None:
    rng = np.random.default_rng(3)
    params, grads = rng.normal(size=(3, 2)), rng.normal(size=(3, 2))
    new, state = optimizer.update(grads, optimizer.init(params), params)
    for made in (new, *(slot for slot in leaves(state.slots) if isinstance(slot, np.ndarray))):
        assert not np.shares_memory(made, grads)
        assert not np.shares_memory(made, params)


@every_optimizer
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (4, 1, 2)])
def test_shape_and_dtype_are_kept(optimizer: Optimizer[Any], dtype: Any, shape: tuple[int, ...]) -> None:
    if isinstance(optimizer, Muon) and len(shape) != 2:
        with pytest.raises(ValueError, match="matrices only"):
            optimizer.init(np.ones(shape, dtype))
        return
    params = np.ones(shape, dtype)
    state = optimizer.init(params)
    for _ in range(3):
        params, state = optimizer.update(np.full(shape, 0.5), state, params)  # a float64 gradient
    assert isinstance(params, np.ndarray)
    for kept in (params, *(slot for slot in leaves(state.slots) if type(slot) is not float)):
        assert (np.shape(kept), kept.dtype) == (shape, dtype)


def test_settings_of_numpy_do_not_widen_float32() -> None:
    optimizer = Momentum(np.float64(0.1), momentum=np.float64(0.9), weight_decay=np.float64(0.1))
    params = np.ones(2, np.float32)
    params, state = optimizer.update(params, optimizer.init(params), params)
    scheduled = Momentum(lambda step: np.float64(0.1) / (1 + step))
    params, state = scheduled.update(params, state, params)
    assert params.dtype == state.slots.velocity.dtype == np.float32


@every_optimizer
def test_a_diverging_run_is_silent(optimizer: Optimizer[Any]) -> None:
    params = np.full((2, 2), 1e300)
    state = optimizer.init(params)
    for g in (1e300, -np.inf, np.nan, 0.0):
        params, state = optimizer.update(np.full((2, 2), g), state, params)


# Bad input


def test_integers_are_refused() -> None:
    with pytest.raises(
        ValueError, match=r"^params\['w'\] must be a floating point array, got int64; .*astype\(float\)$"
    ):
        Momentum().init({"w": np.arange(3)})


def test_muon_names_the_parameter_that_is_no_matrix() -> None:
    message = r"^params\['dense'\]\['b'\] has the shape \(3,\); Muon takes matrices only, use AdamW for it$"
    with pytest.raises(ValueError, match=message):
        Muon().init({"dense": {"w": np.ones((2, 3)), "b": np.ones(3)}})


@pytest.mark.parametrize(
    ("grads", "message"),
    [
        ({"w": np.ones(3)}, r"grads must be nested as params are: params has the keys \['w', 'b'\]"),
        (np.ones(3), "grads must be nested as params are"),
        ({"w": np.ones(1), "b": np.ones(2)}, r"the gradient of params\['w'\] must have its shape \(3,\), got \(1,\)"),
    ],
)
def test_gradients_must_fit(grads: Any, message: str) -> None:
    params = {"w": np.ones(3), "b": np.ones(2)}
    optimizer = Momentum()
    with pytest.raises(ValueError, match=message):
        optimizer.update(grads, optimizer.init(params), params)


def test_the_state_must_fit() -> None:
    optimizer = Momentum()
    params = {"w": np.ones(3)}
    with pytest.raises(ValueError, match="state must be nested as params are"):
        optimizer.update(params, optimizer.init(np.ones(3)), params)
