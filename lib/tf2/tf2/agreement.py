"""The four levels side by side: every training step is taken at each of them, eagerly and compiled.

All arms start from the same weights and see the same batches in the same order, so their weights can be compared after
each step. After the last one come batches of two other sizes, which show what makes TensorFlow trace a step again.

`part` trains two of them until rounding has made them two networks: the lowest level, and the one whose convolution
sums in another order.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lib.data import fashion_mnist
from lib.harness.contract.claim import largest
from lib.harness.contract.seeds import Seed
from lib.harness.contract.trial import Log
from lib.models import evaluation, lenet
from lib.tf2.tf2.levels import LEVELS, network

MODES = ("eager", "compiled")
REFERENCE = "keras_model.compiled"
BY_HAND, LOWEST = "variables", "functions"
"""The level whose convolution is not TensorFlow's own: its sums have another order. And one whose is."""
TOLERANCE = 1e-5
"""Of weights and logits; between the two levels of a float32 weight of 0.1 there are 7e-9."""
AFTER = 20
"""Steps that two networks go on after they have parted, for the picture."""
WARM_UP = 5
"""First steps that are not timed: memory and caches are not ready yet."""
JUDGED = 500


def arms_of(weights: Sequence[np.ndarray], rate: float) -> dict[str, Any]:
    """The network at every level, eager and compiled, from these weights."""
    return {f"{level}.{mode}": network(level, weights, rate, mode == "compiled") for level in LEVELS for mode in MODES}


class Traces:
    """Counts how often Python has run a compiled network's training step to make a graph of it."""

    def __init__(self, network: Any):
        self._functions = [vars(network).get(name) for name in ("step", "descend")]
        self._runs = 0
        if hasattr(network, "model") and network.model.compiled:
            step = network.model.train_step

            def counted(data: Any) -> Any:
                self._runs += 1
                return step(data)

            network.model.train_step = counted

    def count(self) -> int:
        """Traces so far."""
        counters = (getattr(function, "experimental_get_tracing_count", None) for function in self._functions)
        return self._runs + sum(int(count()) for count in counters if count is not None)


def spread(arms: Sequence[Sequence[np.ndarray]]) -> float:
    """The largest difference between two networks' weights: over all weights and pairs."""
    return largest(np.ptp(np.stack(arrays), axis=0) for arrays in zip(*arms, strict=True))


def spread_by_mode(arms: Mapping[str, Sequence[np.ndarray]]) -> float:
    """`spread` of the networks that call TensorFlow's own kernels: of those run eagerly, and of those compiled.

    A graph may join operations that Python calls one by one, which changes the rounding.
    """
    own = {name: arrays for name, arrays in arms.items() if not name.startswith(BY_HAND)}
    return largest(spread([arrays for name, arrays in own.items() if name.endswith(mode)]) for mode in MODES)


