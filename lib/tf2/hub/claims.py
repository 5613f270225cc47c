"""What the hub lab measures for the lecture's sentence: functions of its trials' results."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lib.harness.contract.claim import Claim, require_trained
from lib.harness.contract.results import Results
from lib.harness.contract.series import Series, unpacked

WAYS = ("module trained on", "frozen module", "frozen random", "pixels", "from scratch")
LAYERS = ("pool1", "pool2", "dense1", "dense2")
"""Those whose outputs are tried as features, from near the pixels to the module's own."""
TRAINED = 0.2
"""Test accuracy, mean over the numbers of pictures, from which on something has been learned: twice chance."""
MODULE = 0.5
"""The accuracy on letters that it has not seen from which on a module is one: half of them right, of 274 kinds."""
SHARE = 0.01
"""The smallest difference in accuracy that counts: one picture in a hundred, about the error of 1,000 test digits."""

TOLERANCE = 1e-5
"""The largest difference of two sums of some hundred float32 numbers of about 1 in another order."""


def accuracies(results: Results, source: str, way: str) -> np.ndarray:
    """Test accuracies of a way with the module of a source: (seeds, shots)."""
    return np.array([r.measurements["accuracy"][way] for r in results.of(source)])


def answers(results: Results, source: str, way: str) -> Series:
    """Test pictures that a way with the module of a source recognises: (seeds, shots, pictures), 0 and 1."""
    return results.series(source, "right").map(lambda by_way: np.stack([*map(unpacked, by_way[way])]))


def differences(results: Results, way: str, over: str) -> Series:
    """Test digits that one way recognises minus those of another, with the letters' module: (seeds, shots, pictures).

    All seeds have the same test digits.

    Raises:
        InconclusiveError: neither way has learned anything, or the module has not.
    """
    own = [r.measurements["own_accuracy"] for r in results.of("letters") if "own_accuracy" in r.measurements]
    if own:  # one from elsewhere is taken as it is
        require_trained("the module's accuracy on letters that it has not seen", own, MODULE)
    better, worse = (answers(results, "letters", each) for each in (way, over))
    best = np.maximum(*(each.mean(axis=2).mean(axis=1) for each in (better, worse)))
    require_trained("the better way's test accuracy", best, TRAINED)
    return better - worse


def gain(way: str, over: str) -> Callable[[Results], Series]:
    """The difference of two ways, the mean over the shots: (seeds, pictures)."""

    def measure(results: Results) -> Series:
        mean: Series = differences(results, way, over).mean(axis=1)
        return mean

    return measure


def gain_shrinks(results: Results) -> Series:
    """The frozen module's gain over scratch with the fewest pictures minus that with the most: (seeds, pictures)."""
    gains = differences(results, "frozen module", "from scratch")
    return gains[:, 0] - gains[:, -1]


def mean_gain(results: Results, source: str) -> Series:
    """The frozen module's gain over scratch in accuracy, the mean over the shots: (seeds,).

    Raises:
        InconclusiveError: neither has learned anything.
    """
    accuracy = results.series(source, "accuracy")
    frozen = accuracy.map(lambda by_way: np.mean(by_way["frozen module"]))
    scratch = accuracy.map(lambda by_way: np.mean(by_way["from scratch"]))
    kinds = len(results.of(source)[0].measurements["new_kinds"])
    require_trained("the better way's test accuracy", np.maximum(frozen, scratch), 2 / kinds)
    return frozen - scratch


def gain_of_few_kinds(results: Results) -> Series:
    """The gain over scratch of the frozen module of five kinds of clothes: (seeds,). LookupError: another one.

    Each seed has test pictures of its own kinds.
    """
    _made(results)
    return mean_gain(results, "clothes")


def gain_by_source(results: Results) -> Series:
    """The gain over scratch of the frozen letters' module minus that of the clothes' module: (seeds,)."""
    return mean_gain(results, "letters") - gain_of_few_kinds(results)


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
        measure=gain("frozen module", "from scratch"),
        more_than=0.0,
        smallest=SHARE,
        interval="items",
    ),
    Claim(
        "reuse-a-module/trained-on-beats-scratch",
        role="sentence",
        measure=gain("module trained on", "from scratch"),
        more_than=0.0,
        smallest=SHARE,
        interval="items",
    ),
    Claim(
        "reuse-a-module/learned-features",
        role="control",
        measure=gain("frozen module", "frozen random"),
        more_than=0.0,
        smallest=SHARE,
        interval="items",
    ),
    Claim(
        "reuse-a-module/pixels",
        role="control",
        measure=gain("frozen module", "pixels"),
        more_than=0.0,
        smallest=SHARE,
        interval="items",
    ),
    Claim(
        "reuse-a-module/most-with-fewest",
        role="limit",
        measure=gain_shrinks,
        more_than=0.0,
        smallest=SHARE,
        interval="items",
    ),
    Claim("reuse-a-module/same-features", role="identity", kind="exact", measure=doors, at_most=TOLERANCE),
    Claim("reuse-a-module/trains-on", role="identity", kind="exact", measure=moved, at_least=1e-6),
    Claim("few-kinds-teach-little/no-gain", role="sentence", measure=gain_of_few_kinds, at_most=SHARE),
    Claim(
        "few-kinds-teach-little/letters-gain-more",
        role="control",
        measure=gain_by_source,
        more_than=0.0,
        smallest=SHARE,
    ),
    Claim("keras-layer-is-keras-2/refused", role="sentence", kind="exact", measure=refused, at_least=1),
    Claim(
        "keras-layer-is-keras-2/works-there",
        role="control",
        kind="exact",
        measure=deviation_in_keras_2,
        at_most=TOLERANCE,
    ),
)
