r"""Neurons and networks of them by hand, in NumPy: threshold unit, perceptron rule, back-propagation.

- **threshold unit** (McCulloch & Pitts 1943): 1 if the weighted sum of its inputs exceeds a threshold, else 0.
- **perceptron rule** (Rosenblatt 1958): after a mistake add the input to the weights, or subtract it.
- **back-propagation** (Rumelhart, Hinton & Williams 1986): the chain rule from the output back to every weight.

Networks have the named weights of `lib.models.mlp`. With $a_0 = x$, layer l computes $z_l = a_{l-1} W_l^T + b_l$ and
$a_l = f(z_l)$; the last $z$ are the logits. Backwards, with $\delta_l = \partial L / \partial z_l$:

$$\delta_{l-1} = (\delta_l W_l) \odot f'(z_{l-1}) \qquad
  \frac{\partial L}{\partial W_l} = \delta_l^T a_{l-1} \qquad \frac{\partial L}{\partial b_l} = \sum_n \delta_l$$

Weights may have leading axes, the same for all arrays: as many networks, trained side by side on the same inputs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

Array = np.ndarray


def sigmoid(z: Array) -> Array:
    """1 / (1 + e^-z), without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(z / 2)))


FUNCTIONS: Mapping[str, tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {
    "identity": (lambda z: z, np.ones_like),
    "sigmoid": (sigmoid, lambda z: sigmoid(z) * (1 - sigmoid(z))),
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "relu": (lambda z: np.maximum(z, 0), lambda z: (z > 0).astype(z.dtype)),
}
"""Activations: the function and its derivative, both of the weighted sum."""


def threshold_unit(inputs: Array, weights: Array, threshold: float) -> Array:
    """1 where the weighted sum exceeds the threshold, else 0. inputs (n, d), weights (d,), output (n,)."""
    return np.asarray(inputs @ weights > threshold).astype(inputs.dtype)


def relu_unit(inputs: Array, weights: Array, threshold: float) -> Array:
    """Return the weighted sum's excess over the threshold, else 0: a unit of today. Shapes as in `threshold_unit`."""
    return np.asarray(np.maximum(inputs @ weights - threshold, 0))


class Learned(NamedTuple):
    """The outcome of the perceptron rule.

    Attributes:
        weights: of the inputs, then of the constant input 1.
        mistakes: number of mistakes by epoch.
        learned: True if the last epoch had none.
        cycle: number of epochs after which the weights returned to earlier values, and so always will; else 0.
    """

    weights: Array
    mistakes: list[int]
    learned: bool
    cycle: int


def perceptron(inputs: Array, targets: Array, epochs: int = 1_000) -> Learned:
    """Rosenblatt's rule, w += (target - output) x, from zero weights, over the rows in their order.

    With whole numbers the arithmetic is exact and an epoch is a function of the weights before it: weights that come
    back prove that the rule never ends. (They must come back, as they stay bounded: Minsky & Papert 1969.)

    Args:
        inputs: (n, d) whole numbers.
        targets: (n,) of 0 and 1.
        epochs: at most so many.
    """
    extended = np.column_stack([inputs, np.ones(len(inputs), dtype=inputs.dtype)])
    weights = np.zeros(extended.shape[1], dtype=inputs.dtype)
    mistakes: list[int] = []
    seen = {tuple(weights): 0}
    cycle = 0
    for epoch in range(1, epochs + 1):
        wrong = 0
        for x, target in zip(extended, targets, strict=True):
            error = target - (x @ weights > 0)
            weights = weights + error * x
            wrong += int(error != 0)
        mistakes.append(wrong)
        if wrong == 0:
            break
        cycle = epoch - seen.setdefault(tuple(weights), epoch)
        if cycle:
            break
    return Learned(weights, mistakes, mistakes[-1] == 0, cycle)


class Forward(NamedTuple):
    """A pass forward: the input of every layer (…, n, inputs) and its weighted sums (…, n, outputs)."""

    inputs: list[Array]
    sums: list[Array]

    @property
    def logits(self) -> Array:
        """The output of the network, (…, n, classes)."""
        return self.sums[-1]


def layers(weights: Mapping[str, Array]) -> list[tuple[Array, Array]]:
    """The pairs of weight matrix (…, outputs, inputs) and bias (…, outputs), from the first layer to the last."""
    return [(weights[f"dense{i}.weight"], weights[f"dense{i}.bias"]) for i in range(1, len(weights) // 2 + 1)]


def forward(weights: Mapping[str, Array], activation: str, inputs: Array) -> Forward:
    """All layers on inputs (n, d)."""
    function, _ = FUNCTIONS[activation]
    passed = Forward([], [])
    a = inputs
    for matrix, bias in layers(weights):
        z = a @ matrix.swapaxes(-1, -2) + bias[..., None, :]
        passed.inputs.append(a)
        passed.sums.append(z)
        a = function(z)
    return passed


def cross_entropy(logits: Array, labels: Array) -> tuple[Array, Array]:
    """Mean cross-entropy (…) of logits (…, n, classes) for labels (n,), and its derivative by the logits.

    The derivative is (softmax(logits) - one-hot(labels)) / n.
    """
    shifted = logits - logits.max(axis=-1, keepdims=True)
    log_softmax = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    rows = np.arange(len(labels))
    derivative = np.exp(log_softmax)
    derivative[..., rows, labels] -= 1
    return -log_softmax[..., rows, labels].mean(axis=-1), derivative / len(labels)


def backward(weights: Mapping[str, Array], activation: str, passed: Forward, derivative: Array) -> dict[str, Array]:
    """The gradient by every weight, named as they are, from the loss' `derivative` by the logits."""
    _, slope = FUNCTIONS[activation]
    gradients: dict[str, Array] = {}
    delta = derivative
    for number in range(len(passed.sums), 0, -1):
        gradients[f"dense{number}.weight"] = delta.swapaxes(-1, -2) @ passed.inputs[number - 1]
        gradients[f"dense{number}.bias"] = delta.sum(axis=-2)
        if number > 1:
            delta = (delta @ weights[f"dense{number}.weight"]) * slope(passed.sums[number - 2])
    return {name: gradients[name] for name in weights}


def loss_and_gradients(
    weights: Mapping[str, Array], activation: str, inputs: Array, labels: Array
) -> tuple[Array, dict[str, Array]]:
    """Mean cross-entropy and its gradients: forward, then backward."""
    passed = forward(weights, activation, inputs)
    loss, derivative = cross_entropy(passed.logits, labels)
    return loss, backward(weights, activation, passed, derivative)


def descend(
    weights: Mapping[str, Array], activation: str, inputs: Array, labels: Array, *, rate: float, steps: int
) -> tuple[dict[str, Array], Array]:
    """Gradient descent on all inputs at once. The weights at the end and the losses (steps, …)."""
    current, losses = dict(weights), []
    for _ in range(steps):
        loss, gradients = loss_and_gradients(current, activation, inputs, labels)
        current = {name: array - rate * gradients[name] for name, array in current.items()}
        losses.append(loss)
    return current, np.array(losses)


def fold(weights: Mapping[str, Array]) -> tuple[Array, Array]:
    """All layers multiplied into one, in float64: W_n … W_2 W_1 and the bias that goes with it.

    Without activation between the layers x W^T + b is what the network computes.
    """
    pairs: Sequence[tuple[Array, Array]] = [(m.astype(np.float64), b.astype(np.float64)) for m, b in layers(weights)]
    matrix, bias = pairs[0]
    for later, shift in pairs[1:]:
        matrix, bias = later @ matrix, later @ bias + shift
    return matrix, bias
