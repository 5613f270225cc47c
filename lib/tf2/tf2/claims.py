"""What the tf2 lab measures for the lecture's sentences: functions of its trials' results."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from lib.harness.contract.claim import Claim
from lib.harness.contract.results import Results
from lib.tf2.tf2.agreement import BY_HAND, MODES
from lib.tf2.tf2.levels import LEVELS

TOLERANCE = 1e-5
"""Of weights and logits; between the two levels of a float32 weight of 0.1 there are 7e-9."""


def worst(variant: str, measurement: str) -> Callable[[Results], float]:
    """The largest number in a measurement, over its lists and the seeds."""

    def numbers(value: Any) -> list[float]:
        if isinstance(value, dict):
            return [n for each in value.values() for n in numbers(each)]
        return [float(n) for n in np.ravel(value)]

    return lambda results: max(n for r in results.of(variant) for n in numbers(r.measurements[measurement]))


def speeds(results: Results) -> dict[str, np.ndarray]:
    """Steps per second of each arm in float32: (seeds,)."""
    found = results.of("agree/float32")
    arms = [f"{level}.{mode}" for level in LEVELS for mode in MODES]
    return {arm: np.array([r.timings[f"{arm}.steps_per_second"] for r in found]) for arm in arms}


def least_gain(results: Results) -> np.ndarray:
    """By what factor a compiled step is faster, at the level that gains least: (seeds,)."""
    found = speeds(results)
    return np.asarray(np.min([found[f"{level}.compiled"] / found[f"{level}.eager"] for level in LEVELS], axis=0))


def drift_by_hand(results: Results) -> np.ndarray:
    """Decimal logarithm of how far the level by hand has drifted from the others in float32: (seeds,)."""
    last = [
        max(r.measurements["from_reference"][f"{BY_HAND}.{mode}"][-1] for mode in MODES)
        for r in results.of("agree/float32")
    ]
    return np.log10(np.maximum(last, 1e-12))


def traces(results: Results) -> float:
    """The most traces of a step over all batches of one size."""
    found = [r.measurements["traces"] for variant in results.variants("agree/") for r in results.of(variant)]
    return float(max(counts[0] for each in found for counts in each.values()))


def ratio_of_times(over: str, under: str) -> Callable[[Results], np.ndarray]:
    """A time of `collatz` over another: (seeds,)."""
    return lambda results: np.array([r.timings[over] / r.timings[under] for r in results.of("autograph")])


def tally(variant: str, measurement: str) -> Callable[[Results], float]:
    """How many entries of a mapping are true (an error counts as true): the fewest over the seeds."""
    return lambda results: float(min(sum(map(bool, r.measurements[measurement].values())) for r in results.of(variant)))


def traces_of_numbers(results: Results) -> float:
    """The share of Python's numbers for which a trace of its own was made, without those for a number seen before."""
    counts = results.values("autograph", "traces_numbers")  # (seeds, calls): every number twice
    half = counts.shape[1] // 2
    again = counts[:, -1] - counts[:, half - 1]
    return float(((counts[:, half - 1] - again) / half).min())


