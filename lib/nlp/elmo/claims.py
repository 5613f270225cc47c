"""What the ELMo lab measures for the lecture's sentences: functions of its trials' results."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lib.harness.contract.claim import Claim, InconclusiveError
from lib.harness.contract.results import Results

CLEARLY = 0.03
"""An accuracy counts as higher when it is so by three occurrences in a hundred."""


def accuracies(results: Results, name: str, measurement: str = "accuracy") -> np.ndarray:
    """Accuracy on one kind of vector: (seeds,)."""
    return np.array([r.measurements[measurement][name] for r in results.of("biLM")])


def gain(better: str, worse: str, measurement: str = "accuracy") -> Callable[[Results], np.ndarray]:
    """By how much the probe is right more often on one kind of vector than on another: (seeds,)."""
    return lambda results: accuracies(results, better, measurement) - accuracies(results, worse, measurement)


def gain_of_first_layer(results: Results) -> np.ndarray:
    """Accuracy on the first layer less that on the last: (seeds,).

    Raises:
        LookupError: there is only one layer.
    """
    last = max(name for name in results.of("biLM")[0].measurements["accuracy"] if name.startswith("layer "))
    if last == "layer 1":
        raise LookupError("one layer alone cannot be compared")
    return gain("layer 1", last)(results)


def cosine(results: Results) -> np.ndarray:
    """Mean cosine of two occurrences of a word, same tag or not, at the layer where it is nearest to 1: (seeds,)."""
    both = [
        (np.asarray(r.measurements["cosine_same"]) + np.asarray(r.measurements["cosine_different"])) / 2
        for r in results.of("biLM")
    ]
    return np.array([each[1:].max() for each in both])


def tag_moves_the_vector(results: Results) -> np.ndarray:
    """Cosine with the same tag less that with another, mean over the layers but the static one: (seeds,).

    Raises:
        InconclusiveError: the network tells the part of speech hardly better than untrained.
    """
    if gain("mix", "untrained")(results).mean() < CLEARLY:
        raise InconclusiveError("the network has hardly learned to tell parts of speech: train it longer")
    same, different = (results.values("biLM", name) for name in ("cosine_same", "cosine_different"))
    return np.asarray((same - different)[:, 1:].mean(axis=1))


_TEST = "occurrences of ambiguous words in test sentences, read once, at the end; linear probe; paired over seeds"
CLAIMS = (
    Claim(
        "context-changes-vectors/part-of-speech",
        statement=(
            "the part of speech of an ambiguous word is told more often by vectors "
            "from context than by one for each word"
        ),
        measure=gain("mix", "static"),
        unit="accuracy gained",
        at_least=CLEARLY,
        note=f"the model's layers mixed against its own word embeddings; {_TEST}",
    ),
    Claim(
        "context-changes-vectors/mean-of-contexts",
        statement="it is the context: the mean of the same vectors over a word's occurrences tells it less often",
        measure=gain("mix", "mean"),
        unit="accuracy gained",
        at_least=CLEARLY,
        note=_TEST,
    ),
    Claim(
        "context-changes-vectors/new-words",
        statement="it holds for words too that the probe has not learned from",
        measure=gain("mix", "static", "new_words"),
        unit="accuracy gained",
        at_least=CLEARLY,
        note=f"words dealt into four parts, each asked of a probe that learned the others; mean over words; {_TEST}",
    ),
    Claim(
        "context-changes-vectors/static-is-one",
        statement="the vector that a word has before context is the same in every sentence",
        kind="exact",
        measure=lambda results: float(results.values("biLM", "static_spread").max()),
        unit="largest difference",
        at_most=0.0,
        note="equal to the last bit, so the cosine of two occurrences is 1",
    ),
    Claim(
        "context-changes-vectors/cosine",
        statement="in two contexts a word has two vectors: their cosine is below 1",
        measure=cosine,
        unit="mean cosine",
        at_most=0.99,
        note="two occurrences of one ambiguous word; the layer whose cosine is nearest to 1",
    ),
    Claim(
        "meaning-moves-the-vector",
        statement="two occurrences of a word are more alike when it is the same part of speech",
        measure=tag_moves_the_vector,
        unit="difference of mean cosines",
        at_least=0.02,
        note="mean over ambiguous words and layers",
    ),
    Claim(
        "learned-not-built-in",
        statement=(
            "what it knows is learned: the same network untrained, which sees the context too, tells it less often"
        ),
        measure=gain("mix", "untrained"),
        unit="accuracy gained",
        at_least=CLEARLY,
        note=_TEST,
    ),
    Claim(
        "syntax-sits-low",
        statement="of the two layers the first tells the part of speech at least as often as the last",
        measure=gain_of_first_layer,
        unit="accuracy gained",
        at_least=0.0,
        note=f"Peters et al. 2018, section 5.3: 97.3 and 96.8 % of all words there; {_TEST}",
    ),
    Claim(
        "the-mixture-is-a-mean",
        statement="the weights with which the layers are mixed sum to 1",
        kind="exact",
        measure=lambda results: float(np.abs(results.values("biLM", "mixture_sum") - 1).max()),
        unit="largest deviation",
        at_most=1e-12,
        note="softmax of learned numbers",
    ),
)
