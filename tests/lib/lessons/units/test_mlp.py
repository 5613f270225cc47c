"""The lesson on the multi-layer perceptron: solutions pass, typical mistakes get their hints, pictures are right."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from lib.lessons.units.mlp import checks, explore
from tests.lib.lessons.support import answer, solution
from tests.lib.lessons.units.mistakes import cases

BUILD = """
import torch
from torch import nn

def build(weights, activation=nn.ReLU):
    model = nn.Sequential(nn.Linear(2, 64), activation(), nn.Linear(64, 2)).double()
    with torch.no_grad():
        for parameter, values in zip(model.parameters(), weights):
            parameter.copy_(torch.tensor(values))
    return model
"""
HEADS = {
    "neuron": "def neuron(x, w, threshold):",
    "forward": "def forward(x, W1, b1, W2, b2):",
    "hidden_slope": "def hidden_slope(delta2, W2, z):",
    "torch_losses": f"{BUILD}\ndef torch_losses(weights, x, labels, rate, steps, activation=nn.ReLU):",
    "fold": "def fold(W1, b1, W2, b2):",
}
LOSS = "loss = nn.functional.cross_entropy(model(x), labels)"
KEEP = "losses.append(loss.item())"
CLEAR, BACK, STEP = "optimizer.zero_grad()", "loss.backward()", "optimizer.step()"


def loop(*lines: str) -> str:
    """The body of `torch_losses` with these lines in its loop."""
    head = (
        "x, labels = torch.tensor(x), torch.tensor(labels)\n"
        "model = build(weights, activation)\n"
        "optimizer = torch.optim.SGD(model.parameters(), lr=rate)\n"
        "losses = []\nfor step in range(steps):\n"
    )
    return head + "".join(f"    {line}\n" for line in lines) + "return losses"


MISTAKES = {
    "neuron": {
        "at_threshold": ("return 1 if w @ x >= threshold else 0", "return int(not sum(w * x) < threshold)"),
        "flipped": ("return 0 if w @ x > threshold else 1", "return int(np.sum(x * w) <= threshold)"),
        "below": ("return int(w @ x < threshold)", "return 1 if threshold > np.dot(x, w) else 0"),
        "sign": ("return int(w @ x + threshold > 0)", "return 1 if np.dot(w, x) > -threshold else 0"),
        "ignores_threshold": ("return int(w @ x > 0)", "return np.heaviside((w * x).sum(), 0)"),
        "ignores_weights": ("return int(x.sum() > threshold)", "return 1 if sum(x) > threshold else 0"),
        "sum": ("return w @ x", "return float(np.dot(x, w))"),
        "excess": ("return max(0, w @ x - threshold)", "s = sum(w * x)\nreturn s - threshold if s > threshold else 0"),
        "difference": ("return w @ x - threshold", "return -threshold + sum(x * w)"),
        "not_summed": ("return w * x > threshold", "return [int(a * b > threshold) for a, b in zip(w, x)]"),
    },
    "forward": {
        "no_activation": (
            "return (x @ W1.T + b1) @ W2.T + b2",
            "h = np.dot(x, W1.T) + b1\nreturn np.dot(h, W2.T) + b2",
        ),
        "no_bias": (
            "h = np.maximum(x @ W1.T, 0)\nreturn h @ W2.T + b2",
            "z = (W1 @ x.T).T\nreturn (z * (z > 0)) @ W2.T + b2",
        ),
        "no_last_bias": (
            "return np.maximum(x @ W1.T + b1, 0) @ W2.T",
            "z = b1 + x @ W1.T\nz[z < 0] = 0\nreturn np.dot(z, W2.T)",
        ),
        "activation_at_the_end": (
            "h = np.maximum(x @ W1.T + b1, 0)\nreturn np.maximum(h @ W2.T + b2, 0)",
            "relu = lambda z: (z + abs(z)) / 2\nreturn relu(relu(x @ W1.T + b1) @ W2.T + b2)",
        ),
        "activation_before_bias": (
            "h = np.maximum(x @ W1.T, 0) + b1\nreturn h @ W2.T + b2",
            "h = x @ W1.T\nh[h < 0] = 0\nh = h + b1\nreturn h @ W2.T + b2",
        ),
        "step": (
            "h = (x @ W1.T + b1 > 0) * 1.0\nreturn h @ W2.T + b2",
            "h = np.heaviside(x @ W1.T + b1, 0)\nreturn h @ W2.T + b2",
        ),
        "one_layer": ("return np.maximum(x @ W1.T + b1, 0)", "h = x @ W1.T + b1\nreturn np.where(h > 0, h, 0)"),
    },
    "hidden_slope": {
        "no_derivative": ("return delta2 @ W2", "return np.dot(W2.T, delta2.T).T"),
        "function": (
            "return (delta2 @ W2) * np.maximum(z, 0)",
            "h = np.where(z > 0, z, 0)\nreturn h * (delta2 @ W2)",
        ),
        "off_units": ("return (delta2 @ W2) * (z < 0)", "back = delta2 @ W2\nback[z > 0] = 0\nreturn back"),
        "of_the_gradient": (
            "return np.maximum(delta2 @ W2, 0)",
            "back = delta2 @ W2\nreturn back * (back > 0)",
        ),
        "only_derivative": ("return (z > 0) * 1.0", "return np.heaviside(z, 0)"),
        "averaged": ("return (delta2 @ W2) * (z > 0) / len(z)", "return np.where(z > 0, delta2 @ W2, 0) / z.shape[0]"),
        "sign": ("return -(delta2 @ W2) * (z > 0)", "return np.where(z > 0, -delta2 @ W2, 0)"),
    },
    "torch_losses": {
        "still": (loop(LOSS, KEEP), loop(LOSS, KEEP, BACK, CLEAR, STEP)),
        "accumulates": (loop(LOSS, KEEP, BACK, STEP), loop(f"if step == 0: {CLEAR}", LOSS, BACK, KEEP, STEP)),
        "after_the_step": (loop(LOSS, CLEAR, BACK, STEP, LOSS, KEEP), loop(LOSS, BACK, STEP, CLEAR, LOSS, KEEP)),
        "late": (
            loop(LOSS, KEEP, STEP, CLEAR, LOSS, BACK),
            loop(LOSS, KEEP, "if step: optimizer.step()", CLEAR, LOSS, BACK),
        ),
        "exception": (loop(LOSS, KEEP, STEP, CLEAR, BACK), loop(KEEP, LOSS, CLEAR, BACK, STEP)),
        "other_way": (
            loop(LOSS, KEEP, CLEAR, BACK, STEP, STEP),
            loop("rate = 1", LOSS, KEEP, CLEAR, BACK, STEP * 1, STEP),
        ),
    },
    "fold": {
        "pair": ("return W2 @ W1", "W, b = W2 @ W1, W2 @ b1 + b2\nreturn W"),
        "swapped": ("return W2 @ b1 + b2, W2 @ W1", "W, b = W2.dot(W1), b2 + W2 @ b1\nreturn [b, W]"),
        "bias_of_the_second": ("return W2 @ W1, b2", "W = W2.dot(W1)\nb = 0 * (W2 @ b1) + b2\nreturn [W, b]"),
        "bias_of_the_first": ("return W2 @ W1, W2 @ b1", "return W2.dot(W1), (W2 * b1).sum(axis=1)"),
        "matrix_transposed": (
            "return W1.T @ W2.T, W2 @ b1 + b2",
            "W = (W2 @ W1).T\nreturn W, b1 @ W2.T + b2",
        ),
    },
}


@pytest.mark.parametrize(("exercise", "key", "code"), cases(MISTAKES, HEADS))
def test_a_mistake_gets_its_hint(exercise: str, key: str, code: str) -> None:
    assert answer("mlp", exercise, code) == key


@pytest.mark.parametrize("exercise", checks.EXERCISES)
def test_the_solution_passes(exercise: str) -> None:
    before = BUILD if exercise == "torch_losses" else ""
    assert answer("mlp", exercise, f"import numpy as np\n{before}\n{solution('02-mlp', exercise)}") is None


def key(name: str, **fields: object) -> str:
    """Stand in for the texts: the key and its fields."""
    return " ".join([name, *(f"{field}={value}" for field, value in fields.items())])


@pytest.mark.parametrize(
    ("w1", "w2", "threshold", "table", "right"),
    [
        (1, 1, 1.5, "AND", 4),
        (1, 1, 0.5, "OR", 4),
        (-1, -1, -1.5, "NAND", 4),
        (1, 1, 0.5, "XOR", 3),
        (0, 0, 1, "AND", 3),
    ],
)
def test_a_neurons_line_counts_the_rows(w1: float, w2: float, threshold: float, table: str, right: int) -> None:
    figure = Figure()
    explore.draw_line(figure, key, w1=w1, w2=w2, threshold=threshold, table=table)
    assert [axes.get_title() for axes in figure.axes] == [f"right right={right}"]


def test_no_line_has_all_rows_of_xor() -> None:
    values = np.arange(-3, 3.1, 0.5)
    targets = np.array(explore.TABLES["XOR"])
    grid = [(w1, w2, limit) for w1 in values for w2 in values for limit in values]
    assert max(int(((explore.ROWS @ np.array([w1, w2]) > t) == targets).sum()) for w1, w2, t in grid) == 3


def test_the_border_bends_only_with_an_activation() -> None:
    _, losses, points, arms = explore.snapshots("relu")
    assert losses[0] > 0.5 and losses[-1] < 0.1
    _, straight, *_ = explore.snapshots("identity")
    assert min(straight) > 0.5
    assert points.shape == (200, 2) and set(arms) == {0, 1}
    figure = Figure()
    explore.draw_learning(figure, key, moment=9, activation="relu")
    assert figure.axes[0].get_title() == "steps steps=1000"
