"""Measures of the rnn lab's claims: functions of its trials' results.

At 20 steps back a gradient has vanished where less than a thousandth of its size remains, and is kept where a hundredth
or more does. A signal that is a fraction f of the noise beside it shows in the mean of about 1/f² sequences: 10,000 for
a hundredth, which a training here sees many times over, and a million for a thousandth, which it never sees. Sizes are
compared by their logarithms, so means are geometric.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from lib.harness.contract.claim import Claim, InconclusiveError, Role, require_trained
from lib.harness.contract.claim import largest as largest_of
from lib.harness.contract.results import Results
from lib.harness.contract.series import Series, align
from lib.nlp.rnn import lags as rnn_lags

LAG = 20
SEARCHED = 20
"""The distance at which settings are searched: learned with some and not with others."""
VANISHED, KEPT = -3.0, -2.0
"""log10 of the fraction that remains at that lag."""
TWICE = float(np.log10(2))
"""log10 of the smallest ratio of gradients that counts: twice, as single starts scatter by a factor of 2."""
DOUBLING = 1.0
"""The smallest gain in distance that counts: one doubling, as distances are doubled each time."""
SOONER = 1.0
"""The smallest gain in steps, above a ratio of 1: half of them, as starts scatter by less than a factor of 2."""
TENFOLD = 1.0
"""log10 of the smallest growth over 20 steps that counts: tenfold is 10,000 times over the 80 of the longest task."""
USED = 0.05
"""Nats that context gains at least: a twentieth of what the second letter alone tells of English."""


def remaining(name: str, lag: int = LAG) -> Callable[[Results], Series]:
    """log10 of the gradient's size at `lag` over that at lag 0, of a start: (seeds,)."""
    return lambda results: results.series("start", "gradient").map(
        lambda gradients: np.log10(_of_start(gradients, name)[lag])
    )


def per_step(name: str) -> Callable[[Results], Series]:
    """The factor by which one step further back multiplies the gradient, of a start: (seeds,)."""
    return lambda results: results.series("start", "factor").map(lambda factors: _of_start(factors, name))


def _of_start(measured: Mapping[str, Any], name: str) -> Any:
    """Measurement of a start. Raises `InconclusiveError` where the settings leave it out."""
    if name not in measured:
        raise InconclusiveError(f"no start '{name}' was measured: add it to radii or biases")
    return measured[name]


def theory_deviation(results: Results) -> Series:
    """The largest difference of the orthogonal starts' factors from theory, over the radii: (seeds,)."""
    config = results.of("start")[0].trial.config
    variance = rnn_lags.torch_input_variance(config.inputs, config.units)
    pairs = [(f"orthogonal {g:g}", rnn_lags.theory(g, variance)) for g in config.radii]
    deviations: Series = np.max([abs(per_step(name)(results) - theory) for name, theory in pairs], axis=0)
    return deviations


def largest(measurement: str) -> Callable[[Results], float]:
    """The largest of a measurement at the start, over seeds."""
    return lambda results: float(results.values("start", measurement).max())


def doublings(task: str, network: str, other: str = "rnn") -> Callable[[Results], Series]:
    """The number of doublings of the distance by which one network learns further than the other: (seeds,).

    A network that learns no distance counts as if it had learned half of the shortest; one that learns all, as the
    longest: it is censored there.

    Raises:
        InconclusiveError: neither has learned any distance.
    """

    def measure(results: Results) -> Series:
        floor = min(results.of(f"{task}/{other}")[0].trial.config.distances) / 2
        reaches = (results.series(f"{task}/{name}", "reach") for name in (network, other))
        further, nearer = (reach.map(lambda distance: np.log2(max(distance, floor))) for reach in reaches)
        if not np.any(np.maximum(further, nearer) > np.log2(floor)):
            raise InconclusiveError("neither network has learned the shortest distance: train them longer")
        return further - nearer

    return measure


def steps_at(results: Results, variant: str, distance: int) -> Series:
    """Steps until each seed has learned a distance; infinite for one that has not: (seeds,).

    Raises:
        InconclusiveError: the distance is none of the run's.
    """
    trials = results.of(variant)
    if distance not in trials[0].trial.config.distances:
        raise InconclusiveError(f"no network was trained over {distance} steps: add {distance} to the distances")
    return Series([r.trial.seed for r in trials], [_steps_of(r.measurements, distance) for r in trials])


def _steps_of(measured: Mapping[str, Any], distance: int) -> float:
    for tried, steps, learned in zip(measured["tried"], measured["steps"], measured["learned"], strict=True):
        if tried == distance and learned:
            return float(steps)
    return np.inf


def sooner(network: str) -> Callable[[Results], Series]:
    """Steps that the vanilla network needs for two numbers `SEARCHED` steps apart, over those of this one: (seeds,).

    Infinite where it alone does not learn that, 0 where it alone does, 1 where neither does.
    """

    def measure(results: Results) -> Series:
        own, vanilla = (steps_at(results, f"adding/{name}", SEARCHED) for name in (network, "rnn"))
        own, vanilla = align(own, vanilla)
        neither = np.isinf(own.values) & np.isinf(vanilla.values)
        if neither.all():
            raise InconclusiveError(f"neither network has learned {SEARCHED} steps: train them longer")
        return Series(own.seeds, np.where(neither, 1.0, vanilla.values) / np.where(neither, 1.0, own.values))

    return measure


