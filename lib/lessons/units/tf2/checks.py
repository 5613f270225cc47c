"""Exercises of the lesson on TensorFlow 2, judged by TensorFlow itself and by the lab's programs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from lib.lessons.checks import Hint, Learner, Relation, relation, same

INPUTS, CLASSES, EXAMPLES, RATE = 5, 3, 8, 0.3


def descend(learner: Learner) -> Hint | None:
    """One step of softmax regression, whose gradient is written here in NumPy."""
    import tensorflow as tf

    rng = np.random.default_rng(0)
    W, b, x = rng.normal(size=(INPUTS, CLASSES)), rng.normal(size=CLASSES), rng.normal(size=(EXAMPLES, INPUTS))
    y = rng.integers(CLASSES, size=EXAMPLES)
    given = [tf.constant(array, tf.float64) for array in (W, b, x)]
    answer = learner(*given, tf.constant(y, tf.int32), RATE)
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        return Hint("pair")
    new_W, new_b = learner.as_array(answer[0], W.shape), learner.as_array(answer[1], b.shape)
    by_W, by_b = _gradients(x @ W + b, x, y)
    of_W, of_b = (relation(new - old, -RATE * by) for new, old, by in ((new_W, W, by_W), (new_b, b, by_b)))
    if of_W is None and of_b is None:
        return None
    bare = _gradients(x @ W, x, y)
    if same(new_W, W - RATE * bare[0]):
        return Hint("no_bias")
    if of_W is None:
        return Hint("bias_kept" if same(new_b, b) else "only_bias")
    for key, wrong in {"kept": W, "gradient": by_W, "step": RATE * by_W, "step_down": -RATE * by_W}.items():
        if same(new_W, wrong):
            return Hint(key.removesuffix("_down"))
    return _descend_hint(of_W)


def _gradients(logits: np.ndarray, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The gradients of the mean cross-entropy by the weights and the biases of a layer."""
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    by_logits = (raised / raised.sum(axis=1, keepdims=True) - np.eye(CLASSES)[y]) / EXAMPLES
    return x.T @ by_logits, by_logits.sum(axis=0)


def _descend_hint(of_W: Relation) -> Hint:
    """The step goes into the right direction with another length, uphill, or elsewhere."""
    if of_W.kind == "sign":
        return Hint("uphill")
    if of_W.kind != "factor":
        return Hint("other")
    for key, factor in {"rate": 1 / RATE, "uphill_no_rate": -1 / RATE, "rate_twice": RATE, "summed": EXAMPLES}.items():
        if same(of_W.value, factor):
            return Hint("uphill" if key == "uphill_no_rate" else key, ratio=of_W.value)
    return Hint("factor", ratio=of_W.value)


def collatz(learner: Learner) -> Hint | None:
    """The lab's own program on Python's numbers; then the same function as a graph on tensors."""
    from lib.tf2.tf2.programs import collatz as right

    asked = [1, 2, 3, 7, 27]
    answer = np.array([learner.number(n) for n in asked])
    expected = np.array([right(n) for n in asked], dtype=float)
    if same(answer, expected):
        return _graph_hint(learner, asked, expected)
    difference = relation(answer, expected)
    if difference is not None and difference.kind == "shift":
        return Hint("shift", shift=difference.value)
    if same(answer, np.minimum(expected, 1)):
        return Hint("once")
    if same(answer, np.ones(len(asked))):
        return Hint("numbers")
    return Hint("other", n=7, answer=answer[3], wanted=expected[3])


def _graph_hint(learner: Learner, asked: list[int], expected: np.ndarray) -> Hint | None:
    """Compare the graph's answers; what TensorFlow refuses is said, with its reason."""
    import tensorflow as tf

    function = tf.function(learner.value)  # once: TensorFlow warns of one function made into many graphs

    def as_graph(n: int) -> float | str:
        try:
            return float(function(tf.constant(n)))
        except Exception as error:
            return f"{type(error).__name__}: {' '.join(str(error).split())}"

    graph = Learner(as_graph, "collatz")
    for n, wanted in zip(asked, expected, strict=True):
        answer = graph(n)
        if isinstance(answer, str):
            return Hint("division" if "float" in answer else "refused", message=answer[-160:])
        if answer != wanted:
            return Hint("other_graph", n=n, answer=answer, wanted=wanted)
    return None


def traces_of(arguments: Callable[[Any], list[Any]]) -> int:
    """Count the graphs that TensorFlow makes of one function for these arguments."""
    import tensorflow as tf

    function = tf.function(lambda x: x + x)
    for argument in arguments(tf):
        function(argument)
    return int(function.experimental_get_tracing_count())


def graphs_made(learner: Learner) -> Hint | None:
    """TensorFlow itself counts."""
    answer = learner.value_array((4,))
    expected = [
        traces_of(lambda tf: [tf.constant(n) for n in (1, 2, 3)]),
        traces_of(lambda tf: [1, 2, 3]),
        traces_of(lambda tf: [7, 8, 7]),
        traces_of(lambda tf: [tf.zeros(n) for n in (1, 2, 3)]),
    ]
    for key, given, wanted in zip(("tensors", "numbers", "again", "shapes"), answer, expected, strict=True):
        if given != wanted:
            return Hint("none" if given == 0 else key, given=given)
    return None


def parameters(learner: Learner) -> Hint | None:
    """The weights and biases of 784 → 32 → 10."""
    value = learner.value_number()
    if same(value, 25_450):
        return None
    for key, wrong in {
        "no_bias": 784 * 32 + 32 * 10,
        "some_bias": 784 * 32 + 32 * 10 + 32,
        "some_bias_too": 784 * 32 + 32 * 10 + 10,
        "first": 784 * 32 + 32,
        "first_weights": 784 * 32,
        "second": 32 * 10 + 10,
        "skipped": 784 * 10 + 10,
        "product": 784 * 32 * 10,
        "neurons": 784 + 32 + 10,
        "hidden": 42,
        "input_bias": 784 * 32 + 784 + 32 * 10 + 32,
    }.items():
        if same(value, wrong):
            return Hint({"some_bias_too": "some_bias", "first_weights": "first", "hidden": "neurons"}.get(key, key))
    return Hint("other")


def counter(learner: Learner) -> Hint | None:
    """A counter counts in a graph, and a second one from the beginning."""
    first = learner.make()
    if not hasattr(learner.attribute(first, "count"), "python_function"):
        return Hint("eager")
    counts = [learner.as_number(learner.method(first, "count")) for _ in range(3)]
    if counts != [1, 2, 3]:
        return _counter_hint(counts)
    second = learner.as_number(learner.method(learner.make(), "count"))
    return None if second == 1 else Hint("shared", count=second)


def _counter_hint(counts: list[float]) -> Hint:
    values = {"counts": ", ".join(f"{count:g}" for count in counts)}
    if counts == [0, 1, 2]:
        return Hint("before", **values)
    if counts[0] == counts[1] == counts[2]:
        return Hint("nothing_added" if counts[0] == 0 else "frozen", **values)
    return Hint("step" if counts[1] - counts[0] == counts[2] - counts[1] else "other", **values)


EXERCISES = {
    "descend": descend,
    "collatz": collatz,
    "graphs_made": graphs_made,
    "parameters": parameters,
    "Counter": counter,
}
