"""Small programs whose course depends on their data, for autograph: written as one writes Python.

`PROGRAMS` run alike on Python's numbers, on tensors eagerly, and as a graph. `REFUSED` run eagerly, and TensorFlow
refuses to make a graph of them. `FROZEN` give another answer in a graph, without a word: what is Python's own is looked
at once, when the graph is made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

# Programs that a graph repeats


def absolute(x: Any) -> Any:
    """The value without its sign."""
    if x < 0:
        x = -x
    return x


def collatz(n: Any) -> Any:
    """Steps until 1: an even number is halved, an odd one tripled and 1 added."""
    steps = 0
    while n != 1:
        if n % 2 == 0:  # noqa: SIM108
            n = n // 2
        else:
            n = 3 * n + 1
        steps += 1
    return steps


def square_root(x: Any) -> Any:
    """Newton's method, until the square is right to a ten-thousandth."""
    guess = x
    while abs(guess * guess - x) > 1e-4 * x:
        guess = (guess + x / guess) / 2
    return guess


def divisor(a: Any, b: Any) -> Any:
    """The greatest common divisor, by Euclid."""
    while b > 0:
        a, b = b, a % b
    return a


def sum_until(numbers: Any, limit: Any) -> Any:
    """The sum of what is not negative, up to the first number above the limit."""
    total = numbers[0] * 0
    for number in numbers:
        if number > limit:
            break
        if number < 0:
            continue
        total += number
    return total


PROGRAMS: Mapping[str, tuple[Callable[..., Any], Callable[[np.random.Generator], tuple[Any, ...]]]] = {
    "if": (absolute, lambda rng: (np.float32(rng.normal()),)),
    "while, if, else": (collatz, lambda rng: (np.int32(rng.integers(2, 1000)),)),
    "while (Newton)": (square_root, lambda rng: (np.float32(rng.uniform(0.5, 100)),)),
    "while (Euclid)": (divisor, lambda rng: (np.int32(rng.integers(1, 10_000)), np.int32(rng.integers(1, 10_000)))),
    "for, break, continue": (sum_until, lambda rng: (rng.normal(size=20).astype(np.float32), np.float32(1.5))),
}
"""Name to the program, and to a function that draws its arguments."""


# Programs that TensorFlow does not make a graph of


def only_one_branch(x: Any) -> Any:
    """A name that only one branch defines."""
    if x > 0:
        found = x
    return found


def two_types(x: Any) -> Any:
    """A whole number in one branch, a fraction in the other."""
    if x > 0:  # noqa: SIM108
        y = 1
    else:
        y = 0.5  # type: ignore[assignment]
    return y


def growing(x: Any) -> Any:
    """A tensor that grows from round to round."""
    import tensorflow as tf

    while tf.size(x) < 10:
        x = tf.concat([x, x], axis=0)
    return x


def collecting(n: Any) -> Any:
    """A Python list that is filled in a loop."""
    import tensorflow as tf

    found = []
    for i in tf.range(n):
        found.append(i * i)
    return found[-1]


def to_numpy(x: Any) -> Any:
    """NumPy in the middle of TensorFlow."""
    return np.sort(x.numpy())[0]


REFUSED: Mapping[str, tuple[Callable[[Any], Any], Any]] = {
    "a name that only one branch defines": (only_one_branch, np.float32(2)),
    "two types in two branches": (two_types, np.float32(2)),
    "a tensor that grows in a loop": (growing, np.ones(3, np.float32)),
    "a list that is filled in a loop": (collecting, np.int32(3)),
    "NumPy in the middle": (to_numpy, np.array([3, 1, 2], np.float32)),
}
"""What it is to the program and an argument for which it runs eagerly."""


# Programs of which a graph keeps what was true when it was made


class Settings:
    """Something of Python's that changes between two calls."""

    factor = 2.0


def scaled(x: Any) -> Any:
    """Reads a setting."""
    return x * Settings.factor


class Counter:
    """Counts the calls of a program."""

    calls = 0


def counted(x: Any) -> Any:
    """Counts in Python."""
    Counter.calls += 1
    return x * Counter.calls


def noisy(x: Any) -> Any:
    """Draws from NumPy."""
    return x + np.random.rand()


def change_factor() -> None:
    """Another setting."""
    Settings.factor += 1


FROZEN: Mapping[str, tuple[Callable[[Any], Any], Callable[[], None]]] = {
    "a setting that is changed": (scaled, change_factor),
    "a counter": (counted, lambda: None),
    "a random number of NumPy's": (noisy, lambda: None),
}
"""What it is to the program and what happens between two calls, after which an eager call gives another answer."""
