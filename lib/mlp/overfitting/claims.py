"""Measures of the overfitting lab for the lecture's sentences: functions of its trials' results.

The least difference that counts is 0.1 nats of a loss and one image in a hundred of an error.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np

from lib.data.noisy_digits import CLASSES, INPUTS
from lib.harness.contract.claim import Claim, InconclusiveError, largest
from lib.harness.contract.results import Results
from lib.harness.contract.series import Series, align
from lib.models.mlp import parameter_count

NATS, SHARE = 0.1, 0.01


def threshold_width(examples: int) -> int:
    """The width whose weights are as many as the numbers that a fit must hit, examples x classes."""
    unit = parameter_count((INPUTS, 1, CLASSES)) - CLASSES
    return max(1, round((examples * CLASSES - CLASSES) / unit))


def settings(results: Results) -> Any:
    """The lab's config, from any trial of width or of features."""
    for variant in (*results.variants("width/"), *results.variants("features")):
        return results.of(variant)[0].trial.config
    raise LookupError("no finished trial of a network's width or of random features")


def widths(results: Results, prefix: str = "width") -> list[int]:
    """The widths of the networks that have finished, from the narrowest on; `prefix`: width or descent."""
    return sorted(int(variant.removeprefix(f"{prefix}/")) for variant in results.variants(f"{prefix}/"))


def threshold(results: Results) -> int:
    """The threshold's width for the examples of the descent's trials."""
    for variant in results.variants("descent/"):
        return threshold_width(results.of(variant)[0].trial.config.examples)
    raise LookupError("no finished trial of the descent")


def small_and_large(results: Results, measurement: str) -> tuple[Series, Series]:
    """A measurement of the two named networks, (seeds,) each."""
    config = settings(results)
    return results.series(f"width/{config.small}", measurement), results.series(f"width/{config.large}", measurement)


def gap(results: Results, variant: str) -> np.ndarray:
    """Test loss less training loss, both for noisy labels: (seeds,)."""
    return np.asarray(results.values(variant, "test_loss") - results.values(variant, "train_loss"))


LEARNED = 1.15
"""Training loss below which a network has learned: half of what guessing among ten digits costs, ln 10 nats."""


def require_learned(results: Results) -> None:
    """Raises `InconclusiveError` where the large network has hardly learned: then it cannot overfit either."""
    loss = small_and_large(results, "train_loss")[1].mean()
    if not loss < LEARNED:
        raise InconclusiveError(f"the large network's training loss is {loss:.2f} nats: train it longer")


def _more(measurement: str, of: str) -> Callable[[Results], Series]:
    def measure(results: Results) -> Series:
        require_learned(results)
        small, large = small_and_large(results, measurement)
        return large - small if of == "large" else small - large

    return measure


def wider_gap(results: Results) -> Series:
    """The gap of the large network minus that of the small one: (seeds,)."""
    return _more("test_loss", "large")(results) - _more("train_loss", "large")(results)


def shrunk_by_data(results: Results) -> Series:
    """The decrease of the large network's gap from the fewest to the most examples: (seeds,)."""
    require_learned(results)
    few = f"width/{settings(results).large}"
    many = max(results.variants("examples/"), key=lambda v: int(v.removeprefix("examples/")), default="examples/")
    gap_of_few, gap_of_many = (
        results.series(variant, "test_loss") - results.series(variant, "train_loss") for variant in (few, many)
    )
    return gap_of_few - gap_of_many


def _stopped(measurement: str) -> Callable[[Results], Series]:
    def measure(results: Results) -> Series:
        require_learned(results)
        large = f"width/{settings(results).large}"
        return results.series(large, f"test_{measurement}") - results.series(large, f"stopped_{measurement}")

    return measure


def valley(errors: np.ndarray) -> np.ndarray:
    """For each seed the index with the least mean error of all *other* seeds. errors: (seeds, sizes) on validation.

    So neither a seed's own luck nor a test image has a part in the choice.
    """
    others = errors.sum(axis=0) - errors
    return np.asarray(others.argmin(axis=1))


def network_errors(results: Results) -> dict[str, np.ndarray]:
    """Test error of the true digits: in the `valley` below the threshold, at the `threshold` and `beyond`: (seeds,)."""
    edge, finished = threshold(results), widths(results, "descent")
    narrow = [width for width in finished if width < edge]
    if not narrow:
        raise LookupError("no network is narrower than the threshold")
    by_width: list[Series] = [
        cast(Series, np.stack([results.series(f"descent/{width}", name) for width in narrow], axis=1))
        for name in ("validation_true_error", "test_true_error")
    ]
    validation, test, at_edge, at_end = align(
        *by_width,
        results.series(f"descent/{edge}", "test_true_error"),
        results.series(f"descent/{finished[-1]}", "test_true_error"),
    )
    return {
        "valley": test.values[np.arange(len(test)), valley(validation.values)],
        "threshold": at_edge.values,
        "beyond": at_end.values,
    }


