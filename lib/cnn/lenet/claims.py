"""The claims of the lab `lenet`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from lib.cnn.lenet.config import ALL_PICTURES, FRAMEWORKS, VARIANTS
from lib.harness.contract.claim import Claim
from lib.harness.contract.results import Results
from lib.harness.contract.series import Series
from lib.models import lenet


def shapes_of(results: Results) -> list[dict[str, tuple[int, ...]]]:
    """The shapes of the weights in each framework and variant."""
    found = [results.of(f"agree/{framework}")[0].measurements for framework in FRAMEWORKS]
    return [{k: tuple(s) for k, s in one[variant]["shapes"].items()} for one in found for variant in VARIANTS]


def parameters(results: Results) -> float:
    """The number of parameters that is farthest from LeNet-5's."""
    counts = [sum(math.prod(shape) for shape in shapes.values()) for shapes in shapes_of(results)]
    return float(max(counts, key=lambda count: abs(count - lenet.PARAMETERS)))


def wrong_shapes(results: Results) -> float:
    """How many arrays of weights have another shape than the paper's layers give them."""
    wrong = [set(shapes.items()) ^ set(lenet.SHAPES.items()) for shapes in shapes_of(results)]
    return float(sum(len(pairs) for pairs in wrong))


def frameworks_differ(what: Literal["logits", "gradient", "step"]) -> Callable[[Results], float]:
    """The largest difference between the frameworks in what `agree` has measured, over both variants."""

    def measure(results: Results) -> float:
        torch, keras = (results.of(f"agree/{framework}")[0].measurements for framework in FRAMEWORKS)
        worst = 0.0
        for variant in VARIANTS:
            ours, theirs = torch[variant][what], keras[variant][what]
            pairs = [(ours[k], theirs[k]) for k in ours] if isinstance(ours, dict) else [(ours, theirs)]
            worst = max(worst, *(float(np.max(np.abs(np.asarray(a) - np.asarray(b)))) for a, b in pairs))
        return worst

    return measure


def reached(variant: str) -> Callable[[Results], np.ndarray]:
    """The test accuracy of a variant: (seeds,). Of one seed only, which decides nothing, if it had fewer pictures."""

    def measure(results: Results) -> np.ndarray:
        values = results.values(variant, "test_accuracy")
        config: Any = results.of(variant)[0].trial.config
        return values if config.pictures == ALL_PICTURES else values[:1]

    return measure


def more_accurate(better: str, worse: str) -> Callable[[Results], Series]:
    """By how much the test accuracy of one variant lies above another's: (seeds,)."""

    return lambda results: results.series(better, "test_accuracy") - results.series(worse, "test_accuracy")


_TEST = "share of test pictures; learning rate chosen on validation pictures, test read once after the last epoch"
_PAIRED = f"{_TEST}; paired over seeds"
CLAIMS = (
    Claim(
        "lenet-learns/parameters",
        statement="LeNet-5 has 61,706 parameters, original and modern, in torch and in Keras",
        kind="exact",
        measure=parameters,
        unit="parameters",
        at_least=61_706,
        at_most=61_706,
    ),
    Claim(
        "lenet-learns/shapes",
        statement="every layer's weights have the shape that the paper's layers give them",
        kind="exact",
        measure=wrong_shapes,
        unit="arrays with another shape",
        at_most=0,
    ),
    Claim(
        "lenet-learns/same-outputs",
        statement="torch and Keras give the same outputs from the same weights",
        kind="exact",
        measure=frameworks_differ("logits"),
        unit="largest difference of a logit",
        at_most=1e-5,
        note="float32, 32 training pictures, both variants",
    ),
    Claim(
        "lenet-learns/same-gradients",
        statement="torch and Keras give the same gradients from the same weights",
        kind="exact",
        measure=frameworks_differ("gradient"),
        unit="largest difference of an entry",
        at_most=1e-5,
        note="float32, mean loss of 32 pictures; the step of plain descent, divided by its rate",
    ),
    Claim(
        "lenet-learns/same-step",
        statement="and have the same weights after a training step",
        kind="exact",
        measure=frameworks_differ("step"),
        unit="largest difference of a weight",
        at_most=1e-5,
        note="float32, one step of plain descent at rate 0.1",
    ),
    Claim(
        "lenet-learns/modern",
        statement="the modern LeNet-5 knows at least 91 % of Fashion-MNIST's clothes",
        measure=reached("clothes/modern"),
        unit="test accuracy",
        at_least=0.91,
        note=_TEST,
    ),
    Claim(
        "lenet-learns/original",
        statement="the original LeNet-5 knows at least 87 % of them, trained as one would today",
        measure=reached("clothes/original"),
        unit="test accuracy",
        at_least=0.87,
        note=_TEST,
    ),
    Claim(
        "lenet-learns/modern-beats-original",
        statement="ReLU, max pooling and He's start beat sigmoid and average pooling on clothes",
        measure=more_accurate("clothes/modern", "clothes/original"),
        unit="test accuracy",
        at_least=0.0,
        note=_PAIRED,
    ),
    Claim(
        "lenet-learns/digits",
        statement="and on digits, with 3,500 to learn from",
        measure=more_accurate("digits/modern", "digits/original"),
        unit="test accuracy",
        at_least=0.0,
        note=_PAIRED,
    ),
    Claim(
        "lenet-learns/recipe",
        statement="trained as one would today, the original knows more clothes than by its textbook's recipe",
        measure=more_accurate("clothes/original", "recipe/original"),
        unit="test accuracy",
        at_least=0.0,
        note=f"{_PAIRED}; the recipe is that of Dive into Deep Learning, 10 epochs, not chosen by us",
    ),
)
