"""Exercises of the lesson on the multi-layer perceptron; the lab's own back-propagation is their judge."""

from __future__ import annotations

from importlib import import_module

import numpy as np

from lib.lessons.checks import Hint, Learner, same
from lib.lessons.units.mistakes import hint_for

Weights = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
HIDDEN = 64
"""Hidden units of the lesson's network."""


def neuron(learner: Learner) -> Hint | None:
    """The threshold unit on whole numbers, some of whose sums equal the threshold."""
    from lib.mlp.mlp.neuron import threshold_unit

    rng = np.random.default_rng(2)
    inputs, weights = rng.integers(-3, 4, (40, 3)), rng.integers(-3, 4, (40, 3))
    limits = rng.integers(-4, 5, 40)
    sums = (inputs * weights).sum(axis=1)
    limits[:6] = sums[:6]
    rows = range(len(sums))
    answers = [learner.array(inputs[row], weights[row], int(limits[row])) for row in rows]
    if answers[0].shape == (3,):
        return Hint("not_summed")
    answer = np.array([learner.as_number(each) for each in answers])
    expected = np.array([threshold_unit(inputs[row : row + 1], weights[row], limits[row])[0] for row in rows])
    mistakes = {
        "flipped": sums <= limits,
        "at_threshold": sums >= limits,
        "below": sums < limits,
        "sign": sums + limits > 0,
        "ignores_threshold": sums > 0,
        "ignores_weights": inputs.sum(axis=1) > limits,
        "sum": sums,
        "excess": np.maximum(sums - limits, 0),
        "difference": sums - limits,
    }
    return hint_for(answer, expected, mistakes)


def forward(learner: Learner) -> Hint | None:
    """Two layers with ReLU between them, compared with the lab's forward pass."""
    from lib.mlp.mlp import neuron as lab

    x, (W1, b1, W2, b2) = _case(5, 3, 4, 2)
    answer = learner.array(x, W1, b1, W2, b2)
    if answer.shape == (5, 4):
        return Hint("one_layer")
    answer = learner.as_array(answer, (5, 2))
    z = x @ W1.T + b1
    mistakes = {
        "no_activation": z @ W2.T + b2,
        "no_bias": np.maximum(x @ W1.T, 0) @ W2.T + b2,
        "no_last_bias": np.maximum(z, 0) @ W2.T,
        "no_biases": np.maximum(x @ W1.T, 0) @ W2.T,
        "activation_before_bias": (np.maximum(x @ W1.T, 0) + b1) @ W2.T + b2,
        "activation_at_the_end": np.maximum(np.maximum(z, 0) @ W2.T + b2, 0),
        "activation_only_at_the_end": np.maximum(z @ W2.T + b2, 0),
        "step": (z > 0) @ W2.T + b2,
        "minimum": np.minimum(z, 0) @ W2.T + b2,
        "minus_bias": np.maximum(x @ W1.T - b1, 0) @ W2.T + b2,
    }
    return hint_for(answer, lab.forward(_names(W1, b1, W2, b2), "relu", x).logits, mistakes)


def hidden_slope(learner: Learner) -> Hint | None:
    """The derivative one layer back: the loss' derivative by the hidden biases, before it is summed over examples."""
    x, (W1, b1, W2, _) = _case(6, 3, 5, 2)
    z = x @ W1.T + b1
    delta = np.random.default_rng(4).normal(size=(6, 2))
    answer = learner.array(delta, W2, z, shape=(6, 5))
    back, on = delta @ W2, z > 0
    mistakes = {
        "no_derivative": back,
        "function": back * np.maximum(z, 0),
        "sums": back * z,
        "off_units": back * ~on,
        "of_the_gradient": np.maximum(back, 0),
        "only_derivative": on,
        "averaged": back * on / len(x),
    }
    return hint_for(answer, back * on, mistakes)


