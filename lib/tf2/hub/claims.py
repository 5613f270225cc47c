"""What the hub lab measures for the lecture's sentence: functions of its trials' results."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lib.harness.contract.claim import Claim
from lib.harness.contract.results import Results

SHARE = 0.01
"""An accuracy is higher when it is so by one picture in a hundred."""


def accuracies(results: Results, source: str, way: str) -> np.ndarray:
    """Test accuracies of a way with the module of a source: (seeds, shots)."""
    return np.array([r.measurements["accuracy"][way] for r in results.of(source)])


def gain(source: str, way: str, over: str) -> Callable[[Results], np.ndarray]:
    """The share of test pictures that one way recognises minus that of another, the mean over the shots: (seeds,)."""
    return lambda results: np.asarray(
        (accuracies(results, source, way) - accuracies(results, source, over)).mean(axis=1)
    )


def gain_shrinks(results: Results) -> np.ndarray:
    """The frozen module's gain over scratch with the fewest pictures minus that with the most: (seeds,)."""
    gains = accuracies(results, "letters", "frozen module") - accuracies(results, "letters", "from scratch")
    return np.asarray(gains[:, 0] - gains[:, -1])


def gain_of_few_kinds(results: Results) -> np.ndarray:
    """The gain over scratch of the frozen module of five kinds of clothes: (seeds,). LookupError: another one."""
    _made(results)
    return gain("clothes", "frozen module", "from scratch")(results)


def gain_by_source(results: Results) -> np.ndarray:
    """The gain over scratch of the frozen letters' module minus that of the clothes' module: (seeds,)."""
    return np.asarray(gain("letters", "frozen module", "from scratch")(results) - gain_of_few_kinds(results))


def _made(results: Results) -> Results:
    """The trials that have made their module; LookupError where it came from elsewhere."""
    made = [r for r in results if r.status == "FINISHED" and "doors" in r.measurements]
    if not made:
        raise LookupError("the module was not made here: there is nothing to compare it with")
    return Results(made)


def doors(results: Results) -> float:
    """The largest deviation of features through any door."""
    return float(np.max([list(r.measurements["doors"].values()) for r in _made(results)]))


def moved(results: Results) -> float:
    """The largest change of a weight in the training that changed the weights least."""
    return float(np.min([results.values(source, "moved").min() for source in results.variants()]))


def refused(results: Results) -> float:
    """The share of trials in which Keras 3 refused the layer, it was Keras 2's and not Keras 3's."""
    layers = [r.measurements["keras_layer"] for r in _made(results)]
    return float(np.mean([bool(one["error"]) and one["is_keras_2"] and not one["is_keras_3"] for one in layers]))


def deviation_in_keras_2(results: Results) -> float:
    """The largest deviation of features that the layer gives in a model of Keras 2."""
    return float(np.max([r.measurements["keras_layer"]["deviation"] for r in _made(results)]))


CLAIMS = (
    Claim(
        "reuse-a-module/beats-scratch",
        role="sentence",
        measure=gain("letters", "frozen module", "from scratch"),
        at_least=SHARE,
    ),
    Claim(
        "reuse-a-module/trained-on-beats-scratch",
        role="sentence",
        measure=gain("letters", "module trained on", "from scratch"),
        at_least=SHARE,
    ),
    Claim(
        "reuse-a-module/learned-features",
        role="control",
        measure=gain("letters", "frozen module", "frozen random"),
        at_least=SHARE,
    ),
    Claim("reuse-a-module/most-with-fewest", role="limit", measure=gain_shrinks, at_least=SHARE),
    Claim("reuse-a-module/same-features", role="identity", kind="exact", measure=doors, at_most=1e-5),
    Claim("reuse-a-module/trains-on", role="identity", kind="exact", measure=moved, at_least=1e-6),
    Claim("few-kinds-teach-little/no-gain", role="sentence", measure=gain_of_few_kinds, at_most=SHARE),
    Claim("few-kinds-teach-little/letters-gain-more", role="control", measure=gain_by_source, at_least=SHARE),
    Claim("keras-layer-is-keras-2/refused", role="sentence", kind="exact", measure=refused, at_least=1),
    Claim(
        "keras-layer-is-keras-2/works-there", role="control", kind="exact", measure=deviation_in_keras_2, at_most=1e-5
    ),
)
