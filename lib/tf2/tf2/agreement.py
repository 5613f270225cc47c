"""The four levels side by side: every training step is taken at each of them, eagerly and compiled.

All arms start from the same weights and see the same batches in the same order, so their weights can be compared after
each step. After the last one come batches of two other sizes, which show what makes TensorFlow trace a step again.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lib.data import fashion_mnist
from lib.harness.contract.seeds import Seed
from lib.harness.contract.trial import Log
from lib.models import evaluation, lenet
from lib.tf2.tf2.levels import LEVELS, network

MODES = ("eager", "compiled")
REFERENCE = "keras_model.compiled"
BY_HAND = "variables"
"""The level whose convolution is not TensorFlow's own: its sums have another order."""
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
    return max(float(np.ptp(np.stack(arrays), axis=0).max()) for arrays in zip(*arms, strict=True))


def agree(seed: Seed, log: Log, *, steps: int, batch: int, rate: float, dtype: str) -> dict[str, Any]:
    """Train all arms at once; how far their weights are apart after each step, and how often each was traced.

    `apart`: the largest difference between two arms by step, `apart_own_kernels`: without the level by hand,
    `from_reference`: of each arm from level 1, compiled. `traces`: of each compiled arm after all batches of one size,
    after one of a second and one of a third size. Seconds go to the log's timings.
    """
    import tensorflow as tf

    start = [array.astype(dtype) for array in lenet.keras_weights(lenet.initial_weights(seed))]
    data = fashion_mnist.train()
    which = seed.rng("pictures").permutation(len(data))[: steps * batch].reshape(steps, batch)
    arms = arms_of(start, rate)
    traces = {name: Traces(arm) for name, arm in arms.items() if name.endswith(".compiled")}
    seconds: dict[str, list[float]] = {name: [] for name in arms}
    losses: dict[str, list[float]] = {name: [] for name in arms}
    from_reference: dict[str, list[float]] = {name: [] for name in arms}
    apart, apart_own = [], []

    def tensors(index: np.ndarray) -> tuple[Any, Any]:
        return tf.constant(data.scaled(index)[..., None], dtype), tf.constant(data.labels[index], tf.int32)

    for i, index in enumerate(which):
        images, labels = tensors(index)
        for name, arm in arms.items():
            started = time.perf_counter()
            losses[name].append(float(arm.step(images, labels)))
            seconds[name].append(time.perf_counter() - started)
        weights = {name: arm.weights() for name, arm in arms.items()}
        for name, arrays in weights.items():
            from_reference[name].append(spread([arrays, weights[REFERENCE]]))
        apart.append(spread(list(weights.values())))
        apart_own.append(spread([arrays for name, arrays in weights.items() if not name.startswith(BY_HAND)]))
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
        images, labels = tensors(which[0, :size])
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


def record_seconds(log: Log, seconds: Mapping[str, Sequence[float]]) -> None:
    """The first step of each arm (with its trace), and steps per second from the median of the later ones."""
    for name, each in seconds.items():
        typical = float(np.median(each[min(WARM_UP, len(each) - 1) :]))
        log.timing(0, **{f"{name}.first": each[0], f"{name}.steps_per_second": 1 / typical})
