"""Measures of the overfitting lab for the lecture's sentences: functions of its trials' results.

The large network is compared with the *simple* one: of the networks that are narrower than the threshold, the width
that does best on validation images in the very measure that is judged, so that the complex one meets its strongest
peer. Losses are of noisy labels, wrong answers of the true digits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from lib.data.noisy_digits import CLASSES, INPUTS
from lib.harness.contract.claim import Claim, InconclusiveError, largest, require_trained
from lib.harness.contract.results import Results
from lib.harness.contract.series import Series, align, unpacked
from lib.models.chosen import by_the_others, of_the_chosen
from lib.models.mlp import parameter_count

NATS = 0.1
"""The smallest difference of a loss that counts: the probability that is given to the label changes by a tenth."""
SHARE = 0.01
"""The smallest difference of an error that counts: one image in a hundred, about the standard error of an error of 5 %
on the 500 test images, so that less could not be told from other images."""
LEARNED = 0.5
"""Share of its training labels that a network knows once it has learned: five times chance."""
KNOWN = 0.99
"""Share of the labels that are known where (nearly) all are: of 200 labels all but two."""
CHANCE = (0.05, 0.15)
"""Accuracies that are chance among ten digits: within a half of it, which is four standard errors of 500 images."""
MOST = 0.5
"""Share of a peak that may be left where most of it is gone."""

Read = Callable[[Results, str], Series]
"""From the results and a variant to one value, or one array, per seed."""


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


def threshold(results: Results, prefix: str = "descent") -> int:
    """The threshold's width for the examples of the trials with this prefix."""
    for variant in results.variants(f"{prefix}/"):
        return threshold_width(results.of(variant)[0].trial.config.examples)
    raise LookupError(f"no finished trial of {prefix}")


def narrow(results: Results, prefix: str) -> list[str]:
    """The variants of networks that are narrower than the threshold. Raises `LookupError` when there are none."""
    edge = threshold(results, prefix)
    found = [f"{prefix}/{width}" for width in widths(results, prefix) if width < edge]
    if not found:
        raise LookupError("no network is narrower than the threshold")
    return found


def large(results: Results) -> str:
    """The variant of the large network."""
    return f"width/{settings(results).large}"


def number(name: str) -> Read:
    """Return how to read a measurement that is one number per seed."""
    return lambda results, variant: results.series(variant, name)


def wrong(name: str) -> Read:
    """Return how to read wrong answers by image, 1 for each: (seeds, images)."""
    return lambda results, variant: 1 - results.items(variant, name)


def gap(results: Results, variant: str) -> Series:
    """Test loss less training loss, both for noisy labels: (seeds,)."""
    return results.series(variant, "test_loss") - results.series(variant, "train_loss")


def require_learned(results: Results, variant: str) -> None:
    """Raises `InconclusiveError` where a network has hardly learned: then it cannot overfit either."""
    known = 1 - results.series(variant, "train_error")
    require_trained(f"the share of its training labels that {variant} knows", known, LEARNED)


def above_simple(by: str, read: Read) -> Callable[[Results], Series]:
    """Return the measure of the large network less the simple one. `by`: what the simple one is best in."""

    def measure(results: Results) -> Series:
        require_learned(results, large(results))
        return read(results, large(results)) - of_the_chosen(results, narrow(results, "width"), by, read)

    return measure


def below_simple(by: str, read: Read) -> Callable[[Results], Series]:
    """Return the measure of the simple network less the large one."""
    above = above_simple(by, read)
    return lambda results: -above(results)


def shrunk_by_data(results: Results) -> Series:
    """The decrease of the large network's gap from the fewest to the most examples: (seeds,)."""
    require_learned(results, large(results))
    many = max(results.variants("examples/"), key=lambda v: int(v.removeprefix("examples/")), default="examples/")
    return gap(results, large(results)) - gap(results, many)


def by_stopping(end: Read, stopped: Read) -> Callable[[Results], Series]:
    """Return the measure of the large network at the end less the same at its lowest validation loss."""

    def measure(results: Results) -> Series:
        require_learned(results, large(results))
        return end(results, large(results)) - stopped(results, large(results))

    return measure


def stopping_or_decay(results: Results) -> Series:
    """Wrong answers with the best weight decay, trained to the end, less those of stopping: (seeds, images)."""
    require_learned(results, large(results))
    decays = results.variants("decay/")
    decayed = of_the_chosen(results, decays, "validation_true_error", wrong("test_true_right"))
    return decayed - wrong("stopped_true_right")(results, large(results))


def networks_known(results: Results) -> Series:
    """The share of its noisy labels that the network at the threshold knows: (seeds,)."""
    return 1 - results.series(f"descent/{threshold(results)}", "train_error")


def of_networks(results: Results) -> dict[str, Series]:
    """Wrong answers in the `valley` below the threshold, at the `threshold` and `beyond`: (seeds, images)."""
    edge, read = f"descent/{threshold(results)}", wrong("test_true_right")
    require_learned(results, edge)
    return {
        "valley": of_the_chosen(results, narrow(results, "descent"), "validation_true_error", read),
        "threshold": read(results, edge),
        "beyond": read(results, f"descent/{widths(results, 'descent')[-1]}"),
    }