_TIMED = "seconds as measured, outside the digest"
CLAIMS = (
    Claim(
        "four-levels-agree/float64",
        statement=(
            "from the same weights, with the same batches in the same order, all four levels, eager and compiled, have "
            "the same weights after every step"
        ),
        kind="exact",
        measure=worst("agree/float64", "apart"),
        unit="largest difference of a weight",
        at_most=TOLERANCE,
        note="in float64, where a sum in another order differs in the 16th digit",
    ),
    Claim(
        "four-levels-agree/float32",
        statement="in float32, too, where the levels call the same operations of TensorFlow",
        kind="exact",
        measure=worst("agree/float32", "apart_own_kernels"),
        unit="largest difference of a weight",
        at_most=TOLERANCE,
        note="three levels, eager and compiled; the third has a convolution of its own: see rounding-flips-a-unit",
    ),
    Claim(
        "four-levels-agree/moved",
        statement="and that is not for want of movement: weights have moved by a thousand times as much",
        kind="exact",
        measure=lambda results: min(float(results.values(v, "moved").min()) for v in results.variants("agree/")),
        unit="largest change of a weight",
        at_least=1000 * TOLERANCE,
    ),
    Claim(
        "four-levels-agree/traced-once",
        statement="a compiled step is traced once for all batches of one size",
        kind="exact",
        measure=traces,
        unit="traces",
        at_least=1,
        at_most=1,
    ),
    Claim(
        "four-levels-agree/compiled-is-faster",
        statement="compiled, a step takes less time at every level",
        measure=least_gain,
        unit="times as fast, at the level that gains least",
        at_least=1,
        note=_TIMED,
    ),
    Claim(
        "rounding-flips-a-unit",
        statement=(
            "in float32 a convolution whose sum has another order ends elsewhere: the weights differ by more than 1e-5"
        ),
        measure=drift_by_hand,
        unit="decimal logarithm of the difference",
        at_least=float(np.log10(TOLERANCE)),
        note="the convolution written out in Python; in float64 the same code agrees",
    ),
    Claim(
        "autograph-if-else/same-answers",
        statement="if, else, while, for, break and continue on tensors: a graph gives what eager execution gives",
        kind="exact",
        measure=worst("autograph", "deviations"),
        unit="largest difference",
        at_most=0.0,
        note="five programs, arguments drawn for each",
    ),
    Claim(
        "autograph-if-else/as-python",
        statement="and eager execution gives what Python gives without TensorFlow",
        kind="exact",
        measure=worst("autograph", "python_deviations"),
        unit="largest difference",
        at_most=0.0,
        note="on NumPy's numbers of the same type",
    ),
    Claim(
        "autograph-if-else/gradient",
        statement="the gradient through a while loop is the same, too",
        kind="exact",
        measure=worst("autograph", "gradient_deviation"),
        unit="largest difference",
        at_most=TOLERANCE,
    ),
    Claim(
        "autograph-if-else/it-is-autograph",
        statement="without autograph TensorFlow refuses all five programs",
        kind="exact",
        measure=lambda results: float(results.values("autograph", "refused_without_autograph").min()),
        unit="programs refused",
        at_least=5,
    ),
    Claim(
        "autograph-if-else/one-trace-for-tensors",
        statement="tensors of one type and shape need one trace, whatever their values",
        kind="exact",
        measure=lambda results: float(results.values("autograph", "traces_tensors").max()),
        unit="traces",
        at_most=1,
    ),
    Claim(
        "autograph-if-else/a-trace-for-each-number",
        statement="each new number of Python's needs a trace of its own",
        kind="exact",
        measure=traces_of_numbers,
        unit="traces per number",
        at_least=1,
        at_most=1,
    ),
    Claim(
        "autograph-if-else/loop-is-faster",
        statement="a loop of 111 rounds is faster as a graph than eagerly",
        measure=ratio_of_times("eager", "graph"),
        unit="times as fast",
        at_least=1,
        note=_TIMED,
    ),
    Claim(
        "autograph-if-else/first-call",
        statement="but the first call, which traces it, takes longer than an eager one",
        measure=ratio_of_times("first", "eager"),
        unit="times as long",
        at_least=1,
        note=_TIMED,
    ),
    Claim(
        "autograph-limits/refused",
        statement="five programs that run eagerly do not become a graph, and TensorFlow says so",
        kind="exact",
        measure=tally("autograph", "refused"),
        unit="programs refused",
        at_least=5,
    ),
    Claim(
        "autograph-limits/frozen",
        statement="three programs keep in the graph what Python said when it was made, without an error",
        kind="exact",
        measure=tally("autograph", "frozen"),
        unit="programs with another answer",
        at_least=3,
    ),
    Claim(
        "layers-and-estimator/old-code-runs",
        statement="tf.layers builds layers, tf.estimator trains and evaluates: code of then runs today",
        kind="exact",
        measure=tally("old code", "old_errors"),
        unit="programs of seven that fail",
        at_most=0,
        note="executed in this TensorFlow; the errors are in the picture",
    ),
    Claim(
        "layers-and-estimator/replacement-runs",
        statement="for each of them there is Keras code that runs",
        kind="exact",
        measure=tally("old code", "new_errors"),
        unit="programs of seven that fail",
        at_most=0,
    ),
    Claim(
        "layers-and-estimator/replacement-is-right",
        statement="and it computes what the old code did",
        kind="exact",
        measure=worst("old code", "deviations"),
        unit="largest deviation",
        at_most=TOLERANCE,
        note="from NumPy, or from the definition",
    ),
    Claim(
        "layers-and-estimator/replacement-learns",
        statement="Keras in the estimator's place trains and evaluates",
        kind="exact",
        measure=lambda results: float(results.values("old code", "accuracy").min()),
        unit="share of training pictures recognised",
        at_least=0.5,
        note="chance is 0.1",
    ),
    Claim(
        "fully-compatible-keras/saved",
        statement="a model that is saved and loaded in the middle of training goes on as if it had not been",
        kind="exact",
        measure=worst("portable", "saved"),
        unit="largest difference of a weight",
        at_most=0.0,
        note="a .keras file keeps the optimizer's momentum",
    ),
    Claim(
        "fully-compatible-keras/weights-are-not-all",
        statement="weights alone are not enough for that",
        kind="exact",
        measure=worst("portable", "weights_only"),
        unit="largest difference of a weight",
        at_least=TOLERANCE,
        note="the same training with momentum, from a file of weights",
    ),
    Claim(
        "fully-compatible-keras/served",
        statement="the exported model gives the same logits by its endpoint, its signature and TFSMLayer",
        kind="exact",
        measure=worst("portable", "served"),
        unit="largest difference of a logit",
        at_most=TOLERANCE,
    ),
    Claim(
        "fully-compatible-keras/levels",
        statement="the loaded model's weights are trained on at each level to the same weights",
        kind="exact",
        measure=worst("portable", "levels"),
        unit="largest difference of a weight",
        at_most=TOLERANCE,
        note="the three levels that call the same operations, eager and compiled, float32",
    ),
    Claim(
        "fully-compatible-keras/torch-logits",
        statement="the same file on the torch backend gives the same logits",
        kind="exact",
        measure=worst("portable", "torch_logits"),
        unit="largest difference of a logit",
        at_most=1e-4,
        note="logits are of the size of 10",
    ),
    Claim(
        "fully-compatible-keras/torch-training",
        statement="and learns as it does on TensorFlow: the same losses step by step",
        kind="exact",
        measure=worst("portable", "torch_losses"),
        unit="largest difference of a loss",
        at_most=0.01,
        note="float32 and other kernels: alike, not equal",
    ),
    Claim(
        "fully-compatible-keras/every-use",
        statement="whatever works with the model on TensorFlow's backend works on torch's",
        kind="exact",
        measure=tally("portable", "uses_torch"),
        unit="uses of nine that fail",
        at_most=0,
        note="what fails is TensorFlow's own: see the picture",
    ),
)
