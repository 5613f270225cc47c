"""Exercises of the lesson on activations, judged by closed forms and by what each usual mistake gives."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lib.lessons.checks import Hint, Learner, same
from lib.lessons.units.mistakes import hint_for

Slope = Callable[[np.ndarray], np.ndarray]
MILLIONTH = 1e-6


def sigmoid_slope(learner: Learner) -> Hint | None:
    """s (1 - s) over a range in which the sigmoid bends and saturates."""
    z = np.linspace(-6, 7, 53)
    s = 1 / (1 + np.exp(-z))
    answer = learner.array(z, shape=z.shape)
    mistakes = {
        "value": s,
        "complement": 1 - s,
        "square": s * s,
        "of_z": z * (1 - z),
        "mixed": s * (1 - z),
        "slope_of_slope": s * (1 - s) * (1 - 2 * s),
        "tanh": 1 - np.tanh(z) ** 2,
        "tanh_of_s": 1 - s * s,
    }
    return hint_for(answer, s * (1 - s), mistakes)


def layers_needed(learner: Learner) -> Hint | None:
    """The first number of quarters whose product is below a millionth: 10."""
    layers = learner.value_number()
    exact = np.log(MILLIONTH) / np.log(0.25)
    for key, wrong in {"not_whole": exact, "tenths": 6, "halves": 20, "divided": 250_000}.items():
        if same(layers, wrong, relative=1e-3 if key == "not_whole" else 1e-6):
            return Hint(key, layers=layers)
    if not float(layers).is_integer() or layers < 1:
        return Hint("not_a_number", layers=layers)
    if layers == np.ceil(exact):
        return None
    return Hint("too_few" if layers < exact else "too_many", layers=f"{layers:.0f}", left=0.25**layers)


def layer_gradient(learner: Learner) -> Hint | None:
    """The product of derivatives and outputs, summed over the examples; in the shape of the weights."""
    rng = np.random.default_rng(0)
    delta, a = rng.normal(size=(20, 4)), rng.normal(size=(20, 7))
    answer = learner.array(delta, a)
    if answer.shape in ((4,), (1, 4)):
        return Hint("no_output")
    if answer.shape == (20, 4, 7):
        return Hint("not_summed")
    if answer.shape == (7, 4) and same(answer.T, delta.T @ a):
        return Hint("swapped")
    answer = learner.as_array(answer, (4, 7))
    mistakes = {
        "averaged": delta.T @ a / len(a),
        "means": np.outer(delta.mean(axis=0), a.mean(axis=0)),
        "sums": np.outer(delta.sum(axis=0), a.sum(axis=0)),
        "one_example": np.outer(delta[0], a[0]),
        "last_example": np.outer(delta[-1], a[-1]),
    }
    return hint_for(answer, delta.T @ a, mistakes)


def gradient_sizes(learner: Learner) -> Hint | None:
    """Back-propagation through five layers, compared with the same steps in a wrong order or with one left out."""
    rng = np.random.default_rng(0)
    weights = [rng.normal(0, 0.5, (6, 6)) for _ in range(5)]
    a, inputs, sums = rng.normal(size=(30, 6)), [], []
    for W in weights:
        inputs.append(a)
        sums.append(a @ W.T)
        a = np.tanh(sums[-1])
    delta = rng.normal(size=a.shape)
    answer = learner.array(weights, sums, inputs, delta, _tanh_slope, shape=(5,))
    expected = _walk(weights, sums, inputs, delta)
    mistakes = {
        "last_first": expected[::-1],
        "no_slope": _walk(weights, sums, inputs, delta, slope=np.ones_like),
        "slope_of_inputs": _walk(weights, inputs, inputs, delta),
        "no_weights": _walk([np.eye(6)] * 5, sums, inputs, delta),
        "turned_weights": _walk([W.T for W in weights], sums, inputs, delta),
        "delta_alone": _walk(weights, sums, inputs, delta, size=lambda d, _: d),
        "late_slope": _walk(weights, sums, inputs, delta, steps="noted, slope, weights"),
        "early_weights": _walk(weights, sums, inputs, delta, steps="weights, slope, noted"),
        "weights_before_noted": _walk(weights, sums, inputs, delta, steps="slope, weights, noted"),
        "forward": _walk(weights[::-1], sums[::-1], inputs[::-1], delta)[::-1],
        "always_the_top": _walk(weights, sums, inputs, delta, steps="restart, slope, noted"),
    }
    return hint_for(answer, expected, mistakes)


def _tanh_slope(z: np.ndarray) -> np.ndarray:
    return np.asarray(1 - np.tanh(z) ** 2)


def _walk(
    weights: list[np.ndarray],
    sums: list[np.ndarray],
    inputs: list[np.ndarray],
    delta: np.ndarray,
    *,
    slope: Slope = _tanh_slope,
    size: Callable[[np.ndarray, np.ndarray], np.ndarray] = lambda delta, a: delta.T @ a,
    steps: str = "slope, noted, weights",
) -> np.ndarray:
    """Sizes of the layers' gradients, first layer first, when each layer does these steps on the way back."""
    sizes, top = np.zeros(len(weights)), delta
    for layer in reversed(range(len(weights))):
        for step in steps.split(", "):
            if step == "restart":
                delta = top
            elif step == "slope":
                delta = delta * slope(sums[layer])
            elif step == "weights":
                delta = delta @ weights[layer]
            else:
                sizes[layer] = np.linalg.norm(size(delta, inputs[layer]))
    return sizes


def he_start(learner: Learner) -> Hint | None:
    """Mean 0 and variance 2 / inputs, drawn from the generator that is given."""
    inputs, outputs = 500, 200
    first, again, other = (
        learner.array(inputs, outputs, np.random.default_rng(seed), shape=(outputs, inputs)) for seed in (1, 1, 2)
    )
    spread = float(first.std())
    if np.ptp(first) == 0:
        return Hint("all_equal")
    if not np.array_equal(first, again):
        return Hint("own_chance")
    if np.array_equal(first, other):
        return Hint("always_the_same")
    if abs(float(first.mean())) > 0.05 * spread:
        return Hint("mean", mean=float(first.mean()))
    wanted = np.sqrt(2 / inputs)
    wrong = {
        "variance": 2 / inputs,
        "lecun": np.sqrt(1 / inputs),
        "outputs": np.sqrt(2 / outputs),
        "xavier": np.sqrt(2 / (inputs + outputs)),
        "uniform": wanted / np.sqrt(3),
        "unscaled": 1.0,
        "two": np.sqrt(2),
        "no_root": 1 / inputs,
    }
    for key, size in wrong.items():
        if abs(spread / size - 1) < 0.02:
            return Hint(key, ratio=spread / wanted)
    return None if abs(spread / wanted - 1) < 0.02 else Hint("spread", ratio=spread / wanted)


EXERCISES = {
    "sigmoid_slope": sigmoid_slope,
    "layers_needed": layers_needed,
    "layer_gradient": layer_gradient,
    "gradient_sizes": gradient_sizes,
    "he_start": he_start,
}
