"""The exercises on TensorFlow 2: a mistake written in two ways gets the same hint; solutions pass."""

from __future__ import annotations

import pytest

from tests.lib.lessons.support import answer, solution
from tests.lib.lessons.units.mistakes import assert_every_hint_is_given, assert_three_are_spelled_twice, cases

UNIT, LESSON = "tf2", "09-tf2"

MISTAKES = """
# descend: uphill
def descend(W, b, x, y, rate):
    by_W, by_b = slopes(W, b, x, y)
    return W + rate * by_W, b + rate * by_b
# descend: uphill
def descend(W, b, x, y, rate):
    by_W, by_b = slopes(W, b, x, y)
    return tf.add(W, by_W), tf.add(b, by_b)
# descend: rate
def descend(W, b, x, y, rate):
    by_W, by_b = slopes(W, b, x, y)
    return W - by_W, b - by_b
# descend: rate
def descend(W, b, x, y, rate):
    return [old - by for old, by in zip((W, b), slopes(W, b, x, y))]
# descend: no_bias
def descend(W, b, x, y, rate):
    by_W, by_b = slopes(W, tf.zeros_like(b), x, y)
    return W - rate * by_W, b - rate * by_b
# descend: no_bias
def descend(W, b, x, y, rate):
    with tf.GradientTape() as tape:
        tape.watch(W)
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, tf.matmul(x, W)))
    return W - rate * tape.gradient(loss, W), b
# descend: bias_kept
def descend(W, b, x, y, rate):
    by_W, by_b = slopes(W, b, x, y)
    return W - rate * by_W, b
# descend: bias_kept
def descend(W, b, x, y, rate):
    by_W, by_b = slopes(W, b, x, y)
    b - rate * by_b
    return [W - by_W * rate, tf.identity(b)]
# descend: summed
def descend(W, b, x, y, rate):
    by_W, by_b = slopes(W, b, x, y, tf.reduce_sum)
    return W - rate * by_W, b - rate * by_b
# descend: summed
def descend(W, b, x, y, rate):
    by_W, by_b = slopes(W, b, x, y)
    return W - rate * len(x) * by_W, b - rate * len(x) * by_b
# descend: gradient
def descend(W, b, x, y, rate):
    return slopes(W, b, x, y)
# descend: step
def descend(W, b, x, y, rate):
    by_W, by_b = slopes(W, b, x, y)
    return rate * by_W, rate * by_b
# descend: pair
def descend(W, b, x, y, rate):
    return W - rate * slopes(W, b, x, y)[0]
# collatz: shift
def collatz(n):
    steps = 1
    while n != 1:
        if n % 2 == 0:
            n = n // 2
        else:
            n = 3 * n + 1
        steps += 1
    return steps
# collatz: shift
def collatz(n):
    steps = 0
    while n != 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        steps = steps + 1
    return steps + 1
# collatz: division
def collatz(n):
    steps = 0
    while n != 1:
        if n % 2 == 0:
            n = n / 2
        else:
            n = 3 * n + 1
        steps += 1
    return steps
# collatz: division
def collatz(n):
    steps = 0
    while n > 1:
        if n % 2 == 1:
            n = 3 * n + 1
        else:
            n = n * 0.5
        steps += 1
    return steps
# collatz: once
def collatz(n):
    steps = 0
    if n != 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        steps += 1
    return steps
# collatz: once
def collatz(n):
    if n == 1:
        return 0
    return 1
# collatz: numbers
def collatz(n):
    while n != 1:
        if n % 2 == 0:
            n = n // 2
        else:
            n = 3 * n + 1
    return n
# collatz: numbers
def collatz(n):
    steps = 0
    while n != 1:
        n, steps = (n // 2 if n % 2 == 0 else 3 * n + 1), steps + 1
    return n
# collatz: nothing
def collatz(n):
    steps = 0
    while n != 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        steps += 1
# graphs_made: tensors
graphs_made = [3, 3, 2, 3]
# graphs_made: tensors
graphs_made = np.array([2, 3, 2, 3])
# graphs_made: numbers
graphs_made = [1, 1, 1, 3]
# graphs_made: numbers
graphs_made = (1, 2, 2, 2)
# graphs_made: again
graphs_made = [1, 3, 3, 3]
# graphs_made: again
graphs_made = np.array([1, 3, 1, 1])
# graphs_made: shapes
graphs_made = [1, 3, 2, 1]
# graphs_made: shapes
graphs_made = (1, 3, 2, 2)
# graphs_made: none
graphs_made = [0, 3, 2, 3]
# graphs_made: shape
graphs_made = [1, 3, 2]
# parameters: no_bias
parameters = 784 * 32 + 32 * 10
# parameters: no_bias
parameters = 25408
# parameters: first
parameters = 784 * 32 + 32
# parameters: first
parameters = 25088
# parameters: neurons
parameters = 784 + 32 + 10
# parameters: neurons
parameters = 32 + 10
# parameters: product
parameters = 784 * 32 * 10
# parameters: product
parameters = 250880
# parameters: skipped
parameters = 7850
# Counter: frozen
class Counter:
    def __init__(self):
        self.calls = 0
    @tf.function
    def count(self):
        self.calls += 1
        return self.calls
# Counter: frozen
class Counter:
    calls = 0
    @tf.function
    def count(self):
        self.calls = self.calls + 1
        return tf.constant(self.calls)
# Counter: nothing_added
class Counter:
    def __init__(self):
        self.calls = tf.Variable(0)
    @tf.function
    def count(self):
        self.calls + 1
        return self.calls
# Counter: nothing_added
class Counter:
    def __init__(self):
        self.calls = tf.constant(0)
    @tf.function
    def count(self):
        calls = self.calls
        calls = calls + 1
        return self.calls
# Counter: before
class Counter:
    def __init__(self):
        self.calls = tf.Variable(0)
    @tf.function
    def count(self):
        before = self.calls.read_value()
        self.calls.assign_add(1)
        return before
# Counter: before
class Counter:
    def __init__(self):
        self.calls = tf.Variable(-1)
    @tf.function
    def count(self):
        self.calls.assign_add(1)
        return self.calls.read_value()
# Counter: shared
class Counter:
    calls = tf.Variable(0)
    @tf.function
    def count(self):
        self.calls.assign_add(1)
        return self.calls.read_value()
# Counter: shared
TOTAL = tf.Variable(0)
class Counter:
    @tf.function
    def count(self):
        TOTAL.assign(TOTAL + 1)
        return TOTAL.read_value()
# Counter: eager
class Counter:
    def __init__(self):
        self.calls = 0
    def count(self):
        self.calls += 1
        return self.calls
# Counter: no_member
class Counter:
    def __init__(self):
        self.calls = tf.Variable(0)
# descend: kept
def descend(W, b, x, y, rate):
    by_W, by_b = slopes(W, b, x, y)
    return W, b - rate * by_b
# descend: only_bias
def descend(W, b, x, y, rate):
    by_W, by_b = slopes(W, b, x, y)
    return W - rate * by_W, b + by_b
# descend: rate_twice
def descend(W, b, x, y, rate):
    by_W, by_b = slopes(W, b, x, y)
    return W - rate**2 * by_W, b - rate * by_b
# descend: factor
def descend(W, b, x, y, rate):
    by_W, by_b = slopes(W, b, x, y)
    return W - 5 * rate * by_W, b - rate * by_b
# descend: other
def descend(W, b, x, y, rate):
    by_W, by_b = slopes(W, b, x, y)
    return W - rate * tf.sign(by_W), b - rate * by_b
# collatz: refused
def collatz(n):
    steps = 0
    while n != 1:
        n, steps = {0: n // 2, 1: 3 * n + 1}[n % 2], steps + 1
    return steps
# collatz: other_graph
def collatz(n):
    if not isinstance(n, int):
        return 5
    steps = 0
    while n != 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        steps += 1
    return steps
# collatz: other
def collatz(n):
    return 3 * n
# parameters: some_bias
parameters = 784 * 32 + 32 + 32 * 10
# parameters: second
parameters = 330
# parameters: input_bias
parameters = 784 * 32 + 784 + 32 * 10 + 32
# parameters: other
parameters = 1000
# Counter: step
class Counter:
    def __init__(self):
        self.calls = tf.Variable(0)
    @tf.function
    def count(self):
        self.calls.assign_add(2)
        return self.calls.read_value()
# Counter: other
class Counter:
    def __init__(self):
        self.calls = tf.Variable(0)
    @tf.function
    def count(self):
        self.calls.assign(self.calls * self.calls + 1)
        return self.calls.read_value()
"""
BEFORE = """
import tensorflow as tf

def slopes(W, b, x, y, mean=tf.reduce_mean):
    with tf.GradientTape() as tape:
        tape.watch([W, b])
        loss = mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, x @ W + b))
    return tape.gradient(loss, [W, b])
"""