def agree(seed: Seed, log: Log, *, steps: int, batch: int, rate: float, dtype: str) -> dict[str, Any]:
    """Train all arms at once; how far their weights are apart after each step, and how often each was traced.

    `apart`: the largest difference between two arms by step, `apart_own_kernels`: without the level by hand, and
    between arms of one mode, `from_reference`: of each arm from level 1, compiled. `traces`: of each compiled arm after
    all batches of one size, after one of a second and one of a third size. Seconds go to the log's timings.
    """
    import tensorflow as tf

    start = [array.astype(dtype) for array in lenet.keras_weights(lenet.initial_weights(seed))]
    which = batches_of(seed, steps, batch)
    arms = arms_of(start, rate)
    traces = {name: Traces(arm) for name, arm in arms.items() if name.endswith(".compiled")}
    seconds: dict[str, list[float]] = {name: [] for name in arms}
    losses: dict[str, list[float]] = {name: [] for name in arms}
    from_reference: dict[str, list[float]] = {name: [] for name in arms}
    apart, apart_own = [], []

    for i, index in enumerate(which):
        images, labels = tensors(index, dtype)
        for name, arm in arms.items():
            started = time.perf_counter()
            losses[name].append(float(arm.step(images, labels)))
            seconds[name].append(time.perf_counter() - started)
        weights = {name: arm.weights() for name, arm in arms.items()}
        for name, arrays in weights.items():
            from_reference[name].append(spread([arrays, weights[REFERENCE]]))
        apart.append(spread(list(weights.values())))
        apart_own.append(spread_by_mode(weights))
        log(i, loss=losses[REFERENCE][-1], apart=apart[-1], apart_own_kernels=apart_own[-1])

    final = weights[REFERENCE]
    log.parameters(lenet.named_weights(final))
    record_seconds(log, seconds)
    counts = {name: [found.count()] for name, found in traces.items()}
    validation = fashion_mnist.validation().first(JUDGED)
    pictures = tf.constant(validation.scaled()[..., None], dtype)
    logits = {name: np.asarray(arm.logits(pictures)) for name, arm in arms.items()}
    answers = np.stack([each.argmax(axis=1) for each in logits.values()])
    for size in (batch // 2, batch // 4):
        images, labels = tensors(which[0, :size], dtype)
        for name, found in traces.items():
            arms[name].step(images, labels)
            counts[name].append(found.count())
    return {
        "apart": apart,
        "apart_own_kernels": apart_own,
        "from_reference": from_reference,
        "moved": spread([start, final]),
        "loss": losses[REFERENCE],
        "losses_apart": float(np.ptp(np.array(list(losses.values())), axis=0).max()),
        "answers_apart": float(np.mean(np.ptp(answers, axis=0) > 0)),
        "accuracy": evaluation.accuracy(logits[REFERENCE], validation.labels),
        "traces": counts,
    }


def batches_of(seed: Seed, steps: int, batch: int) -> np.ndarray:
    """The pictures of each step, by their index: (steps, batch)."""
    return seed.rng("pictures").permutation(len(fashion_mnist.train()))[: steps * batch].reshape(steps, batch)


def tensors(index: np.ndarray, dtype: str) -> tuple[Any, Any]:
    """Training pictures (n, 28, 28, 1) and their labels (n,)."""
    import tensorflow as tf

    data = fashion_mnist.train()
    return tf.constant(data.scaled(index)[..., None], dtype), tf.constant(data.labels[index], tf.int32)


def part(seed: Seed, log: Log, *, steps: int, batch: int, rate: float, dtype: str) -> dict[str, Any]:
    """Train two levels, compiled, from the same weights, until their weights differ by more than `TOLERANCE`.

    `apart`: the largest difference between their weights by step; `parted`: the first step after which it is above
    the tolerance, infinite where that is none of them.
    """
    start = [array.astype(dtype) for array in lenet.keras_weights(lenet.initial_weights(seed))]
    arms = [network(level, start, rate, True) for level in (LOWEST, BY_HAND)]
    apart: list[float] = []
    parted = np.inf
    for step, index in enumerate(batches_of(seed, steps, batch), 1):
        images, labels = tensors(index, dtype)
        for arm in arms:
            arm.step(images, labels)
        apart.append(spread([arm.weights() for arm in arms]))
        log(step - 1, apart=apart[-1])
        if not apart[-1] <= TOLERANCE:  # NaN is not the same either
            parted = min(parted, step)
        if step >= parted + AFTER:
            break
    log.parameters(lenet.named_weights(arms[0].weights()))
    return {"apart": apart, "parted": float(parted)}


def record_seconds(log: Log, seconds: Mapping[str, Sequence[float]]) -> None:
    """The first step of each arm (with its trace), and steps per second from the median of the later ones."""
    for name, each in seconds.items():
        typical = float(np.median(each[min(WARM_UP, len(each) - 1) :]))
        log.timing(0, **{f"{name}.first": each[0], f"{name}.steps_per_second": 1 / typical})
