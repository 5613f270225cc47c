"""What the rnn lab measures for the lecture's sentences: functions of its trials' results.

At 20 steps back a gradient has vanished where less than a thousandth of its size is left, and is kept where a hundredth
or more is. Sizes are compared by their logarithms, so means are geometric.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lib.harness.contract.claim import Claim
from lib.harness.contract.results import Results
from lib.nlp.rnn import lags as rnn_lags

LAG = 20
VANISHED, KEPT = -3.0, -2.0
"""log10 of what is left at that lag."""


def left(name: str, lag: int = LAG) -> Callable[[Results], np.ndarray]:
    """log10 of the gradient's size at `lag` over that at lag 0, of a start: (seeds,)."""

    def measure(results: Results) -> np.ndarray:
        return np.log10([found[name][lag] for found in results.values("start", "gradient")])

    return measure


def per_step(name: str) -> Callable[[Results], np.ndarray]:
    """What one step further back leaves, of a start: (seeds,)."""
    return lambda results: np.array([found[name] for found in results.values("start", "factor")])


def theory_deviation(results: Results) -> np.ndarray:
    """The largest difference of the orthogonal starts' factors from theory, over the radii: (seeds,)."""
    config = results.of("start")[0].trial.config
    variance = rnn_lags.torch_input_variance(config.inputs, config.units)
    pairs = [(f"orthogonal {g:g}", rnn_lags.theory(g, variance)) for g in config.radii]
    return np.asarray(np.max([np.abs(per_step(name)(results) - theory) for name, theory in pairs], axis=0))


def largest(measurement: str) -> Callable[[Results], float]:
    """The largest of a measurement at the start, over seeds."""
    return lambda results: float(results.values("start", measurement).max())


def doublings(task: str, network: str) -> Callable[[Results], np.ndarray]:
    """By how many doublings `network` learns further than the vanilla network: (seeds,).

    A network that learns no distance counts as if it had learned half of the shortest; one that learns all, as the
    longest: it is censored there.
    """

    def measure(results: Results) -> np.ndarray:
        ours, vanilla = (results.series(f"{task}/{name}", "reach") for name in (network, "rnn"))
        floor = min(results.of(f"{task}/rnn")[0].trial.config.distances) / 2
        return np.asarray(np.log2(np.maximum(ours, floor)) - np.log2(np.maximum(vanilla, floor)))

    return measure


def reach(task: str, network: str) -> Callable[[Results], np.ndarray]:
    """The largest distance learned: (seeds,)."""
    return lambda results: results.values(f"{task}/{network}", "reach").astype(float)


def text_left(network: str) -> Callable[[Results], np.ndarray]:
    """log10 of what is left at the lag after text has been learned: (seeds,)."""
    return lambda results: np.log10(results.values(f"text/{network}", "gradient")[:, LAG])


def text_more(network: str) -> Callable[[Results], np.ndarray]:
    """The same relative to the vanilla network: (seeds,)."""

    def measure(results: Results) -> np.ndarray:
        ours, vanilla = (results.series(f"text/{name}", "gradient")[:, LAG] for name in (network, "rnn"))
        return np.asarray(np.log10(ours / vanilla))

    return measure


