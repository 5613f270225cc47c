"""Threshold units on the sixteen functions of two bits: what one learns, what none can, what two layers can.

- **unit**: random units with whole-number weights and inputs, so that sums meet the threshold exactly.
- **perceptron**: the rule on AND, OR and XOR in all 24 orders of the four rows. Novikoff's theorem (1962) bounds its
  mistakes by (R / gamma)², R the longest input, gamma the margin of any separating line.
- **functions**: which of the sixteen a line separates. There are whole-number weights for a part of them, and linear
  programming says of each whether *any* real weights exist.
- **xor**: back-propagation by hand on XOR, with one hidden layer of 1 to 8 sigmoid units, from many starts at once.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations, product
from typing import TYPE_CHECKING, Any

import numpy as np

from lib.harness.contract.claim import Claim, largest
from lib.harness.contract.results import Results
from lib.harness.contract.seeds import Seed
from lib.harness.contract.trial import Log
from lib.mlp.mlp import neuron
from lib.models.mlp import initial_weights

if TYPE_CHECKING:
    from lib.mlp.mlp.training import MlpConfig

ROWS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
TARGETS = {"AND": np.array([0, 0, 0, 1]), "OR": np.array([0, 1, 1, 1]), "XOR": np.array([0, 1, 1, 0])}
LINES = {"AND": (1.0, 1.0, -1.5), "OR": (1.0, 1.0, -0.5)}
"""A separating line for each: weights of both inputs and of the constant 1. For Novikoff's bound."""
HIDDEN = (1, 2, 3, 4, 8)
FEWEST, MORE = 2, 4
"""Hidden units: the fewest that can do XOR, and twice as many."""
MOST = 0.5
"""Most starts: more than half of them."""
ONE_IN_TWENTY = 0.05
"""The smallest difference between shares of starts that counts."""