def reached(task: str, network: str) -> Callable[[Results], Series]:
    """The largest distance that a network has learned: (seeds,). Raises `InconclusiveError` where there is none."""

    def measure(results: Results) -> Series:
        reaches = results.series(f"{task}/{network}", "reach")
        if not np.any(reaches):
            raise InconclusiveError("no seed has learned the shortest distance: train them longer")
        return reaches

    return measure


def require_text_learned(results: Results, network: str) -> None:
    """Raises `InconclusiveError` where a network gains nothing from what stands before: it has hardly learned text."""
    losses = results.series(f"text/{network}", "losses")
    require_trained("what the longest context gains over the shortest, in nats,", losses[:, 0] - losses[:, -1], USED)


def text_remaining(network: str) -> Callable[[Results], Series]:
    """log10 of the fraction of the gradient that remains at the lag after text has been learned: (seeds,).

    Raises:
        InconclusiveError: it has not been learned.
    """

    def measure(results: Results) -> Series:
        require_text_learned(results, network)
        return results.series(f"text/{network}", "gradient").map(lambda norms: np.log10(norms[LAG]))

    return measure


def text_more(network: str) -> Callable[[Results], Series]:
    """log10 of that fraction over the vanilla network's: (seeds,)."""

    def measure(results: Results) -> Series:
        for name in (network, "rnn"):
            require_text_learned(results, name)
        gated, vanilla = (results.series(f"text/{name}", "gradient")[:, LAG] for name in (network, "rnn"))
        return (gated / vanilla).map(np.log10)

    return measure


def _further(part: str, role: Role, measure: Callable[[Results], Series]) -> Claim:
    return Claim(f"learns-far/{part}", role=role, measure=measure, more_than=0.0, smallest=DOUBLING, interval="median")


def _sooner(kind: str) -> Claim:
    return Claim(
        f"learns-far/sooner-{kind}",
        role="control",
        measure=sooner(f"{kind} chrono"),
        more_than=1.0,
        smallest=SOONER,
        interval="median",
    )


CLAIMS = (
    Claim(
        "bptt-vanishes/chain-rule",
        role="identity",
        measure=lambda results: largest_of(largest(f"{name}_deviation")(results) for name in ("output", "gradient")),
        kind="exact",
        at_most=1e-10,
    ),
    Claim(
        "bptt-vanishes/differences",
        role="identity",
        measure=largest("difference_deviation"),
        kind="exact",
        at_most=1e-5,
    ),
    Claim("bptt-vanishes/at-start", role="sentence", measure=remaining("rnn"), at_most=VANISHED),
    Claim("bptt-vanishes/factor", role="identity", measure=per_step("rnn"), at_least=0.5, at_most=0.6),
    Claim("bptt-vanishes/after-learning", role="sentence", measure=text_remaining("rnn"), at_most=VANISHED),
    Claim("not-every-start/orthogonal", role="sentence", measure=remaining("orthogonal 1"), at_least=KEPT),
    Claim("not-every-start/explodes", role="sentence", measure=remaining("normal 3"), more_than=0.0, smallest=TENFOLD),
    Claim("not-every-start/theory", role="identity", measure=theory_deviation, at_most=0.05),
    Claim("gates-keep-it/lstm", role="sentence", measure=remaining("lstm 0"), at_least=KEPT),
    Claim("gates-keep-it/gru", role="sentence", measure=remaining("gru 0"), at_least=KEPT),
    Claim("gates-keep-it/forget-bias", role="condition", measure=remaining("lstm 1"), at_least=KEPT),
    Claim("gates-keep-it/chrono-lstm", role="condition", measure=remaining("lstm chrono"), at_least=KEPT),
    Claim("gates-keep-it/chrono-gru", role="condition", measure=remaining("gru chrono"), at_least=KEPT),
    Claim(
        "gates-keep-it/text-lstm", role="sentence", measure=text_more("lstm forget 1"), more_than=0.0, smallest=TWICE
    ),
    Claim("gates-keep-it/text-gru", role="sentence", measure=text_more("gru"), more_than=0.0, smallest=TWICE),
    _further("lstm", "sentence", doublings("adding", "lstm chrono")),
    _further("gru", "sentence", doublings("adding", "gru chrono")),
    _further("orthogonal", "control", doublings("adding", "rnn orthogonal")),
    _further("other-start", "control", doublings("adding", "lstm chrono", "lstm")),
    _sooner("lstm"),
    _sooner("gru"),
    Claim(
        "undisturbed-is-easy",
        role="sentence",
        measure=reached("copy", "rnn"),
        at_least=LAG,
        interval="median",
    ),
)