_LEFT = f"log10 of the size left at {LAG} steps"
_START = "the loss is at the last step only; sizes are of its gradients by the inputs, as the states differ in kind"
_FAR = "fresh networks of equal size by distance, from near to far; clipped gradients; judged on test sequences"
CLAIMS = (
    Claim(
        "bptt-vanishes/chain-rule",
        statement=(
            "states and gradients of the network by hand are torch's: back-propagation through time is the chain rule"
        ),
        kind="exact",
        measure=lambda results: max(largest("output_deviation")(results), largest("gradient_deviation")(results)),
        unit="largest difference",
        at_most=1e-10,
        note="float64; all weights, biases and inputs; torch.nn.RNN at its own start",
    ),
    Claim(
        "bptt-vanishes/differences",
        statement="and they are what finite differences of the loss say",
        kind="exact",
        measure=largest("difference_deviation"),
        unit="relative difference",
        at_most=1e-5,
        note="central differences along a random direction of all weights",
    ),
    Claim(
        "bptt-vanishes/at-start",
        statement=f"a vanilla network's gradient has vanished {LAG} steps back: less than a thousandth is left",
        measure=left("rnn"),
        unit=_LEFT,
        at_most=VANISHED,
        note=_START,
    ),
    Claim(
        "bptt-vanishes/factor",
        statement="each step back leaves a little more than half of it",
        measure=per_step("rnn"),
        unit="factor per step",
        at_least=0.5,
        at_most=0.6,
        note="by theory at most the recurrent matrix's 1/sqrt(3) = 0.58, and 0.54 with the derivative of tanh",
    ),
    Claim(
        "bptt-vanishes/after-learning",
        statement=(
            "it is still so when the network has learned to guess Jane Austen's next character: "
            f"{LAG} characters back less than a thousandth is left"
        ),
        measure=text_left("rnn"),
        unit=_LEFT,
        at_most=VANISHED,
        note="of the guess of a character of validation text, by the characters before it",
    ),
    Claim(
        "not-every-start/orthogonal",
        statement="it does not vanish so soon with an orthogonal recurrent matrix: a hundredth or more is left",
        measure=left("orthogonal 1"),
        unit=_LEFT,
        at_least=KEPT,
        note=_START,
    ),
    Claim(
        "not-every-start/explodes",
        statement="it explodes where the recurrent matrix has a spectral radius of 3: more than tenfold",
        measure=left("normal 3"),
        unit=_LEFT,
        at_least=1.0,
        note=f"independent normal weights; {_START}",
    ),
    Claim(
        "not-every-start/theory",
        statement="theory says the factor of each: radius times the derivative of tanh",
        measure=theory_deviation,
        unit="largest difference",
        at_most=0.05,
        note="orthogonal matrices times 0.5 to 3; mean field theory for many units (Poole et al. 2016)",
    ),
    Claim(
        "gates-keep-it/lstm",
        statement=f"an LSTM as torch starts it keeps a hundredth or more {LAG} steps back",
        measure=left("lstm 0"),
        unit=_LEFT,
        at_least=KEPT,
        note=f"its forget gate is half open; {_START}",
    ),
    Claim(
        "gates-keep-it/gru",
        statement="a GRU as torch starts it does",
        measure=left("gru 0"),
        unit=_LEFT,
        at_least=KEPT,
        note=f"its update gate is half open; {_START}",
    ),
    Claim(
        "gates-keep-it/forget-bias",
        statement="an LSTM whose forget gate starts with a bias of 1 does",
        measure=left("lstm 1"),
        unit=_LEFT,
        at_least=KEPT,
        note=_START,
    ),
    Claim(
        "gates-keep-it/text-lstm",
        statement=(
            "after learning text an LSTM (forget bias 1) hears more than a vanilla "
            "network of what is 20 characters back"
        ),
        measure=text_more("lstm forget 1"),
        unit="log10 of the ratio of what is left",
        at_least=0.0,
    ),
    Claim(
        "gates-keep-it/text-gru",
        statement="after learning text a GRU does, too",
        measure=text_more("gru"),
        unit="log10 of the ratio of what is left",
        at_least=0.0,
    ),
    *(
        Claim(
            f"learns-far/{part}",
            statement=(
                f"{name} learns to add two numbers that are farther apart than a "
                "vanilla network as torch starts it does"
            ),
            measure=doublings("adding", network),
            unit="doublings of the distance",
            at_least=0.58,
            note=f"half as far again, or more, in the mean; {_FAR}",
        )
        for part, network, name in (
            ("orthogonal", "rnn orthogonal", "a vanilla network with an orthogonal start"),
            ("lstm", "lstm forget 1", "an LSTM (forget bias 1)"),
            ("gru", "gru", "a GRU"),
        )
    ),
    Claim(
        "undisturbed-is-easy",
        statement="where nothing but blanks comes in between, a vanilla network does learn over 20 steps",
        measure=reach("copy", "rnn"),
        unit="steps",
        at_least=20,
        note=f"a thousandth of the gradient is enough where nothing drowns it, as Adam evens out sizes; {_FAR}",
    ),
)