def of_features(results: Results, labels: str = "noisy", name: str = "test_right") -> dict[str, Series]:
    """The same of random features, with `noisy` or `clean` labels; beyond is the largest number."""
    measured = results.series("features", labels)
    ratios = np.array(results.of("features")[0].measurements["ratios"])
    mistakes = measured.map(lambda each: 1 - np.stack([unpacked(text) for text in each[name]]))
    validation = np.array([each["validation_error"] for each in measured])[:, ratios < 1]
    return {
        "valley": Series(measured.seeds, mistakes.values[np.arange(len(measured)), by_the_others(validation)]),
        "threshold": mistakes[:, int(np.argmax(ratios == 1))],
        "beyond": mistakes[:, -1],
    }


def falls(errors: dict[str, Series], high: str, low: str) -> Series:
    """Wrong answers at one place less those at another."""
    high_errors, low_errors = align(errors[high], errors[low])
    return high_errors - low_errors


def largest_residual(results: Results) -> float:
    """The largest |A B - Y| of any size from the threshold on, of any seed."""
    measured = [r.measurements for r in results.of("features")]
    beyond = np.array(measured[0]["ratios"]) >= 1
    return largest(np.array(m["noisy"]["residual"])[beyond] for m in measured)


def peak_left(results: Results) -> Series:
    """The share of the mean peak (threshold over beyond) that the ridge chosen on validation leaves: (seeds,).

    Raises:
        InconclusiveError: without a ridge there is no peak.
    """
    plain, tuned = (
        falls(of_features(results, name=name), "threshold", "beyond").mean(axis=1)
        for name in ("test_right", "tuned_right")
    )
    if not plain.mean() >= SHARE:
        raise InconclusiveError(f"the peak is {plain.mean():.3g} high without a ridge: there is nothing to flatten")
    ratio = tuned.mean() / plain.mean()
    left: Series = (tuned - ratio * (plain - plain.mean())) / plain.mean()  # the mean peak is itself uncertain
    return left


def claim(name: str, measure: Callable[[Results], Any], smallest: float, **more: Any) -> Claim:
    """A difference that is above 0: a sentence unless it says otherwise, over images where it counts them."""
    items = "items" if smallest == SHARE else "mean"
    return Claim(
        name, measure=measure, more_than=0.0, smallest=smallest, **{"role": "sentence", "interval": items, **more}
    )


CLAIMS = (
    claim(
        "complexity-overfits/does-well-on-training-data", below_simple("validation_loss", number("train_loss")), NATS
    ),
    claim(
        "complexity-overfits/fewer-training-mistakes",
        below_simple("validation_true_error", number("train_error")),
        SHARE,
        interval="mean",  # each seed has training images of its own
    ),
    claim("complexity-overfits/worse-on-new-data", above_simple("validation_loss", number("test_loss")), NATS),
    claim(
        "complexity-overfits/more-wrong-answers",
        above_simple("validation_true_error", wrong("test_true_right")),
        SHARE,
    ),
    claim("complexity-overfits/gap", above_simple("validation_loss", gap), NATS),
    claim("complexity-overfits/more-data", shrunk_by_data, NATS, role="limit"),
    Claim(
        "complexity-overfits/stopped-in-time",
        role="limit",
        measure=above_simple("stopped_validation_true_error", wrong("stopped_true_right")),
        at_most=SHARE,
        interval="items",
    ),
    claim("early-stopping/loss", by_stopping(number("test_loss"), number("stopped_loss")), NATS),
    claim("early-stopping/error", by_stopping(wrong("test_true_right"), wrong("stopped_true_right")), SHARE),
    claim("early-stopping/weight-decay", stopping_or_decay, SHARE, role="control"),
    Claim(
        "learns-by-heart/training",
        role="sentence",
        measure=lambda results: 1 - results.series("random labels", "train_error"),
        at_least=KNOWN,
        interval="median",  # it is capped: every seed may reach 1
    ),
    Claim(
        "learns-by-heart/chance",
        role="control",
        measure=lambda results: results.items("random labels", "test_true_right"),
        at_least=CHANCE[0],
        at_most=CHANCE[1],
        interval="items",
    ),
    Claim("double-descent/features-interpolate", role="identity", kind="exact", measure=largest_residual, at_most=1e-6),
    Claim("double-descent/networks-interpolate", role="identity", measure=networks_known, at_least=KNOWN),
    claim("double-descent/features-rise", lambda results: falls(of_features(results), "threshold", "valley"), SHARE),
    claim("double-descent/features-fall", lambda results: falls(of_features(results), "threshold", "beyond"), SHARE),
    claim("double-descent/networks-rise", lambda results: falls(of_networks(results), "threshold", "valley"), SHARE),
    claim("double-descent/networks-fall", lambda results: falls(of_networks(results), "threshold", "beyond"), SHARE),
    claim(
        "larger-is-better/clean-features",
        lambda results: falls(of_features(results, "clean"), "valley", "beyond"),
        SHARE,
    ),
    claim("larger-is-better/noisy-features", lambda results: falls(of_features(results), "valley", "beyond"), SHARE),
    claim("larger-is-better/networks", lambda results: falls(of_networks(results), "valley", "beyond"), SHARE),
    Claim("ridge-flattens-the-peak", role="sentence", measure=peak_left, at_most=MOST),
)
