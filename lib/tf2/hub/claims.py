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
    """By how much more of the test pictures a way recognises than another, the mean over the shots: (seeds,)."""
    return lambda results: np.asarray(
        (accuracies(results, source, way) - accuracies(results, source, over)).mean(axis=1)
    )


def gain_shrinks(results: Results) -> np.ndarray:
    """By how much the frozen module's gain over scratch is larger with the fewest pictures than with most: (seeds,)."""
    gains = accuracies(results, "letters", "frozen module") - accuracies(results, "letters", "from scratch")
    return np.asarray(gains[:, 0] - gains[:, -1])


def gain_of_few_kinds(results: Results) -> np.ndarray:
    """What the frozen module of five kinds of clothes gains over scratch: (seeds,). LookupError: it is another one."""
    _made(results)
    return gain("clothes", "frozen module", "from scratch")(results)


def gain_by_source(results: Results) -> np.ndarray:
    """By how much more the frozen letters' module gains over scratch than the one of clothes: (seeds,)."""
    return np.asarray(gain("letters", "frozen module", "from scratch")(results) - gain_of_few_kinds(results))


def _made(results: Results) -> Results:
    """The trials that have made their module; LookupError where it came from elsewhere."""
    found = [r for r in results if r.status == "FINISHED" and "doors" in r.measurements]
    if not found:
        raise LookupError("the module was not made here: there is nothing to compare it with")
    return Results(found)


def doors(results: Results) -> float:
    """The largest deviation of features through any door."""
    return float(max(max(r.measurements["doors"].values()) for r in _made(results)))


def refused(results: Results) -> float:
    """The share of trials in which Keras 3 refused the layer, it was Keras 2's and not Keras 3's."""
    found = [r.measurements["keras_layer"] for r in _made(results)]
    return float(np.mean([bool(f["error"]) and f["is_keras_2"] and not f["is_keras_3"] for f in found]))


_FEW = (
    "module of 274 printed letters, new kinds are the ten handwritten digits; test pictures read once; mean over the "
    "numbers of pictures; paired over seeds"
)
_CLOTHES = "module of five kinds of clothes, new kinds are the other five; else as above"
CLAIMS = (
    Claim(
        "reuse-a-module/beats-scratch",
        statement=(
            "with few pictures of new kinds a frozen module with a new head recognises more than a network from scratch"
        ),
        measure=gain("letters", "frozen module", "from scratch"),
        unit="share of pictures",
        at_least=SHARE,
        note=_FEW,
    ),
    Claim(
        "reuse-a-module/trained-on-beats-scratch",
        statement="so does the module that is trained on with its new head",
        measure=gain("letters", "module trained on", "from scratch"),
        unit="share of pictures",
        at_least=SHARE,
        note=_FEW,
    ),
    Claim(
        "reuse-a-module/learned-features",
        statement="it is what was learned: the same network with random weights, frozen, recognises less",
        measure=gain("letters", "frozen module", "frozen random"),
        unit="share of pictures",
        at_least=SHARE,
        note=_FEW,
    ),
    Claim(
        "reuse-a-module/most-with-fewest",
        statement="the fewer pictures, the more the module gains over a network from scratch",
        measure=gain_shrinks,
        unit="share of pictures",
        at_least=SHARE,
        note="gain with the fewest pictures less gain with the most; paired over seeds",
    ),
    Claim(
        "reuse-a-module/same-features",
        statement="tensorflow_hub.load and keras.layers.TFSMLayer give the features of the network that was exported",
        kind="exact",
        measure=doors,
        unit="largest difference of a feature",
        at_most=1e-5,
    ),
    Claim(
        "reuse-a-module/trains-on",
        statement="the layer's weights move when it is trained on",
        kind="exact",
        measure=lambda results: min(float(results.values(source, "moved").min()) for source in results.variants()),
        unit="largest change of a weight",
        at_least=1e-6,
    ),
    Claim(
        "few-kinds-teach-little/no-gain",
        statement=(
            "a frozen module that has seen five kinds of clothes is no better at "
            "five others than a network from scratch"
        ),
        measure=gain_of_few_kinds,
        unit="share of pictures",
        at_most=SHARE,
        note=_CLOTHES,
    ),
    Claim(
        "few-kinds-teach-little/letters-gain-more",
        statement="over a network from scratch it gains less than the module that has seen hundreds of letters",
        measure=gain_by_source,
        unit="share of pictures",
        at_least=SHARE,
        note="gain of the frozen letters' module at digits less that of the clothes' at clothes; paired over seeds",
    ),
    Claim(
        "keras-layer-is-keras-2/refused",
        statement="Keras 3 refuses tensorflow_hub.KerasLayer, which is a layer of Keras 2",
        kind="exact",
        measure=refused,
        unit="share of trials",
        at_least=1,
        note="really tried; the error is in the picture",
    ),
    Claim(
        "keras-layer-is-keras-2/works-there",
        statement="in a model of Keras 2 (tf_keras) it gives the module's features",
        kind="exact",
        measure=lambda results: max(r.measurements["keras_layer"]["deviation"] for r in _made(results)),
        unit="largest difference of a feature",
        at_most=1e-5,
    ),
)
