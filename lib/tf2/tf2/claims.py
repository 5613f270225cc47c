"""The claims of the lab `tf2`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from lib.harness.contract.claim import Claim, smallest
from lib.harness.contract.results import Results
from lib.harness.contract.series import Series
from lib.tf2.tf2.agreement import MODES, TOLERANCE
from lib.tf2.tf2.levels import LEVELS

FASTER = 1.1
"""The smallest ratio of times that counts: timings on a busy machine differ by several per cent. Times are facts of the
machine that they were taken on. Another call there is no other machine, so they have no interval."""
WITHIN = 600
"""Steps within which two networks part: a third of the training pictures once, in batches of 32. Most need some 100."""
SHARE = 0.02
"""The smallest difference of accuracies that counts: two standard errors of 1,000 pictures at 0.9."""


def worst(variant: str, measurement: str) -> Callable[[Results], float]:
    """The largest number in a measurement, over its lists and the seeds."""

    def numbers(value: Any) -> list[float]:
        if isinstance(value, dict):
            return [n for each in value.values() for n in numbers(each)]
        return [float(n) for n in np.ravel(value)]

    return lambda results: float(np.max([n for r in results.of(variant) for n in numbers(r.measurements[measurement])]))


def speeds(results: Results) -> dict[str, float]:
    """Steps per second of each arm in float32: the median of the trials, beside which others may run."""
    trials = results.of("agree/float32")
    arms = [f"{level}.{mode}" for level in LEVELS for mode in MODES]
    return {arm: float(np.median([trial.timings[f"{arm}.steps_per_second"] for trial in trials])) for arm in arms}


def least_gain(results: Results) -> float:
    """The factor by which a compiled step is faster, at the level that gains least."""
    speed = speeds(results)
    return smallest(speed[f"{level}.compiled"] / speed[f"{level}.eager"] for level in LEVELS)


def parted(results: Results) -> Series:
    """Steps until the level by hand has other weights in float32: (seeds,); infinite where it never has."""
    return results.series("part/float32", "parted")


def moved(results: Results) -> float:
    """The largest change of a weight in a trial: the smallest of all trials."""
    return float(np.min([results.values(variant, "moved").min() for variant in results.variants("agree/")]))


def traces(results: Results) -> float:
    """The most traces of a step over all batches of one size."""
    measured = [r.measurements["traces"] for variant in results.variants("agree/") for r in results.of(variant)]
    return float(max(counts[0] for by_level in measured for counts in by_level.values()))


def ratio_of_times(over: str, under: str) -> Callable[[Results], float]:
    """A time of `collatz` divided by another."""

    def ratio(results: Results) -> float:
        timings = results.of("autograph")[0].timings
        return float(timings[over] / timings[under])

    return ratio


def tally(variant: str, measurement: str) -> Callable[[Results], float]:
    """The number of entries of a mapping that are true (an error counts as true): the fewest over the seeds."""
    return lambda results: float(min(sum(map(bool, r.measurements[measurement].values())) for r in results.of(variant)))


def traces_of_numbers(results: Results) -> float:
    """The share of Python numbers for which a trace of its own was made, without those for a number seen before."""
    counts = results.values("autograph", "traces_numbers")  # (seeds, calls): every number twice
    half = counts.shape[1] // 2
    again = counts[:, -1] - counts[:, half - 1]
    return float(((counts[:, half - 1] - again) / half).min())


CLAIMS = (
    Claim(
        "four-levels-agree/float64",
        role="sentence",
        kind="exact",
        measure=worst("agree/float64", "apart"),
        at_most=TOLERANCE,
    ),
    Claim(
        "four-levels-agree/float32",
        role="sentence",
        kind="exact",
        measure=worst("agree/float32", "apart_own_kernels"),
        at_most=TOLERANCE,
    ),
    Claim("four-levels-agree/moved", role="control", kind="exact", measure=moved, at_least=1000 * TOLERANCE),
    Claim("four-levels-agree/traced-once", role="identity", kind="exact", measure=traces, at_least=1, at_most=1),
    Claim(
        "four-levels-agree/compiled-is-faster",
        role="control",
        kind="exact",
        measure=least_gain,
        at_least=FASTER,
    ),
    Claim("rounding-flips-a-unit/float32", role="sentence", measure=parted, at_most=WITHIN, interval="median"),
    Claim(
        "rounding-flips-a-unit/float64",
        role="control",
        kind="exact",
        measure=worst("part/float64", "apart"),
        at_most=TOLERANCE,
    ),
    Claim(
        "autograph-if-else/same-answers",
        role="sentence",
        kind="exact",
        measure=worst("autograph", "deviations"),
        at_most=0.0,
    ),
    Claim(
        "autograph-if-else/as-python",
        role="sentence",
        kind="exact",
        measure=worst("autograph", "python_deviations"),
        at_most=0.0,
    ),
    Claim(
        "autograph-if-else/gradient",
        role="identity",
        kind="exact",
        measure=worst("autograph", "gradient_deviation"),
        at_most=TOLERANCE,
    ),
    Claim(
        "autograph-if-else/it-is-autograph",
        role="condition",
        kind="exact",
        measure=lambda results: float(results.values("autograph", "refused_without_autograph").min()),
        at_least=5,
    ),
    Claim(
        "autograph-if-else/one-trace-for-tensors",
        role="identity",
        kind="exact",
        measure=lambda results: float(results.values("autograph", "traces_tensors").max()),
        at_most=1,
    ),
    Claim(
        "autograph-if-else/a-trace-for-each-number",
        role="limit",
        kind="exact",
        measure=traces_of_numbers,
        at_least=1,
        at_most=1,
    ),
    Claim(
        "autograph-if-else/loop-is-faster",
        role="control",
        kind="exact",
        measure=ratio_of_times("eager", "graph"),
        at_least=FASTER,
    ),
    Claim(
        "autograph-if-else/first-call",
        role="limit",
        kind="exact",
        measure=ratio_of_times("first", "eager"),
        at_least=FASTER,
    ),
    Claim("autograph-limits/refused", role="sentence", kind="exact", measure=tally("autograph", "refused"), at_least=5),
    Claim("autograph-limits/frozen", role="sentence", kind="exact", measure=tally("autograph", "frozen"), at_least=3),
    Claim(
        "layers-and-estimator/old-code-runs",
        role="sentence",
        kind="exact",
        measure=tally("old code", "old_errors"),
        at_most=0,
    ),
    Claim(
        "layers-and-estimator/replacement-runs",
        role="control",
        kind="exact",
        measure=tally("old code", "new_errors"),
        at_most=0,
    ),
    Claim(
        "layers-and-estimator/replacement-is-right",
        role="control",
        kind="exact",
        measure=worst("old code", "deviations"),
        at_most=TOLERANCE,
    ),
    Claim(
        "layers-and-estimator/replacement-learns",
        role="control",
        kind="exact",
        measure=lambda results: float(
            np.min(results.values("old code", "accuracy") - results.values("old code", "nearest_mean"))
        ),
        more_than=0.0,
        smallest=SHARE,
    ),
    Claim(
        "fully-compatible-keras/saved", role="sentence", kind="exact", measure=worst("portable", "saved"), at_most=0.0
    ),
    Claim(
        "fully-compatible-keras/weights-are-not-all",
        role="limit",
        kind="exact",
        measure=worst("portable", "weights_only"),
        at_least=TOLERANCE,
    ),
    Claim(
        "fully-compatible-keras/served",
        role="sentence",
        kind="exact",
        measure=worst("portable", "served"),
        at_most=TOLERANCE,
    ),
    Claim(
        "fully-compatible-keras/levels",
        role="sentence",
        kind="exact",
        measure=worst("portable", "levels"),
        at_most=TOLERANCE,
    ),
    Claim(
        "fully-compatible-keras/torch-logits",
        role="sentence",
        kind="exact",
        measure=worst("portable", "torch_logits"),
        at_most=1e-4,
    ),
    Claim(
        "fully-compatible-keras/torch-training",
        role="sentence",
        kind="exact",
        measure=worst("portable", "torch_losses"),
        at_most=0.01,
    ),
    Claim(
        "fully-compatible-keras/every-use",
        role="sentence",
        kind="exact",
        measure=tally("portable", "uses_torch"),
        at_most=0,
    ),
)
