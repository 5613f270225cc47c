"""Measures of the dropout lab for the lecture's sentences: functions of its trials' results.

How simple the network is, and what dropout is worth beyond fitting less, is asked at *equal fit*: the network without
dropout is stopped at the training loss that the one with dropout ends with. How much better it recognises new digits is
asked best against best: each network stopped at its lowest validation loss, the strengths of dropout and of the weight
decay chosen for each seed by the other seeds' validation pictures. Losses are of noisy labels, accuracies of the true
digits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lib.harness.contract.claim import Claim, InconclusiveError, require_trained
from lib.harness.contract.claim import largest as largest_of
from lib.harness.contract.claim import smallest as smallest_of
from lib.harness.contract.results import Results
from lib.harness.contract.series import Series, align
from lib.models.chosen import of_the_chosen

EQUAL_FIT = "without/equal fit"
"""The variant without dropout that ends at the training loss of the one with it."""
TENTH = 0.1
"""The smallest share of a gap, a rank, a length or a slope whose loss counts: about what another start of the same
network changes in them, so that less would say nothing of any one network."""
SHARE = 0.01
"""The smallest difference of an accuracy that counts: one picture in a hundred, the standard error on the 500 test
pictures of a difference between networks that answer one in twenty differently, so that less could not be told from
other pictures."""
NATS = 0.1
"""The smallest difference of a loss that counts: the probability that is given to the label changes by a tenth."""
TRAINED = 0.3
"""Test accuracy from which on a network has learned: three times chance."""
FIT = 1.5
"""The largest ratio of two training losses that count as an equal fit: one epoch may change a loss by a third."""


def pair(results: Results, measurement: str, prefix: str = "") -> tuple[Series, Series]:
    """A measurement without and with dropout, over the seeds that both arms have: (seeds, …) each."""
    without, with_dropout = align(*(results.series(f"{prefix}{arm}", measurement) for arm in ("without", "with")))
    return without, with_dropout


def gaps(results: Results, prefix: str = "") -> tuple[Series, Series]:
    """Test loss less training loss, both for noisy labels, without and with dropout: (seeds,) each."""
    test, train = (pair(results, f"{split}_loss", prefix) for split in ("test", "train"))
    return test[0] - train[0], test[1] - train[1]


def gap_left(results: Results) -> Series:
    """The share of the gap that is left with dropout: (seeds,). It may be negative, so it has no logarithm.

    Raises:
        InconclusiveError: without dropout there is no gap to narrow.
    """
    without, with_dropout = gaps(results)
    require_trained("the gap without dropout", without, NATS)
    return with_dropout / without


def right(results: Results, variant: str, when: str = "test") -> Series:
    """Test digits that a network recognises at the end (`test`) or at its best (`stopped`): (seeds, pictures).

    Raises:
        InconclusiveError: it has not learned anything.
    """
    return _learned(results.items(variant, f"{when}_true_right"), f"'{variant}'")


def _learned(found: Series, name: str) -> Series:
    """The same recognised digits (seeds, pictures); `InconclusiveError` where they are hardly more than chance."""
    require_trained(f"the test accuracy of {name}", found.mean(axis=1), TRAINED)
    return found


def dropouts(results: Results) -> list[str]:
    """The variants with dropout on noisy labels, one for each strength."""
    return ["with", *results.variants("rate/")]


def decays(results: Results) -> list[str]:
    """The variants with a weight decay, one for each strength."""
    return results.variants("decay/")


def best(results: Results, variants: list[str], measurement: str, by: str = "stopped_validation_true_error") -> Series:
    """A measurement of the strength that each seed is assigned, the other seeds' best: (seeds, …).

    Args:
        variants: to choose from.
        measurement: what is wanted of the chosen one; by picture if its name ends in ``right``.
        by: on validation pictures, the very measure that is judged, so that dropout meets its strongest peer.
    """

    def read(results: Results, variant: str) -> Series:
        of_pictures = measurement.endswith("right")
        return results.items(variant, measurement) if of_pictures else results.series(variant, measurement)

    return of_the_chosen(results, variants, by, read)


def right_of_the_best(results: Results, variants: list[str], name: str) -> Series:
    """Test digits that the best of these networks, called by this name, recognises stopped in time: (seeds, pictures).

    Raises:
        InconclusiveError: it has not learned anything.
    """
    return _learned(best(results, variants, "stopped_true_right"), name)


def gain_at_the_end(results: Results, prefix: str = "") -> Series:
    """Test digits that dropout adds when both are trained equally long: (seeds, pictures)."""
    return right(results, f"{prefix}with") - right(results, f"{prefix}without")


def gain_of_the_best(results: Results) -> Series:
    """Test digits that dropout at its best adds to the network without at its best: (seeds, pictures)."""
    return right_of_the_best(results, dropouts(results), "the best dropout") - right(results, "without", "stopped")


def loss_of_the_best(results: Results) -> Series:
    """The decrease of the test loss from the network without at its best to dropout at its best: (seeds,)."""
    gain_of_the_best(results)  # only if the networks have learned
    dropped = best(results, dropouts(results), "stopped_loss", "stopped_validation_loss")
    return results.series("without", "stopped_loss") - dropped


def instead_of_stopping(results: Results) -> Series:
    """Test digits that the best dropout, trained to the end, adds to stopping in time without it: (seeds, pictures)."""
    to_the_end = best(results, dropouts(results), "test_true_right", "validation_true_error")
    return _learned(to_the_end, "the best dropout") - right(results, "without", "stopped")


def above_weight_decay(results: Results) -> Series:
    """Test digits that dropout at its best adds to a weight decay at its best: (seeds, pictures)."""
    decayed = right_of_the_best(results, decays(results), "the best weight decay")
    return right_of_the_best(results, dropouts(results), "the best dropout") - decayed


def require_equal_fit(results: Results) -> None:
    """See that both networks have learned, and that the one without dropout was stopped near the other's training loss.

    Raises:
        InconclusiveError: one has not learned, or it never came so low, or passed that loss within one epoch.
    """
    for variant in ("with", EQUAL_FIT):
        right(results, variant)
    losses = results.series(EQUAL_FIT, "train_loss") / results.series("with", "train_loss")
    if not 1 / FIT <= smallest_of(losses) <= largest_of(losses) <= FIT:
        raise InconclusiveError("without dropout no epoch ended near the training loss with it: train longer or slower")


def gain_at_equal_fit(results: Results) -> Series:
    """Test digits that dropout adds to the network without, stopped at the same training loss: (seeds, pictures)."""
    require_equal_fit(results)
    return right(results, "with") - right(results, EQUAL_FIT)


def ratio(results: Results, measurement: str, without: str = EQUAL_FIT) -> Series:
    """A measurement with dropout over that without: (seeds,)."""
    return results.series("with", measurement) / results.series(without, measurement)


def at_equal_fit(measurement: str) -> Callable[[Results], Series]:
    """Return the measure of a ratio between networks that fit equally well."""

    def measure(results: Results) -> Series:
        require_equal_fit(results)
        return ratio(results, measurement)

    return measure


def largest(*measurements: str) -> Callable[[Results], float]:
    """The largest of these measurements over the seeds, with dropout."""
    return lambda results: largest_of(results.values("with", name) for name in measurements)


def simpler(part: str, measurement: str, **more: Any) -> Claim:
    """A claim that a measurement is smaller with dropout, at equal fit."""
    return Claim(
        f"dropout-simplifies/{part}",
        measure=at_equal_fit(measurement),
        less_than=1.0,
        smallest=TENTH,
        interval="log-mean",
        **{"role": "sentence", **more},
    )


def better(name: str, measure: Callable[[Results], Series], **more: Any) -> Claim:
    """A claim that dropout recognises more test digits."""
    given: dict[str, Any] = {"role": "sentence", "smallest": SHARE, "interval": "items", **more}
    return Claim(name, measure=measure, more_than=0.0, **given)


CLAIMS = (
    simpler("rank", "effective_rank"),
    simpler("norm", "norm"),
    simpler("input-gradient", "input_gradient"),
    simpler("sensitivity", "sensitivity"),
    simpler("stable-rank", "stable_rank", role="control"),
    simpler("participation-ratio", "participation_ratio", role="control"),
    Claim("dropout-narrows-gap/gap", role="sentence", measure=gap_left, less_than=1.0, smallest=TENTH),
    better("dropout-narrows-gap/accuracy", gain_of_the_best),
    better("dropout-narrows-gap/loss", loss_of_the_best, role="control", smallest=NATS, interval="mean"),
    better("dropout-narrows-gap/to-the-end", gain_at_the_end, role="control"),
    better("dropout-narrows-gap/instead-of-stopping", instead_of_stopping, role="control"),
    better("dropout-narrows-gap/weight-decay", above_weight_decay, role="control"),
    Claim(
        "dropout-narrows-gap/expected-value",
        role="identity",
        kind="exact",
        measure=largest("mean_deviation", "variance_deviation"),
        at_most=1e-12,  # float64 and sums of 1,024 terms
    ),
    Claim(
        "dropout-narrows-gap/expected-value-framework",
        role="identity",
        measure=lambda results: results.values("with", "mean_ratio"),
        at_least=0.99,
        at_most=1.01,  # four standard errors of the mean of 200,000 draws at p = 0.5
    ),
    Claim(
        "dropout-narrows-gap/identity-at-evaluation",
        role="identity",
        kind="exact",
        measure=largest("evaluation_deviation"),
        at_most=0.0,
    ),
    better("more-than-slower-learning", gain_at_equal_fit),
    better(
        "clean-labels-hide-it", lambda results: gain_at_the_end(results) - gain_at_the_end(results, "clean labels/")
    ),
)
