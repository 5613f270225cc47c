"""The exercises on recurrent networks: a mistake written in two ways gets the same hint; solutions pass."""

from __future__ import annotations

import numpy as np
import pytest

from tests.lib.lessons.support import answer, solution
from tests.lib.lessons.units.mistakes import assert_every_hint_is_given, assert_three_are_spelled_twice, cases, filled

UNIT, LESSON = "rnn", "12-rnn"

MISTAKES = """
# rnn_step: no_tanh
def rnn_step(x, h, W_x, W_h, b):
    return W_x @ x + W_h @ h + b
# rnn_step: no_tanh
def rnn_step(x, h, W_x, W_h, b):
    return np.hstack([W_x, W_h]) @ np.concatenate([x, h]) + b
# rnn_step: no_bias
def rnn_step(x, h, W_x, W_h, b):
    return np.tanh(W_x @ x + W_h @ h)
# rnn_step: no_bias
def rnn_step(x, h, W_x, W_h, b):
    return np.tanh(np.dot(W_x, x) + np.dot(W_h, h) + 0 * b)
# rnn_step: transposed
def rnn_step(x, h, W_x, W_h, b):
    return np.tanh(x @ W_x.T + h @ W_h + b)
# rnn_step: transposed
def rnn_step(x, h, W_x, W_h, b):
    return np.tanh(W_x @ x + W_h.T @ h + b)
# rnn_step: no_state
def rnn_step(x, h, W_x, W_h, b):
    return np.tanh(W_x @ x + b)
# rnn_step: no_state
def rnn_step(x, h, W_x, W_h, b):
    h = np.zeros(len(b))
    return np.tanh(W_x @ x + W_h @ h + b)
# rnn_step: bias_outside
def rnn_step(x, h, W_x, W_h, b):
    return np.tanh(W_x @ x + W_h @ h) + b
# rnn_step: bias_outside
def rnn_step(x, h, W_x, W_h, b):
    h = np.tanh(W_x @ x + W_h @ h)
    return b + h
# rnn_step: mutated
def rnn_step(x, h, W_x, W_h, b):
    h[:] = np.tanh(W_x @ x + W_h @ h + b)
    return h
# rnn_step: exception
def rnn_step(x, h, W_x, W_h, b):
    return np.tanh(x @ W_x + h @ W_h + b)
# left: times
left = 0.58 * 20
# left: times
left = sum([0.58] * 20)
# left: divided
left = 0.58 / 20
# left: divided
left = 0.029
# left: lost
left = 0.42**20
# left: lost
left = (1 - 0.58) ** 20
# left: gone
left = 1 - 0.58**20
# left: gone
left = 0.99998
# left: count
left = 0.58**19
# left: count
left = 0.58**21
# left: swapped
left = 20**0.58
# backward: transposed
def backward(states, W_h, last):
    G = np.zeros(states.shape)
    G[-1] = last
    for t in range(len(states) - 1, 0, -1):
        G[t - 1] = W_h @ (G[t] * (1 - states[t] ** 2))
    return G
# backward: transposed
def backward(states, W_h, last):
    found = [last]
    for h in states[:0:-1]:
        found.append((found[-1] * (1 - h * h)) @ W_h.T)
    return np.array(found[::-1])
# backward: no_tanh
def backward(states, W_h, last):
    G = np.zeros(states.shape)
    G[-1] = last
    for t in range(len(states) - 1, 0, -1):
        G[t - 1] = W_h.T @ G[t]
    return G
# backward: no_tanh
def backward(states, W_h, last):
    found = [last]
    for h in states[1:]:
        found.insert(0, found[0] @ W_h)
    return found
# backward: which_state
def backward(states, W_h, last):
    G = np.zeros(states.shape)
    G[-1] = last
    for t in range(len(states) - 1, 0, -1):
        G[t - 1] = W_h.T @ (G[t] * (1 - states[t - 1] ** 2))
    return G
# backward: which_state
def backward(states, W_h, last):
    found = [last]
    for h in states[:-1][::-1]:
        found.append((found[-1] * (1 - h**2)) @ W_h)
    return np.array(found[::-1])
# backward: reversed
def backward(states, W_h, last):
    found = [last]
    for h in states[:0:-1]:
        found.append((found[-1] * (1 - h**2)) @ W_h)
    return np.array(found)
# backward: reversed
def backward(states, W_h, last):
    G = np.zeros(states.shape)
    G[0] = last
    for k in range(1, len(states)):
        G[k] = W_h.T @ (G[k - 1] * (1 - states[-k] ** 2))
    return G
# backward: sums
def backward(states, W_h, last):
    G = np.zeros(states.shape)
    G[-1] = last * (1 - states[-1] ** 2)
    for t in range(len(states) - 1, 0, -1):
        G[t - 1] = (W_h.T @ G[t]) * (1 - states[t - 1] ** 2)
    return G
# backward: sums
def backward(states, W_h, last):
    found = []
    for h in states[::-1]:
        found.insert(0, last * (1 - h**2))
        last = found[0] @ W_h
    return np.array(found)
# backward: not_squared
def backward(states, W_h, last):
    G = np.zeros(states.shape)
    G[-1] = last
    for t in range(len(states) - 1, 0, -1):
        G[t - 1] = W_h.T @ (G[t] * (1 - states[t]))
    return G
# backward: tanh_again
def backward(states, W_h, last):
    G = np.zeros(states.shape)
    G[-1] = last
    for t in range(len(states) - 1, 0, -1):
        G[t - 1] = W_h.T @ (G[t] * (1 - np.tanh(states[t]) ** 2))
    return G
# backward: one_step
def backward(states, W_h, last):
    G = np.zeros(states.shape)
    G[-1] = last
    G[-2] = W_h.T @ (last * (1 - states[-1] ** 2))
    return G
# backward: always_last
def backward(states, W_h, last):
    G = np.zeros(states.shape)
    G[-1] = last
    for t in range(len(states) - 1, 0, -1):
        G[t - 1] = W_h.T @ (last * (1 - states[t] ** 2))
    return G
# lstm_step: swapped
def lstm_step(x, h, c, W_x, W_h, b):
    i, f, g, o = np.split(W_x @ x + W_h @ h + b, 4)
    c = s(f) * c + s(i) * np.tanh(g)
    return c, s(o) * np.tanh(c)
# lstm_step: swapped
def lstm_step(x, h, c, W_x, W_h, b):
    z = (W_x @ x + W_h @ h + b).reshape(4, -1)
    cell = s(z[1]) * c + s(z[0]) * np.tanh(z[2])
    return [cell, np.tanh(cell) * s(z[3])]
# lstm_step: open_gates
def lstm_step(x, h, c, W_x, W_h, b):
    i, f, g, o = np.split(W_x @ x + W_h @ h + b, 4)
    c = f * c + i * np.tanh(g)
    return o * np.tanh(c), c
# lstm_step: open_gates
def lstm_step(x, h, c, W_x, W_h, b):
    i, f, g, o = np.split(W_x @ x + W_h @ h + b, 4)
    c = f * c + i * g
    return s(o) * np.tanh(c), c
# lstm_step: swapped_gates
def lstm_step(x, h, c, W_x, W_h, b):
    f, i, g, o = np.split(W_x @ x + W_h @ h + b, 4)
    c = s(f) * c + s(i) * np.tanh(g)
    return s(o) * np.tanh(c), c
# lstm_step: swapped_gates
def lstm_step(x, h, c, W_x, W_h, b):
    i, f, g, o = np.split(W_x @ x + W_h @ h + b, 4)
    c = s(i) * c + s(f) * np.tanh(g)
    return s(o) * np.tanh(c), c
# lstm_step: candidate
def lstm_step(x, h, c, W_x, W_h, b):
    i, f, g, o = np.split(W_x @ x + W_h @ h + b, 4)
    c = s(f) * c + s(i) * s(g)
    return s(o) * np.tanh(c), c
# lstm_step: candidate
def lstm_step(x, h, c, W_x, W_h, b):
    i, f, g, o = np.split(s(W_x @ x + W_h @ h + b), 4)
    c = f * c + i * g
    return o * np.tanh(c), c
# lstm_step: no_tanh
def lstm_step(x, h, c, W_x, W_h, b):
    i, f, g, o = np.split(W_x @ x + W_h @ h + b, 4)
    c = s(f) * c + s(i) * np.tanh(g)
    return s(o) * c, c
# lstm_step: no_tanh
def lstm_step(x, h, c, W_x, W_h, b):
    i, f, g, o = np.split(W_x @ x + W_h @ h + b, 4)
    cell = c * s(f) + np.tanh(g) * s(i)
    h = np.multiply(cell, s(o))
    return h, cell
# lstm_step: old_cell
def lstm_step(x, h, c, W_x, W_h, b):
    i, f, g, o = np.split(W_x @ x + W_h @ h + b, 4)
    cell = s(f) * c + s(i) * np.tanh(g)
    return s(o) * np.tanh(c), cell
# lstm_step: old_cell
def lstm_step(x, h, c, W_x, W_h, b):
    i, f, g, o = np.split(W_x @ x + W_h @ h + b, 4)
    h = s(o) * c
    return h, s(f) * c + s(i) * np.tanh(g)
# lstm_step: pair
def lstm_step(x, h, c, W_x, W_h, b):
    i, f, g, o = np.split(W_x @ x + W_h @ h + b, 4)
    c = s(f) * c + s(i) * np.tanh(g)
    return s(o) * np.tanh(c)
# forget_bias: gate
def forget_bias(left, steps):
    return left ** (1 / steps)
# forget_bias: gate
def forget_bias(left, steps):
    return np.exp(np.log(left) / steps)
# forget_bias: no_root
def forget_bias(left, steps):
    return np.log(left / (1 - left))
# forget_bias: no_root
def forget_bias(left, steps):
    return np.log(left) - np.log(1 - left)
# forget_bias: divided
def forget_bias(left, steps):
    gate = left / steps
    return np.log(gate / (1 - gate))
# forget_bias: divided
def forget_bias(left, steps):
    return -np.log(steps / left - 1)
# forget_bias: sign
def forget_bias(left, steps):
    gate = left ** (1 / steps)
    return np.log((1 - gate) / gate)
# forget_bias: sign
def forget_bias(left, steps):
    return np.log(left ** (-1 / steps) - 1)
# forget_bias: only_log
def forget_bias(left, steps):
    return np.log(left ** (1 / steps))
# forget_bias: only_log
def forget_bias(left, steps):
    return np.log(left) / steps
# forget_bias: base
def forget_bias(left, steps):
    gate = left ** (1 / steps)
    return np.log10(gate / (1 - gate))
# forget_bias: power
def forget_bias(left, steps):
    gate = left**steps
    return np.log(gate / (1 - gate))
"""
FORMULAS = {
    "rnn_step": (
        "def rnn_step(x, h, W_x, W_h, b):\n    return {}\n",
        {
            "sigmoid": "s(W_x @ x + W_h @ h + b)",
            "relu": "np.maximum(W_x @ x + W_h @ h + b, 0)",
            "no_input": "np.tanh(W_h @ h + b)",
            "sign": "-np.tanh(W_x @ x + W_h @ h + b)",
            "state_kept": "h + np.tanh(W_x @ x + W_h @ h + b)",
            "two_tanh": "np.tanh(W_x @ x) + np.tanh(W_h @ h + b)",
            "other": "np.sin(W_x @ x + W_h @ h + b)",
        },
    ),
    "left": (
        "left = {}\n",
        {
            "inverse": "1 / 0.58**20",
            "subtracted": "1 - 0.42 * 20",
            "other": "0.5",
        },
    ),
    "backward": (
        "def backward(states, W_h, last):\n    return {}\n",
        {
            "no_matrix": "chain(states, last, lambda g, h: g * (1 - h**2))",
            "only_square": "chain(states, last, lambda g, h: (g * h**2) @ W_h)",
            "other": "chain(states, last, lambda g, h: (g * (2 - h**2)) @ W_h)",
            "last": "chain(states, 2 * last, lambda g, h: (g * (1 - h**2)) @ W_h)",
        },
    ),
    "lstm_step": (
        "def lstm_step(x, h, c, W_x, W_h, b):\n    i, f, g, o = np.split(W_x @ x + W_h @ h + b, 4)\n    {}, c\n",
        {
            "no_input_gate": "c = s(f) * c + np.tanh(g)\n    return s(o) * np.tanh(c)",
            "no_forget_gate": "c = c + s(i) * np.tanh(g)\n    return s(o) * np.tanh(c)",
            "candidate_bare": "c = s(f) * c + s(i) * g\n    return s(o) * np.tanh(c)",
            "complement": "c = s(f) * c + (1 - s(f)) * np.tanh(g)\n    return s(o) * np.tanh(c)",
            "only_new": "c = s(i) * np.tanh(g)\n    return s(o) * np.tanh(c)",
            "only_old": "c = s(f) * c\n    return s(o) * np.tanh(c)",
            "product": "c = s(f) * c * s(i) * np.tanh(g)\n    return s(o) * np.tanh(c)",
            "squashed": "c = np.tanh(s(f) * c + s(i) * np.tanh(g))\n    return s(o) * np.tanh(c)",
            "output_gate": "c = s(o) * (s(f) * c + s(i) * np.tanh(g))\n    return s(o) * np.tanh(c)",
            "other_cell": "c = s(f) * c - s(i) * np.tanh(g)\n    return s(o) * np.tanh(c)",
            "no_output_gate": "c = s(f) * c + s(i) * np.tanh(g)\n    return np.tanh(c)",
            "open_output": "c = s(f) * c + s(i) * np.tanh(g)\n    return o * np.tanh(c)",
            "other_state": "c = s(f) * c + s(i) * np.tanh(g)\n    return s(o) + np.tanh(c)",
        },
    ),
    "forget_bias": (
        "def forget_bias(left, steps):\n    gate = left ** (1 / steps)\n    return {}\n",
        {
            "forwards": "1 / (1 + np.exp(-gate))",
            "no_one_minus": "gate / (1 - gate)",
            "log_divided": "np.log(left / (1 - left)) / steps",
            "other": "3 * steps + gate",
        },
    ),
}
"""More mistakes, as what takes the place of {} in an answer, by hint."""
BEFORE = """
def s(z):
    return 1 / (1 + np.exp(-z))

def chain(states, last, back):
    gradients = [last]
    for h in states[:0:-1]:
        gradients.insert(0, back(gradients[0], h))
    return np.array(gradients)
"""


