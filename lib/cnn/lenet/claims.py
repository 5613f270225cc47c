"""The claims of the lab `lenet`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from lib.cnn.lenet.config import ALL_PICTURES, FRAMEWORKS, VARIANTS
from lib.harness.contract.claim import Claim, InconclusiveError, require_trained
from lib.harness.contract.results import Results
from lib.harness.contract.series import Series
from lib.models import lenet


def shapes_of(results: Results) -> list[dict[str, tuple[int, ...]]]:
    """The shapes of the weights in each framework and variant."""
    measured = [results.of(f"agree/{framework}")[0].measurements for framework in FRAMEWORKS]
    return [{k: tuple(s) for k, s in one[variant]["shapes"].items()} for one in measured for variant in VARIANTS]


def parameters(results: Results) -> float:
    """The number of parameters that is farthest from LeNet-5's."""
    counts = [sum(math.prod(shape) for shape in shapes.values()) for shapes in shapes_of(results)]
    return float(max(counts, key=lambda count: abs(count - lenet.PARAMETERS)))


def wrong_shapes(results: Results) -> float:
    """Number of arrays of weights whose shape is not the paper's."""
    wrong = [set(shapes.items()) ^ set(lenet.SHAPES.items()) for shapes in shapes_of(results)]
    return float(sum(len(pairs) for pairs in wrong))


def frameworks_differ(measurement: Literal["logits", "gradient", "step"]) -> Callable[[Results], float]:
    """The largest difference between the frameworks in a measurement of `agree`, over both variants."""

    def measure(results: Results) -> float:
        torch, keras = (results.of(f"agree/{framework}")[0].measurements for framework in FRAMEWORKS)
        worst = 0.0
        for variant in VARIANTS:
            left, right = torch[variant][measurement], keras[variant][measurement]
            pairs = [(left[k], right[k]) for k in left] if isinstance(left, dict) else [(left, right)]
            worst = max(worst, *(float(np.max(np.abs(np.asarray(a) - np.asarray(b)))) for a, b in pairs))
        return worst

    return measure


def reached(variant: str) -> Callable[[Results], Series]:
    """Test pictures that a variant recognises: (seeds, pictures).

    Raises:
        InconclusiveError: it was trained on fewer pictures than there are.
    """

    def measure(results: Results) -> Series:
        config: Any = results.of(variant)[0].trial.config
        if config.pictures != ALL_PICTURES:
            raise InconclusiveError(
                f"trained on {config.pictures:,} of {ALL_PICTURES:,} pictures: train on all of them"
            )
        return results.items(variant, "test_right")

    return measure


def more_accurate(better: str, worse: str) -> Callable[[Results], Series]:
    """Recognised test pictures of one variant minus those of another, picture by picture: (seeds, pictures).

    Raises:
        InconclusiveError: neither has learned anything.
    """

    def measure(results: Results) -> Series:
        first, second = (results.series(name, "test_accuracy") for name in (better, worse))
        require_trained("the better one's test accuracy", np.maximum(first, second), TRAINED)
        return results.items(better, "test_right") - results.items(worse, "test_right")

    return measure


TRAINED = 0.5
"""Test accuracy from which on a network has learned: five times chance, and far below the weakest recipe's 0.8."""
SHARE = 0.005
"""The smallest difference in accuracy that counts: half a picture in a hundred, about the error of 10,000 pictures, so
that less could not be told from another test set."""
CLAIMS = (
    Claim(
        "lenet-learns/parameters", role="identity", kind="exact", measure=parameters, at_least=61_706, at_most=61_706
    ),
    Claim("lenet-learns/shapes", role="identity", kind="exact", measure=wrong_shapes, at_most=0),
    Claim(
        "lenet-learns/same-outputs", role="identity", kind="exact", measure=frameworks_differ("logits"), at_most=1e-5
    ),
    Claim(
        "lenet-learns/same-gradients",
        role="identity",
        kind="exact",
        measure=frameworks_differ("gradient"),
        at_most=1e-5,
    ),
    Claim("lenet-learns/same-step", role="identity", kind="exact", measure=frameworks_differ("step"), at_most=1e-5),
    Claim("lenet-learns/modern", role="sentence", measure=reached("clothes/modern"), at_least=0.91, interval="items"),
    Claim(
        "lenet-learns/original", role="sentence", measure=reached("clothes/original"), at_least=0.87, interval="items"
    ),
    Claim(
        "lenet-learns/modern-beats-original",
        role="control",
        measure=more_accurate("clothes/modern", "clothes/original"),
        more_than=0.0,
        smallest=SHARE,
        interval="items",
    ),
    Claim(
        "lenet-learns/digits",
        role="control",
        measure=more_accurate("digits/modern", "digits/original"),
        more_than=0.0,
        smallest=SHARE,
        interval="items",
    ),
    Claim(
        "lenet-learns/recipe",
        role="control",
        measure=more_accurate("clothes/original", "recipe/original"),
        more_than=0.0,
        smallest=SHARE,
        interval="items",
    ),
)
