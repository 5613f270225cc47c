"""Measures of the ELMo lab's claims: functions of its trials' results."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lib.harness.contract.claim import Claim, InconclusiveError
from lib.harness.contract.results import Results
from lib.harness.contract.series import Series

CLEARLY = 0.03
"""An accuracy counts as higher when it is so by three occurrences in a hundred."""
LAYER = 0.01
"""Between layers one in a hundred counts: Peters et al. report half a point, over words that are mostly unambiguous."""


def accuracies(results: Results, name: str, measurement: str = "accuracy") -> Series:
    """Accuracy on one kind of vector: (seeds,)."""
    return results.series("biLM", measurement).map(lambda by_kind: by_kind[name])


def gain(better: str, worse: str, measurement: str = "accuracy") -> Callable[[Results], Series]:
    """The accuracy of the probe (or another measurement) on one kind of vector minus that on another: (seeds,)."""
    return lambda results: accuracies(results, better, measurement) - accuracies(results, worse, measurement)


def require_learned(results: Results) -> None:
    """Raises `InconclusiveError` where the network tells the part of speech hardly better than untrained."""
    if not gain("mix", "untrained")(results).mean() >= CLEARLY:
        raise InconclusiveError("the network has hardly learned to tell parts of speech: train it longer")


def gain_of_first_layer(results: Results) -> Series:
    """Accuracy on the first layer less that on the last: (seeds,).

    Raises:
        LookupError: there is only one layer.
        InconclusiveError: the network tells the part of speech hardly better than untrained.
    """
    last = max(name for name in results.of("biLM")[0].measurements["accuracy"] if name.startswith("layer "))
    if last == "layer 1":
        raise LookupError("one layer alone cannot be compared")
    require_learned(results)
    return gain("layer 1", last)(results)


def cosine(results: Results) -> Series:
    """Mean cosine of two occurrences of a word, same tag or not, at the layer where it is nearest to 1: (seeds,)."""
    same, different = (results.series("biLM", name) for name in ("cosine_same", "cosine_different"))
    mean: Series = ((same + different) / 2)[:, 1:].max(axis=1)
    return mean


def tag_moves_the_vector(results: Results) -> Series:
    """Cosine with the same tag less that with another, mean over the layers but the static one: (seeds,).

    Raises:
        InconclusiveError: the network tells the part of speech hardly better than untrained.
    """
    require_learned(results)
    same, different = (results.series("biLM", name) for name in ("cosine_same", "cosine_different"))
    mean: Series = (same - different)[:, 1:].mean(axis=1)
    return mean


CLAIMS = (
    Claim(
        "context-changes-vectors/part-of-speech",
        role="sentence",
        measure=gain("mix", "static"),
        more_than=0.0,
        smallest=CLEARLY,
    ),
    Claim(
        "context-changes-vectors/mean-of-contexts",
        role="control",
        measure=gain("mix", "mean"),
        more_than=0.0,
        smallest=CLEARLY,
    ),
    Claim(
        "context-changes-vectors/new-words",
        role="control",
        measure=gain("mix", "static", "new_words"),
        more_than=0.0,
        smallest=CLEARLY,
    ),
    Claim(
        "context-changes-vectors/static-is-one",
        role="identity",
        measure=lambda results: float(results.values("biLM", "static_spread").max()),
        kind="exact",
        at_most=0.0,
    ),
    Claim("context-changes-vectors/cosine", role="sentence", measure=cosine, at_most=0.99),
    Claim("meaning-moves-the-vector", role="sentence", measure=tag_moves_the_vector, more_than=0.0, smallest=0.02),
    Claim("learned-not-built-in", role="sentence", measure=gain("mix", "untrained"), more_than=0.0, smallest=CLEARLY),
    Claim("syntax-sits-low", role="sentence", measure=gain_of_first_layer, more_than=0.0, smallest=LAYER),
    Claim(
        "the-mixture-is-a-mean",
        role="sentence",
        measure=lambda results: float(np.abs(results.values("biLM", "mixture_sum") - 1).max()),
        kind="exact",
        at_most=1e-12,
    ),
)
