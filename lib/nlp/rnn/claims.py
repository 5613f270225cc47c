"""Measures of the rnn lab's claims: functions of its trials' results.

At 20 steps back a gradient has vanished where less than a thousandth of its size remains, and is kept where a hundredth
or more does. Sizes are compared by their logarithms, so means are geometric.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lib.harness.contract.claim import Claim, InconclusiveError, require_trained
from lib.harness.contract.claim import largest as largest_of
from lib.harness.contract.results import Results
from lib.harness.contract.series import Series
from lib.nlp.rnn import lags as rnn_lags

LAG = 20
VANISHED, KEPT = -3.0, -2.0
"""log10 of the fraction that remains at that lag."""
TWICE, HALF_AS_FAR = float(np.log10(2)), float(np.log2(1.5))
"""The smallest differences that count, factors on a log scale: twice the gradient, as starts scatter by a factor of 2;
half as far again, as the distances are doubled each time."""
TENFOLD = 1.0
"""log10: what has become ten times as large explodes."""
USED = 0.05
"""Nats that context gains at least: a twentieth of what the second letter alone tells of English."""


def remaining(name: str, lag: int = LAG) -> Callable[[Results], Series]:
    """log10 of the gradient's size at `lag` over that at lag 0, of a start: (seeds,)."""
    return lambda results: results.series("start", "gradient").map(lambda gradients: np.log10(gradients[name][lag]))


def per_step(name: str) -> Callable[[Results], Series]:
    """The factor by which one step further back multiplies the gradient, of a start: (seeds,)."""
    return lambda results: results.series("start", "factor").map(lambda factors: factors[name])


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


def doublings(task: str, network: str) -> Callable[[Results], Series]:
    """The number of doublings by which `network` learns further than the vanilla network: (seeds,).

    A network that learns no distance counts as if it had learned half of the shortest; one that learns all, as the
    longest: it is censored there.

    Raises:
        InconclusiveError: neither has learned any distance.
    """

    def measure(results: Results) -> Series:
        floor = min(results.of(f"{task}/rnn")[0].trial.config.distances) / 2
        reaches = (results.series(f"{task}/{name}", "reach") for name in (network, "rnn"))
        gated, vanilla = (reach.map(lambda distance: np.log2(max(distance, floor))) for reach in reaches)
        if not np.any(np.maximum(gated, vanilla) > np.log2(floor)):
            raise InconclusiveError("neither network has learned the shortest distance: train them longer")
        return gated - vanilla

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
        require_text_learned(results, network)
        gated, vanilla = (results.series(f"text/{name}", "gradient")[:, LAG] for name in (network, "rnn"))
        return (gated / vanilla).map(np.log10)

    return measure


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
    Claim(
        "gates-keep-it/text-lstm", role="sentence", measure=text_more("lstm forget 1"), more_than=0.0, smallest=TWICE
    ),
    Claim("gates-keep-it/text-gru", role="sentence", measure=text_more("gru"), more_than=0.0, smallest=TWICE),
    Claim(
        "learns-far/orthogonal",
        role="control",
        measure=doublings("adding", "rnn orthogonal"),
        more_than=0.0,
        smallest=HALF_AS_FAR,
        interval="median",
    ),
    Claim(
        "learns-far/lstm",
        role="sentence",
        measure=doublings("adding", "lstm forget 1"),
        more_than=0.0,
        smallest=HALF_AS_FAR,
        interval="median",
    ),
    Claim(
        "learns-far/gru",
        role="sentence",
        measure=doublings("adding", "gru"),
        more_than=0.0,
        smallest=HALF_AS_FAR,
        interval="median",
    ),
    Claim(
        "undisturbed-is-easy",
        role="sentence",
        measure=lambda results: results.series("copy/rnn", "reach"),
        at_least=20,
        interval="median",
    ),
)