@pytest.mark.parametrize(("exercise", "key", "code"), cases(MISTAKES))
def test_a_mistake_gets_its_hint(exercise: str, key: str, code: str) -> None:
    assert answer(UNIT, exercise, BEFORE + code) == key


def test_three_mistakes_of_each_exercise_are_written_in_two_ways() -> None:
    assert_three_are_spelled_twice(MISTAKES, "tf2")


def test_every_hint_is_the_answer_to_a_mistake() -> None:
    assert_every_hint_is_given(cases(MISTAKES), "tf2")


@pytest.mark.parametrize("exercise", ["descend", "collatz", "graphs_made", "parameters", "Counter"])
def test_a_solution_passes(exercise: str) -> None:
    assert answer(UNIT, exercise, "import tensorflow as tf\n" + solution(LESSON, exercise)) is None


def test_a_counter_that_returns_its_variable_passes() -> None:
    code = solution(LESSON, "Counter").replace(".read_value()", "")
    assert answer(UNIT, "Counter", "import tensorflow as tf\n" + code) is None


def test_the_explorable_counts_the_graphs_that_tensorflow_makes() -> None:
    from lib.lessons.units.tf2.explore import CALLS, KINDS, calls

    last = {kind: calls(kind)[-1][1] for kind in KINDS}
    assert last == {"tensors": 1, "numbers": CALLS, "few_numbers": 3, "shapes": CALLS, "open_shapes": 1, "types": 3}
