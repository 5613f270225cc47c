"""Exercises of the lesson on recurrent networks, judged by the lab's own network by hand and by torch's cells."""

from __future__ import annotations

from typing import Any

import numpy as np

from lib.lessons.checks import Hint, Learner, relation, same

UNITS, INPUTS, STEPS = 5, 3, 6


def _sigmoid(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


def rnn_step(learner: Learner) -> Hint | None:
    """One step of `lib.nlp.rnn.bptt.forward`, from a state that is not 0."""
    rng = np.random.default_rng(0)
    x, h, b = rng.normal(size=INPUTS), rng.normal(size=UNITS), rng.normal(size=UNITS)
    W_x, W_h = 0.5 * rng.normal(size=(UNITS, INPUTS)), 0.5 * rng.normal(size=(UNITS, UNITS))
    answer = learner.array(x, h, W_x, W_h, b, shape=(UNITS,))
    z = W_x @ x + W_h @ h + b
    if same(answer, np.tanh(z)):
        return None
    for key, wrong in {
        "no_tanh": z,
        "sigmoid": _sigmoid(z),
        "relu": np.maximum(z, 0),
        "no_bias": np.tanh(z - b),
        "no_state": np.tanh(z - W_h @ h),
        "no_input": np.tanh(z - W_x @ x),
        "transposed": np.tanh(W_x @ x + W_h.T @ h + b),
        "bias_outside": np.tanh(z - b) + b,
        "state_kept": h + np.tanh(z),
        "two_tanh": np.tanh(W_x @ x) + np.tanh(W_h @ h + b),
    }.items():
        if same(answer, wrong):
            return Hint(key)
    return Hint("sign") if same(answer, -np.tanh(z)) else Hint("other")


def left(learner: Learner) -> Hint | None:
    """0.58 to the power of 20, to two digits."""
    value = learner.value_number()
    if same(value, 0.58**20, relative=0.06):
        return None
    for key, wrong in {
        "times": 0.58 * 20,
        "divided": 0.58 / 20,
        "lost": 0.42**20,
        "gone": 1 - 0.58**20,
        "swapped": 20**0.58,
        "subtracted": 1 - 0.42 * 20,
        "one_off": 0.58**19,
        "one_more": 0.58**21,
        "inverse": 0.58**-20,
    }.items():
        if same(value, wrong, relative=1e-3):
            return Hint("count" if key in ("one_off", "one_more") else key)
    return Hint("other", value=value)


def backward(learner: Learner) -> Hint | None:
    """The gradient by every state, as `lib.nlp.rnn.bptt.backward` has it for a loss of the last state only."""
    from lib.nlp.rnn import bptt

    rng = np.random.default_rng(0)
    W, last = 0.7 * rng.normal(size=(UNITS, UNITS)), rng.normal(size=UNITS)
    states = np.tanh(rng.normal(size=(STEPS, UNITS)))
    answer = learner.array(states, W, last, shape=states.shape)
    direct = np.zeros((STEPS, 1, UNITS))
    direct[-1] = last
    weights = {"weight_ih_l0": np.zeros((UNITS, 1)), "weight_hh_l0": W}
    before = np.concatenate([np.zeros((1, 1, UNITS)), states[:, None]])
    expected = bptt.backward(weights, np.zeros((STEPS, 1, 1)), before, direct).states[:, 0]
    if same(answer, expected):
        return None
    if same(answer[::-1], expected):
        return Hint("reversed")
    if not answer[:-2].any() and answer[-1].any():
        return Hint("one_step")
    for key, wrong in _backward_mistakes(states, W, last).items():
        if same(answer, wrong) or same(answer[::-1], wrong):
            return Hint(key)
    return Hint("last") if not same(answer[-1], last) else Hint("other")


def _backward_mistakes(states: np.ndarray, W: np.ndarray, last: np.ndarray) -> dict[str, np.ndarray]:
    """The result of each of the usual mistakes: another slope, or another matrix."""

    def chain(matrix: np.ndarray, slopes: np.ndarray) -> np.ndarray:
        gradients = np.zeros_like(states)
        gradients[-1] = last
        for t in range(STEPS - 1, 0, -1):
            gradients[t - 1] = matrix @ (gradients[t] * slopes[t])
        return gradients

    slopes = 1 - states**2
    earlier = np.concatenate([slopes[:1], slopes[:-1]])
    right = chain(W.T, slopes)
    return {
        "transposed": chain(W, slopes),
        "no_tanh": chain(W.T, np.ones_like(slopes)),
        "not_squared": chain(W.T, 1 - states),
        "tanh_again": chain(W.T, 1 - np.tanh(states) ** 2),
        "only_square": chain(W.T, states**2),
        "which_state": chain(W.T, earlier),
        "no_matrix": chain(np.eye(UNITS), slopes),
        "sums": right * slopes,
        "always_last": np.concatenate([(last * slopes[1:]) @ W, last[None]]),
    }


def lstm_step(learner: Learner) -> Hint | None:
    """One step of torch's own LSTM cell; the new cell is judged before the new state."""
    rng = np.random.default_rng(0)
    x, h, c, b = (rng.normal(size=size) for size in (INPUTS, UNITS, UNITS, 4 * UNITS))
    W_x, W_h = rng.normal(size=(4 * UNITS, INPUTS)), rng.normal(size=(4 * UNITS, UNITS))
    answer = learner(x, h, c, W_x, W_h, b)
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        return Hint("pair")
    state, cell = (learner.as_array(each, (UNITS,)) for each in answer)
    right_state, right_cell = _torch_lstm(x, h, c, W_x, W_h, b)
    if same(cell, right_cell) and same(state, right_state):
        return None
    if same(cell, right_state) and same(state, right_cell):
        return Hint("swapped")
    gates = np.split(W_x @ x + W_h @ h + b, 4)
    if not same(cell, right_cell):
        return _cell_hint(cell, c, gates)
    return _state_hint(state, c, right_cell, gates[3])


def _torch_lstm(x: np.ndarray, h: np.ndarray, c: np.ndarray, *weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The next state and cell by torch."""
    import torch

    module = torch.nn.LSTMCell(INPUTS, UNITS).double()
    with torch.no_grad():
        for name, values in zip(("weight_ih", "weight_hh", "bias_ih"), weights, strict=True):
            getattr(module, name).copy_(torch.from_numpy(values))
        module.bias_hh.zero_()
        state, cell = module(torch.from_numpy(x[None]), (torch.from_numpy(h[None]), torch.from_numpy(c[None])))
    return state[0].numpy(), cell[0].numpy()


def _cell_hint(cell: np.ndarray, c: np.ndarray, gates: list[np.ndarray]) -> Hint:
    """The new cell is not right."""
    i, f, g, o = gates
    s, tanh = _sigmoid, np.tanh
    for key, wrong in {
        "open_gates": f * c + i * tanh(g),
        "open_gates_too": f * c + i * g,
        "swapped_gates": s(i) * c + s(f) * tanh(g),
        "candidate": s(f) * c + s(i) * s(g),
        "candidate_bare": s(f) * c + s(i) * g,
        "no_input_gate": s(f) * c + tanh(g),
        "no_input_gate_too": s(f) * c + g,
        "no_forget_gate": c + s(i) * tanh(g),
        "only_new": s(i) * tanh(g),
        "only_old": s(f) * c,
        "product": s(f) * c * s(i) * tanh(g),
        "squashed": tanh(s(f) * c + s(i) * tanh(g)),
        "output_gate": s(o) * (s(f) * c + s(i) * tanh(g)),
        "complement": s(f) * c + (1 - s(f)) * tanh(g),
    }.items():
        if same(cell, wrong):
            return Hint(key.removesuffix("_too"))
    return Hint("other_cell")


def _state_hint(state: np.ndarray, c: np.ndarray, cell: np.ndarray, o: np.ndarray) -> Hint:
    """The new cell is right, the new state is not."""
    for key, wrong in {
        "no_tanh": _sigmoid(o) * cell,
        "old_cell": _sigmoid(o) * np.tanh(c),
        "old_cell_bare": _sigmoid(o) * c,
        "no_output_gate": np.tanh(cell),
        "open_output": o * np.tanh(cell),
        "tanh_gate": np.tanh(o) * np.tanh(cell),
    }.items():
        if same(state, wrong):
            return Hint({"old_cell_bare": "old_cell", "tanh_gate": "open_output"}.get(key, key))
    return Hint("other_state")


def forget_bias(learner: Learner) -> Hint | None:
    """The bias whose sigmoid to the power of the steps is what is left."""
    asked = np.array([(0.5, 20), (0.01, 20), (0.5, 100), (0.9, 3)])
    answer = np.array([learner.number(float(fraction), int(steps)) for fraction, steps in asked])
    fraction, steps = asked.T
    gate = fraction ** (1 / steps)
    expected = np.log(gate / (1 - gate))
    if same(answer, expected):
        return None
    for key, wrong in {
        "gate": gate,
        "no_root": np.log(fraction / (1 - fraction)),
        "divided": np.log(fraction / steps / (1 - fraction / steps)),
        "log_divided": np.log(fraction / (1 - fraction)) / steps,
        "only_log": np.log(gate),
        "forwards": _sigmoid(gate),
        "power": np.log(fraction**steps / (1 - fraction**steps)),
        "base": np.log2(gate / (1 - gate)),
        "base_too": np.log10(gate / (1 - gate)),
        "no_one_minus": gate / (1 - gate),
    }.items():
        if same(answer, wrong):
            return Hint(key.removesuffix("_too"))
    difference = relation(answer, expected)
    return Hint("sign" if difference is not None and difference.kind == "sign" else "other", steps=20, bias=answer[0])


EXERCISES = {
    "rnn_step": rnn_step,
    "left": left,
    "backward": backward,
    "lstm_step": lstm_step,
    "forget_bias": forget_bias,
}