def feature_errors(results: Results, labels: str = "noisy", name: str = "test_error") -> dict[str, np.ndarray]:
    """The same of random features, with `noisy` or `clean` labels; beyond is the largest number."""
    measured = [r.measurements for r in results.of("features")]
    ratios = np.array(measured[0]["ratios"])
    test, validation = (np.array([m[labels][key] for m in measured]) for key in (name, "validation_error"))
    below = ratios < 1
    return {
        "valley": test[:, below][np.arange(len(test)), valley(validation[:, below])],
        "threshold": test[:, ratios == 1][:, 0],
        "beyond": test[:, -1],
    }


def _falls(errors: dict[str, np.ndarray], high: str, low: str) -> np.ndarray:
    return np.asarray(errors[high] - errors[low])


def largest_residual(results: Results) -> float:
    """The largest |A B - Y| of any size from the threshold on, of any seed."""
    measured = [r.measurements for r in results.of("features")]
    beyond = np.array(measured[0]["ratios"]) >= 1
    return largest(np.array(m["noisy"]["residual"])[beyond] for m in measured)


def peak_left(results: Results) -> np.ndarray:
    """The share of the peak (threshold over beyond) that the ridge chosen on validation leaves: (seeds,)."""
    tuned, plain = feature_errors(results, name="tuned_error"), feature_errors(results)
    left = _falls(tuned, "threshold", "beyond")
    return np.asarray(left / np.maximum(_falls(plain, "threshold", "beyond"), SHARE))


CLAIMS = (
    Claim(
        "complexity-overfits/does-well-on-training-data",
        role="sentence",
        measure=_more("train_loss", "small"),
        more_than=0.0,
        smallest=NATS,
    ),
    Claim(
        "complexity-overfits/worse-on-new-data",
        role="sentence",
        measure=_more("test_loss", "large"),
        more_than=0.0,
        smallest=NATS,
    ),
    Claim("complexity-overfits/gap", role="sentence", measure=wider_gap, more_than=0.0, smallest=NATS),
    Claim("complexity-overfits/more-data", role="limit", measure=shrunk_by_data, more_than=0.0, smallest=NATS),
    Claim(
        "more-wrong-answers", role="sentence", measure=_more("test_true_error", "large"), more_than=0.0, smallest=SHARE
    ),
    Claim("early-stopping/loss", role="sentence", measure=_stopped("loss"), more_than=0.0, smallest=NATS),
    Claim("early-stopping/error", role="sentence", measure=_stopped("true_error"), more_than=0.0, smallest=SHARE),
    Claim(
        "learns-by-heart/training",
        role="sentence",
        measure=lambda results: 1 - results.series("random labels", "train_error"),
        at_least=0.99,
        interval="median",  # it is capped: every seed may reach 1
    ),
    Claim(
        "learns-by-heart/chance",
        role="control",
        measure=lambda results: 1 - results.series("random labels", "test_true_error"),
        at_least=0.05,
        at_most=0.15,
    ),
    Claim("double-descent/features-interpolate", role="identity", kind="exact", measure=largest_residual, at_most=1e-6),
    Claim(
        "double-descent/features-rise",
        role="sentence",
        measure=lambda results: _falls(feature_errors(results), "threshold", "valley"),
        more_than=0.0,
        smallest=SHARE,
    ),
    Claim(
        "double-descent/features-fall",
        role="sentence",
        measure=lambda results: _falls(feature_errors(results), "threshold", "beyond"),
        more_than=0.0,
        smallest=SHARE,
    ),
    Claim(
        "double-descent/networks-rise",
        role="sentence",
        measure=lambda results: _falls(network_errors(results), "threshold", "valley"),
        more_than=0.0,
        smallest=SHARE,
    ),
    Claim(
        "double-descent/networks-fall",
        role="sentence",
        measure=lambda results: _falls(network_errors(results), "threshold", "beyond"),
        more_than=0.0,
        smallest=SHARE,
    ),
    Claim(
        "larger-is-better/clean-features",
        role="sentence",
        measure=lambda results: _falls(feature_errors(results, "clean"), "valley", "beyond"),
        more_than=0.0,
        smallest=SHARE,
    ),
    Claim(
        "larger-is-better/noisy-features",
        role="sentence",
        measure=lambda results: _falls(feature_errors(results), "valley", "beyond"),
        more_than=0.0,
        smallest=SHARE,
    ),
    Claim(
        "larger-is-better/networks",
        role="sentence",
        measure=lambda results: _falls(network_errors(results), "valley", "beyond"),
        more_than=0.0,
        smallest=SHARE,
    ),
    Claim("ridge-flattens-the-peak", role="sentence", measure=peak_left, at_most=0.5),
)
