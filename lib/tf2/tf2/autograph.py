"""What autograph makes of Python: the same answers, the traces it takes, what it costs, and what it does not do."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from lib.harness.contract.seeds import Seed
from lib.harness.contract.trial import Log
from lib.models.error_text import error_of
from lib.tf2.tf2.programs import FROZEN, PROGRAMS, REFUSED, absolute, collatz, square_root

LONG = 27
"""`collatz` takes 111 steps from here."""


def measure(seed: Seed, log: Log, draws: int, values: int, repeats: int) -> dict[str, Any]:
    """All of it for one seed; seconds go to the log's timings.

    `deviations`: for each program the largest difference of a graph's answer from the eager one, over `draws`
    arguments; `python_deviations`: of the eager answer from Python's on NumPy's numbers. `traces_*`: traces for
    `values` different arguments.
    """
    eager, python, refused_without = {}, {}, 0
    for name, (program, arguments) in PROGRAMS.items():
        rng = seed.rng("arguments", name)
        drawn = [arguments(rng) for _ in range(draws)]
        eager[name], python[name] = deviations(program, drawn)
        refused_without += without_autograph_fails(program, drawn[0])
    for i, name in enumerate(eager):
        log(i, deviation=eager[name], python_deviation=python[name])
    cost(log, repeats)
    return {
        "deviations": eager,
        "python_deviations": python,
        "refused_without_autograph": refused_without,
        "gradient_deviation": gradient_deviation(float(seed.rng("gradient").uniform(2, 50))),
        **traces(values),
        "refused": {name: refusal(program, argument) for name, (program, argument) in REFUSED.items()},
        "frozen": {name: stays(program, change) for name, (program, change) in FROZEN.items()},
        "source": inspect.getsource(absolute),
        "code": generated_code(absolute),
    }


def graph_of(program: Callable[..., Any]) -> Any:
    """The program as a `tf.function` with no traces yet."""
    import tensorflow as tf

    return tf.function(program)


def deviations(program: Callable[..., Any], drawn: list[tuple[Any, ...]]) -> tuple[float, float]:
    """The largest differences: graph from eager, eager from plain Python."""
    import tensorflow as tf

    graph = graph_of(program)
    worst = [0.0, 0.0]
    for arguments in drawn:
        tensors = [tf.constant(argument) for argument in arguments]
        found = [float(program(*arguments)), float(program(*tensors)), float(graph(*tensors))]
        worst = [max(worst[0], abs(found[2] - found[1])), max(worst[1], abs(found[1] - found[0]))]
    return worst[0], worst[1]


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


def generated_code(program: Callable[..., Any]) -> str:
    """The Python that autograph makes of a program."""
    import tensorflow as tf

    return str(tf.autograph.to_code(program))


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
