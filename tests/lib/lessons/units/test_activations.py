"""The lesson on activations: mistakes get their hints, solutions pass, and the picture's gradients are the lab's."""

import numpy as np
import pytest

from lib.lessons.units.activations.explore import activate, initial, sizes
from tests.lib.lessons.support import answer, solution, still
from tests.lib.lessons.units.mistakes import cases

S = "s = 1 / (1 + np.exp(-z))\n"
NORM = "np.linalg.norm"
HEADS = {
    "sigmoid_slope": "def sigmoid_slope(z):",
    "layer_gradient": "def layer_gradient(delta, a):",
    "gradient_sizes": "def gradient_sizes(weights, sums, inputs, delta, slope):",
    "he_start": "def he_start(inputs, outputs, rng):",
}


def walk(*steps: str) -> str:
    """The body of `gradient_sizes` with these steps at every layer."""
    lines = "".join(f"    {step}\n" for step in steps)
    return f"sizes = [0.0] * len(weights)\nfor k in range(len(weights) - 1, -1, -1):\n{lines}return sizes"


def grown(*steps: str, end: str = "return sizes[::-1]") -> str:
    """The same with a list that grows, by `zip` over the layers."""
    lines = "".join(f"    {step}\n" for step in steps)
    rows = "list(zip(weights, sums, inputs))[::-1]"
    return f"sizes = []\nfor W, z, a in {rows}:\n{lines}{end}"


SLOPE, NOTED, BACK = (
    "delta = delta * slope(sums[k])",
    f"sizes[k] = {NORM}(delta.T @ inputs[k])",
    "delta = delta @ weights[k]",
)
SLOPE_, NOTED_, BACK_ = (
    "delta = slope(z) * delta",
    "sizes.append(np.sqrt(np.sum((delta.T @ a) ** 2)))",
    "delta = delta @ W",
)

MISTAKES = {
    "sigmoid_slope": {
        "value": ("return 1 / (1 + np.exp(-z))", "return np.exp(z) / (1 + np.exp(z))"),
        "of_z": ("return z * (1 - z)", "return z - z**2"),
        "square": (S + "return s * s", "return (1 + np.exp(-z)) ** -2"),
        "complement": (S + "return 1 - s", "return 1 / (1 + np.exp(z))"),
        "mixed": (S + "return s * (1 - z)", S + "return s - s * z"),
        "sign": (S + "return s * (s - 1)", S + "return -s * (1 - s)"),
        "tanh": ("return 1 - np.tanh(z) ** 2", "return 1 / np.cosh(z) ** 2"),
        "tanh_of_s": (S + "return 1 - s**2", S + "return (1 - s) * (1 + s)"),
        "slope_of_slope": (S + "return s * (1 - s) * (1 - 2 * s)", S + "return s - 3 * s**2 + 2 * s**3"),
    },
    "layers_needed": {
        "not_whole": ("np.log(1e-6) / np.log(0.25)", "9.966"),
        "tenths": ("6", "-np.log10(1e-6)"),
        "halves": ("20", "int(np.ceil(np.log2(1e6)))"),
        "divided": ("1_000_000 / 4", "250000"),
        "too_few": ("9", "int(np.log(1e-6) / np.log(0.25))"),
        "too_many": ("11", "np.ceil(np.log(1e6) / np.log(4)) + 1"),
        "not_a_number": ("0.25 ** 10", "-10"),
    },
    "layer_gradient": {
        "swapped": ("return a.T @ delta", "return (delta.T @ a).T"),
        "no_output": ("return delta.sum(axis=0)", "return np.ones(len(delta)) @ delta"),
        "not_summed": (
            "return delta[:, :, None] * a[:, None, :]",
            "return np.array([np.outer(delta[i], a[i]) for i in range(len(a))])",
        ),
        "averaged": ("return delta.T @ a / len(a)", "return (delta[:, :, None] * a[:, None, :]).mean(axis=0)"),
        "means": (
            "return np.outer(delta.mean(axis=0), a.mean(axis=0))",
            "return delta.mean(0)[:, None] * a.mean(0)",
        ),
        "sums": (
            "return np.outer(delta.sum(axis=0), a.sum(axis=0))",
            "return delta.sum(0)[:, None] @ a.sum(0)[None]",
        ),
        "one_example": ("return np.outer(delta[0], a[0])", "return delta[:1].T @ a[:1]"),
        "last_example": (
            "for i in range(len(a)):\n    g = np.outer(delta[i], a[i])\nreturn g",
            "return delta[-1:].T @ a[-1:]",
        ),
        "sign": ("return -delta.T @ a", "return 0 - delta.T @ a"),
    },
    "gradient_sizes": {
        "last_first": (grown(SLOPE_, NOTED_, BACK_, end="return sizes"), walk(SLOPE, NOTED, BACK) + "[::-1]"),
        "no_slope": (walk(NOTED, BACK), grown(NOTED_, BACK_)),
        "no_weights": (walk(SLOPE, NOTED), grown(SLOPE_, NOTED_)),
        "slope_of_inputs": (
            walk("delta = delta * slope(inputs[k])", NOTED, BACK),
            grown("delta = slope(a) * delta", NOTED_, BACK_),
        ),
        "turned_weights": (
            walk(SLOPE, NOTED, "delta = delta @ weights[k].T"),
            grown(SLOPE_, NOTED_, "delta = (W @ delta.T).T"),
        ),
        "delta_alone": (
            walk(SLOPE, f"sizes[k] = {NORM}(delta)", BACK),
            grown(SLOPE_, "sizes.append(np.sqrt(np.sum(delta**2)))", BACK_),
        ),
        "late_slope": (walk(NOTED, SLOPE, BACK), grown(NOTED_, SLOPE_, BACK_)),
        "early_weights": (walk(BACK, SLOPE, NOTED), grown(BACK_, SLOPE_, NOTED_)),
        "weights_before_noted": (walk(SLOPE, BACK, NOTED), grown(SLOPE_, BACK_, NOTED_)),
        "always_the_top": (
            walk(f"sizes[k] = {NORM}((delta * slope(sums[k])).T @ inputs[k])"),
            grown(f"sizes.append({NORM}((slope(z) * delta).T @ a))"),
        ),
        "forward": (
            walk(SLOPE, NOTED, BACK).replace("range(len(weights) - 1, -1, -1)", "range(len(weights))"),
            grown(SLOPE_, NOTED_, BACK_, end="return sizes").replace("[::-1]:", ":"),
        ),
    },
    "he_start": {
        "variance": (
            "return rng.normal(0, 2 / inputs, (outputs, inputs))",
            "return 2 / inputs * rng.standard_normal((outputs, inputs))",
        ),
        "no_root": (
            "return rng.normal(0, 1 / inputs, (outputs, inputs))",
            "return rng.normal(size=(outputs, inputs)) / inputs",
        ),
        "lecun": (
            "return rng.normal(0, np.sqrt(1 / inputs), (outputs, inputs))",
            "return rng.normal(size=(outputs, inputs)) / np.sqrt(inputs)",
        ),
        "outputs": (
            "return rng.normal(0, np.sqrt(2 / outputs), (outputs, inputs))",
            "return rng.normal(size=(outputs, inputs)) * (2 / outputs) ** 0.5",
        ),
        "xavier": (
            "return rng.normal(0, np.sqrt(2 / (inputs + outputs)), (outputs, inputs))",
            "m = np.sqrt(6 / (inputs + outputs))\nreturn rng.uniform(-m, m, (outputs, inputs))",
        ),
        "uniform": (
            "m = np.sqrt(2 / inputs)\nreturn rng.uniform(-m, m, (outputs, inputs))",
            "return np.sqrt(2 / inputs) * (2 * rng.random((outputs, inputs)) - 1)",
        ),
        "unscaled": ("return rng.normal(size=(outputs, inputs))", "return rng.standard_normal((outputs, inputs))"),
        "two": (
            "return rng.normal(0, np.sqrt(2), (outputs, inputs))",
            "return 2**0.5 * rng.normal(size=(outputs, inputs))",
        ),
        "mean": (
            "return np.abs(rng.normal(0, np.sqrt(2 / inputs), (outputs, inputs)))",
            "return rng.random((outputs, inputs)) * np.sqrt(2 / inputs)",
        ),
        "all_equal": (
            "return np.full((outputs, inputs), np.sqrt(2 / inputs))",
            "return np.zeros((outputs, inputs))",
        ),
        "own_chance": (
            "return np.random.normal(0, np.sqrt(2 / inputs), (outputs, inputs))",
            "return np.random.default_rng().normal(0, np.sqrt(2 / inputs), (outputs, inputs))",
        ),
        "always_the_same": (
            "return np.random.default_rng(0).normal(0, np.sqrt(2 / inputs), (outputs, inputs))",
            "return np.random.RandomState(1).normal(0, np.sqrt(2 / inputs), (outputs, inputs))",
        ),
    },
}
NEEDED = {"gradient_sizes": ["layer_gradient", "gradient_sizes"]}