def trial(config: MlpConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """All measurements of this file."""
    measured: dict[str, Any] = {
        "wrong_units": wrong_units(seed),
        "perceptron": {name: all_orders(targets) for name, targets in TARGETS.items()},
        "by_search": sorted(by_search()),
        "by_programming": [index for index in range(16) if separable(table(index))],
        "two_layers_right": int((xor_by_hand(ROWS) == TARGETS["XOR"]).sum()),
        "xor": {},
    }
    for hidden in HIDDEN:
        measured["xor"][str(hidden)] = learned = learn_xor(config, hidden, seed)
        log(hidden, solved=learned["solved"])
    return measured


def wrong_units(seed: Seed, units: int = 2_000) -> int:
    """Random units, threshold and ReLU, that pass something on below or at their threshold, or nothing above it."""
    rng = seed.rng("units")
    wrong = 0
    for _ in range(units):
        inputs, weights = rng.integers(-3, 4, (20, 3)), rng.integers(-3, 4, 3)
        threshold = int(rng.integers(-3, 4))
        crossed = [sum(int(x) * int(w) for x, w in zip(row, weights, strict=True)) > threshold for row in inputs]
        for unit in (neuron.threshold_unit, neuron.relu_unit):
            wrong += int(np.any((unit(inputs, weights, threshold) != 0) != crossed))
    return wrong


def novikoff(line: tuple[float, float, float], targets: np.ndarray) -> float:
    """The most mistakes that the rule can make, by this line: (R / gamma)²."""
    extended = np.column_stack([ROWS, np.ones(4)])
    margins = np.where(targets == 1, 1, -1) * (extended @ line) / np.linalg.norm(line)
    return float((np.linalg.norm(extended, axis=1).max() / margins.min()) ** 2)


def all_orders(targets: np.ndarray) -> dict[str, Any]:
    """The rule in all orders of the rows: how many learn, how many cycle for ever, and mistakes by epoch."""
    runs = [neuron.perceptron(ROWS[list(order)], targets[list(order)]) for order in permutations(range(4))]
    return {
        "learned": sum(run.learned for run in runs),
        "cycles": sum(run.cycle > 0 for run in runs),
        "most_mistakes": max(sum(run.mistakes) for run in runs),
        "mistakes": [run.mistakes for run in runs],
        "cycle": [run.cycle for run in runs],
    }


def table(index: int) -> np.ndarray:
    """The outputs of a function of two bits for the four rows; bit i of its index is the output of row i."""
    return np.array([index >> row & 1 for row in range(4)])


def by_search() -> set[int]:
    """The functions that units with weights -2 to 2 and thresholds halfway between whole numbers compute."""
    whole, halves = range(-2, 3), np.arange(-4.5, 5)
    outputs = [ROWS @ np.array(weights) > limit for weights in product(whole, whole) for limit in halves]
    return {int(output @ (1 << np.arange(4))) for output in outputs}


def separable(targets: np.ndarray) -> bool:
    """Return whether any real weights and threshold compute this function: s_i (w x_i - t) >= 1 has a solution."""
    from scipy.optimize import linprog

    signs = np.where(targets == 1, 1, -1)[:, None]
    solution = linprog(
        np.zeros(3), A_ub=-signs * np.column_stack([ROWS, -np.ones(4)]), b_ub=-np.ones(4), bounds=(None, None)
    )
    return bool(solution.status == 0)


def xor_by_hand(rows: np.ndarray) -> np.ndarray:
    """XOR from three threshold units, written down: at least one (OR), but not both (AND)."""
    at_least_one = neuron.threshold_unit(rows, np.array([1, 1]), 0.5)
    both = neuron.threshold_unit(rows, np.array([1, 1]), 1.5)
    return neuron.threshold_unit(np.column_stack([at_least_one, both]), np.array([1, -1]), 0.5)


def learn_xor(config: MlpConfig, hidden: int, seed: Seed) -> dict[str, Any]:
    """Share of starts whose network has all four rows right at the end, its loss, and the first such network."""
    starts = [
        initial_weights(seed.child("start", hidden, i), (2, hidden, 2), "xavier") for i in range(config.xor_starts)
    ]
    together = {name: np.stack([start[name] for start in starts]) for name in starts[0]}
    rows = ROWS.astype(float)
    weights, losses = neuron.descend(
        together, "sigmoid", rows, TARGETS["XOR"], rate=config.xor_learning_rate, steps=config.xor_steps
    )
    right = (neuron.forward(weights, "sigmoid", rows).logits.argmax(axis=-1) == TARGETS["XOR"]).all(axis=-1)
    learned: dict[str, Any] = {"solved": float(right.mean()), "losses": losses[-1]}
    if right.any():
        learned["network"] = {name: array[int(right.argmax())] for name, array in weights.items()}
    return learned


def _measured(results: Results) -> list[Any]:
    return [result.measurements for result in results.of("neuron")]


def _bound(results: Results) -> float:
    """Worst mistakes over Novikoff's bound; infinite where an order did not learn."""
    bounds = {name: novikoff(line, TARGETS[name]) for name, line in LINES.items()}
    runs = [(each["perceptron"][name], bound) for each in _measured(results) for name, bound in bounds.items()]
    return largest(run["most_mistakes"] / bound if run["learned"] == 24 else np.inf for run, bound in runs)


def _best_on_xor(results: Results) -> int:
    reached = {index for each in _measured(results) for key in ("by_search", "by_programming") for index in each[key]}
    return max(int((table(index) == TARGETS["XOR"]).sum()) for index in reached)


def _solved(hidden: int) -> Callable[[Results], np.ndarray]:
    return lambda results: np.array([each["xor"][str(hidden)]["solved"] for each in _measured(results)])


CLAIMS = (
    Claim(
        "threshold-neuron/threshold",
        role="sentence",
        kind="exact",
        measure=lambda results: max(each["wrong_units"] for each in _measured(results)),
        at_most=0,
    ),
    Claim("threshold-neuron/and-or", role="identity", kind="exact", measure=_bound, at_most=1),
    Claim("threshold-neuron/xor-best", role="limit", kind="exact", measure=_best_on_xor, at_most=3),
    Claim(
        "threshold-neuron/xor-never",
        role="limit",
        kind="exact",
        measure=lambda results: min(each["perceptron"]["XOR"]["cycles"] for each in _measured(results)),
        at_least=24,
    ),
    Claim(
        "threshold-neuron/two-layers",
        role="control",
        kind="exact",
        measure=lambda results: min(each["two_layers_right"] for each in _measured(results)),
        at_least=4,
    ),
    Claim("threshold-neuron/two-layers-learn", role="control", measure=_solved(FEWEST), at_least=MOST),
    Claim(
        "threshold-neuron/more-units-learn",
        role="control",
        measure=lambda results: _solved(MORE)(results) - _solved(FEWEST)(results),
        more_than=0.0,
        smallest=ONE_IN_TWENTY,
    ),
)
