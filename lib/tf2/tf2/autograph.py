"""Autograph and Python: the answers of both, how often a graph is traced, what it costs, and what it refuses."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from lib.harness.contract.seeds import Seed
from lib.harness.contract.trial import Log
from lib.models.error_text import error_of
from lib.tf2.tf2.programs import FROZEN, PROGRAMS, REFUSED, collatz, square_root

LONG = 27
"""`collatz` takes 111 steps from here."""


def measure(seed: Seed, log: Log, draws: int, values: int, repeats: int) -> dict[str, Any]:
    """All of it; seconds go to the log's timings.

    `answers`: of each program for `draws` arguments, as `answers` returns them. `deviations`: for each program the
    largest difference of a graph's answer from the eager one; `python_deviations`: of the eager answer from Python's
    on NumPy's numbers. `first`: the first argument of each draw. `traces_*`: traces for `values` different arguments.
    """
    found, first, refused_without = {}, {}, 0
    for name, (program, arguments) in PROGRAMS.items():
        rng = seed.rng("arguments", name)
        drawn = [arguments(rng) for _ in range(draws)]
        found[name] = answers(program, drawn)
        first[name] = [float(np.ravel(argument[0])[0]) for argument in drawn]
        refused_without += without_autograph_fails(program, drawn[0])
    deviations = {name: [float(each) for each in np.abs(np.diff(found[name], axis=0)).max(axis=1)] for name in found}
    for i, (python, graph) in enumerate(deviations.values()):
        log(i, deviation=graph, python_deviation=python)
    cost(log, repeats)
    return {
        "answers": found,
        "first": first,
        "deviations": {name: each[1] for name, each in deviations.items()},
        "python_deviations": {name: each[0] for name, each in deviations.items()},
        "refused_without_autograph": refused_without,
        "gradient_deviation": gradient_deviation(float(seed.rng("gradient").uniform(2, 50))),
        **traces(values),
        "refused": {name: refusal(program, argument) for name, (program, argument) in REFUSED.items()},
        "frozen": {name: stays(program, change) for name, (program, change) in FROZEN.items()},
    }


def graph_of(program: Callable[..., Any]) -> Any:
    """The program as a `tf.function` with no traces yet."""
    import tensorflow as tf

    return tf.function(program)


def answers(program: Callable[..., Any], drawn: list[tuple[Any, ...]]) -> np.ndarray:
    """The answers to each tuple of arguments: by plain Python, eagerly, and by a graph; (3, draws)."""
    import tensorflow as tf

    graph = graph_of(program)
    found = []
    for arguments in drawn:
        tensors = [tf.constant(argument) for argument in arguments]
        found.append([float(program(*arguments)), float(program(*tensors)), float(graph(*tensors))])
    return np.array(found).T


def without_autograph_fails(program: Callable[..., Any], arguments: tuple[Any, ...]) -> bool:
    """Return whether the program cannot become a graph without autograph."""
    import tensorflow as tf

    bare = tf.function(program, autograph=False)
    return bool(error_of(lambda: bare(*[tf.constant(argument) for argument in arguments])))


def gradient_deviation(x: float) -> float:
    """Of the slope of `square_root` at x through the loop: graph from eager."""
    import tensorflow as tf

    slopes = []
    for function in (square_root, graph_of(square_root)):
        variable = tf.Variable(x, dtype=tf.float32)
        with tf.GradientTape() as tape:
            root = function(variable)
        slopes.append(float(tape.gradient(root, variable)))
    return abs(slopes[0] - slopes[1])


def traces(values: int) -> dict[str, Any]:
    """Traces of `collatz` for 2, 3, … as tensors and as Python's numbers: after each call, and for a second round."""
    import tensorflow as tf

    found = {}
    for kind, make in (("tensors", tf.constant), ("numbers", int)):
        graph = graph_of(collatz)
        counts = []
        for n in [*range(2, values + 2)] * 2:
            graph(make(n))
            counts.append(graph.experimental_get_tracing_count())
        found[f"traces_{kind}"] = counts
    return found


def refusal(program: Callable[[Any], Any], argument: Any) -> str:
    """The error of TensorFlow when it should make a graph of a program that runs eagerly; empty if it makes one."""
    import tensorflow as tf

    program(tf.constant(argument))
    graph = graph_of(program)
    return error_of(lambda: graph(tf.constant(argument)))


def stays(program: Callable[[Any], Any], change: Callable[[], None]) -> bool:
    """Return whether a second call gives another answer eagerly, and the same as the first in a graph."""
    import tensorflow as tf

    x = tf.constant(1.0)
    answers = []
    for function in (program, graph_of(program)):
        first = float(function(x))
        change()
        answers.append((first, float(function(x))))
    return answers[0][0] != answers[0][1] and answers[1][0] == answers[1][1]


def cost(log: Log, repeats: int) -> None:
    """Seconds of a call of `collatz` (111 rounds): in Python, eagerly, as a graph, and with the trace before it."""
    import tensorflow as tf

    n = tf.constant(LONG)

    def seconds(call: Callable[[], Any]) -> float:
        started = time.perf_counter()
        call()
        return time.perf_counter() - started

    graph = graph_of(collatz)
    first = [seconds(lambda: graph_of(collatz)(n)) for _ in range(3)]
    graph(n)
    log.timing(
        python=float(np.median([seconds(lambda: collatz(LONG)) for _ in range(repeats)])),
        eager=float(np.median([seconds(lambda: collatz(n)) for _ in range(repeats)])),
        graph=float(np.median([seconds(lambda: graph(n)) for _ in range(repeats)])),
        first=float(np.median(first)),
    )