@pytest.mark.parametrize(("exercise", "key", "code"), cases(MISTAKES, HEADS))
def test_a_mistake_gets_its_hint(exercise: str, key: str, code: str) -> None:
    assert answer("activations", exercise, code) == key


@pytest.mark.parametrize("exercise", MISTAKES)
def test_the_solution_passes(exercise: str) -> None:
    sigmoid = "def sigmoid(z):\n    return 1 / (1 + np.exp(-z))\n"
    code = "\n".join([sigmoid, *(solution("05-activations", name) for name in NEEDED.get(exercise, [exercise]))])
    assert answer("activations", exercise, code) is None


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "relu", "leaky", "selu"])
def test_the_slopes_are_those_of_the_functions(name: str) -> None:
    z = np.linspace(-4, 4, 200)  # 0 is not among them
    step = 1e-6
    differences = (activate(name, z + step)[0] - activate(name, z - step)[0]) / (2 * step)
    assert activate(name, z)[1] == pytest.approx(differences, abs=1e-8)


@pytest.mark.parametrize("start", ["xavier", "he", "lecun", "uniform", "large"])
def test_the_starts_are_those_of_their_papers(start: str) -> None:
    weights = np.stack([initial(start, np.random.default_rng(seed)) for seed in range(20)])
    variances = {"xavier": 2 / 128, "he": 2 / 64, "lecun": 1 / 64, "uniform": 1 / (3 * 64), "large": 200 / 128}
    assert weights.var() == pytest.approx(variances[start], rel=0.03)


def test_the_picture_shows_what_the_lab_measures() -> None:
    """A quarter per layer with sigmoids; tanh and ReLU in their usual starts keep the gradient within a factor of 5."""
    learned = sizes(20, "sigmoid", "xavier")["learned"]
    assert 0.2 < (learned[0] / learned[-1]) ** (1 / 19) < 0.27
    for activation, start in (("tanh", "xavier"), ("relu", "he")):
        learned = sizes(30, activation, start)["learned"]
        assert 0.2 < learned[0] / learned[-1] < 5, activation


@pytest.mark.parametrize("start", ["xavier", "large"])
def test_every_choice_can_be_drawn(start: str) -> None:
    for activation in ("sigmoid", "relu", "selu"):
        assert still("activations", "gradient", depth=30, activation=activation, start=start).startswith(b"\x89PNG")