def torch_losses(learner: Learner) -> Hint | None:
    """The losses of twelve steps, compared with the lab's gradient descent in NumPy from the same weights."""
    from lib.mlp.mlp import neuron as lab

    import_module("torch._dynamo")  # which the first optimizer imports, for seconds: not in the learner's time
    rate, steps = 0.5, 12
    x, weights = _case(20, 2, HIDDEN, 2)
    labels = np.arange(20) % 2
    answer = learner.array(list(weights), x, labels, rate, steps, shape=(steps,))
    _, losses = lab.descend(_names(*weights), "relu", x, labels, rate=rate, steps=steps + 1)
    if same(answer, losses[:-1], relative=1e-5):
        return None
    mistakes = {
        "still": np.full(steps, losses[0]),
        "accumulates": _adding_up(weights, x, labels, rate, steps),
        "after_the_step": losses[1:],
        "late": np.array([losses[0], *losses[:-2]]),
    }
    for key, wrong in mistakes.items():
        if same(answer, wrong, relative=1e-5):
            return Hint(key)
    key = "other_way" if same(answer[:1], losses[:1], relative=1e-5) else "other_start"
    place = -1 if key == "other_way" else 0
    return Hint(key, answer=float(answer[place]), expected=float(losses[:-1][place]))


def _adding_up(weights: Weights, x: np.ndarray, labels: np.ndarray, rate: float, steps: int) -> np.ndarray:
    """The losses where no gradient is ever cleared."""
    from lib.mlp.mlp import neuron as lab

    current, losses = _names(*weights), []
    total = {name: np.zeros_like(array) for name, array in current.items()}
    for _ in range(steps):
        loss, gradients = lab.loss_and_gradients(current, "relu", x, labels)
        losses.append(float(loss))
        total = {name: total[name] + gradients[name] for name in total}
        current = {name: array - rate * total[name] for name, array in current.items()}
    return np.array(losses)


def fold(learner: Learner) -> Hint | None:
    """The one layer that two layers without an activation amount to, compared with the lab's `fold`."""
    from lib.mlp.mlp import neuron as lab

    _, (W1, b1, W2, b2) = _case(1, 3, 4, 2)
    answer = learner(W1, b1, W2, b2)
    if not isinstance(answer, (tuple, list)) or len(answer) != 2:
        return Hint("pair")
    expected, expected_bias = lab.fold(_names(W1, b1, W2, b2))
    if same(answer[0], expected_bias) and same(answer[1], expected):
        return Hint("swapped")
    if not same(answer[0], expected):
        return Hint("matrix_transposed" if same(answer[0], expected.T) else "matrix", shape=str(expected.shape))
    if same(answer[1], expected_bias):
        return None
    mistakes = {
        "bias_of_the_second": b2,
        "bias_of_the_first": W2 @ b1,
        "bias_minus": W2 @ b1 - b2,
    }
    for key, wrong in mistakes.items():
        if same(answer[1], wrong):
            return Hint(key)
    return Hint("bias", shape=str(expected_bias.shape))


def _case(examples: int, inputs: int, hidden: int, classes: int) -> tuple[np.ndarray, Weights]:
    """Inputs (examples, inputs) and weights of two layers, none of them 0."""
    rng = np.random.default_rng(3)
    W1, W2 = rng.normal(size=(hidden, inputs)), rng.normal(0, hidden**-0.5, (classes, hidden))
    return rng.normal(size=(examples, inputs)), (W1, rng.normal(size=hidden), W2, rng.normal(size=classes))


def _names(W1: np.ndarray, b1: np.ndarray, W2: np.ndarray, b2: np.ndarray) -> dict[str, np.ndarray]:
    """Weights by the lab's names."""
    return {"dense1.weight": W1, "dense1.bias": b1, "dense2.weight": W2, "dense2.bias": b2}


EXERCISES = {
    "neuron": neuron,
    "forward": forward,
    "hidden_slope": hidden_slope,
    "torch_losses": torch_losses,
    "fold": fold,
}