CASES = cases(MISTAKES) + filled(FORMULAS)


@pytest.mark.parametrize(("exercise", "key", "code"), CASES)
def test_a_mistake_gets_its_hint(exercise: str, key: str, code: str) -> None:
    assert answer(UNIT, exercise, BEFORE + code) == key


def test_three_mistakes_of_each_exercise_are_written_in_two_ways() -> None:
    assert_three_are_spelled_twice(MISTAKES, "rnn")


def test_every_hint_is_the_answer_to_a_mistake() -> None:
    assert_every_hint_is_given(CASES, "rnn")


@pytest.mark.parametrize("exercise", ["rnn_step", "left", "backward", "lstm_step", "forget_bias"])
def test_a_solution_passes(exercise: str) -> None:
    assert answer(UNIT, exercise, solution(LESSON, exercise)) is None


def test_an_answer_in_two_digits_will_do() -> None:
    assert answer(UNIT, "left", "left = 1.9e-5") is None


@pytest.mark.parametrize(("kind", "radius"), [("normal", 0.7), ("orthogonal", 1.4)])
def test_the_explorable_s_gradient_is_that_of_matrix_powers_without_tanh(kind: str, radius: float) -> None:
    from lib.lessons.units.rnn.explore import given, matrices, sizes

    powers = [np.linalg.matrix_power(radius * matrices()[kind][0], lag) for lag in range(5)]
    expected = [np.linalg.norm(given()[1] @ power) for power in powers]
    assert sizes(kind, radius, squash=False)[:5] == pytest.approx(np.array(expected) / expected[0])


def test_an_orthogonal_matrix_keeps_the_gradient_only_without_tanh() -> None:
    from lib.lessons.units.rnn.explore import sizes

    assert sizes("orthogonal", 1.0, squash=False) == pytest.approx(np.ones(41))
    assert sizes("orthogonal", 1.0, squash=True)[20] < 0.5
