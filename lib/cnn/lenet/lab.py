"""The lenet lab: LeNet-5 as it was and as it would be built today, on clothes and on digits, in torch and in Keras.

Two networks of 61,706 parameters with the same shapes: the original (sigmoid, average pooling) and the modern one
(ReLU, max pooling, He's start). What the study asks for:

- **agree**: from the same weights each framework gives its logits, gradients and the weights after one training step;
  the claims compare them, as no trial may load both frameworks.
- **grid**: a few learning rates for each network with one seed, judged by the loss on the validation pictures.
- **clothes**, **digits**: fresh seeds at the chosen rates on Fashion-MNIST, and on 5,000 pictures of MNIST.
- **recipe**: the original trained by a textbook's recipe (Zhang et al., "Dive into Deep Learning", section 7.6: plain
  descent at rate 0.9, batches of 256, 10 epochs; they print a test accuracy of 0.78).

The modern network sees another copy of the clothes in every epoch, each moved by up to a pixel in each direction.
Adam's learning rate falls along a half cosine, epoch by epoch. All of this was chosen on the validation pictures. The
test pictures are read once, after the last epoch.

Root seed 0, an AMD EPYC: 91.3 % of the test pictures of clothes (modern), 89.2 % (original) and 81.5 % (recipe), 96.8
and 95.3 % of the digits; means of five seeds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

import numpy as np
from pydantic import Field

from lib.cnn.lenet import figures
from lib.cnn.lenet.sentences import KOREAN, SENTENCES
from lib.data import fashion_mnist, mnist_5k
from lib.data.pictures import Split
from lib.harness.contract.claim import Claim
from lib.harness.contract.config import Config
from lib.harness.contract.lab import Lab, Model
from lib.harness.contract.results import Results
from lib.harness.contract.search import Choices, Range, Search
from lib.harness.contract.seeds import Seed
from lib.harness.contract.series import Series
from lib.harness.contract.studies import batches, best, changed, gather, joins
from lib.harness.contract.trial import Log, Result, Runtime, Study, Trial
from lib.models import evaluation, lenet
from lib.models.training import Classifier, KerasClassifier, TorchClassifier, check_data, train

VARIANTS: tuple[lenet.Variant, ...] = ("modern", "original")
FRAMEWORKS: tuple[Literal["torch", "keras"], ...] = ("torch", "keras")
STILL: dict[str, Any] = {"shift": 0, "mirror": False}
"""The original learns too slowly to gain from moved clothes: validation loss 0.320 with them, 0.308 without."""
AGREE_PICTURES, AGREE_RATE, AGREE_ENTRIES = 32, 0.1, 300
ALL_PICTURES = 55_000
"""Of Fashion-MNIST, to train on."""
WORST = 16
"""Mistakes that are shown."""


class LenetConfig(Config):
    """Settings of the lab. `stage` and `variant` tell the trials apart; the study sets them."""

    batch: int = Field(64, ge=1, le=1024, description="trials asked for at a time; more than a stage has")
    stage: Literal["all", "agree", "grid", "clothes", "digits", "recipe"] = Field(
        "all", description="the verdicts need all of them; name one to run it alone"
    )
    variant: lenet.Variant = Field("modern", description="a trial has one; the study takes both")
    learning_rate: float = Field(4e-3, gt=0, le=1e9, description="the middle of the grid; where the grid has not run")
    learning_rates: tuple[float, ...] = Field(
        (2e-3, 4e-3, 8e-3), min_length=1, description="above Adam's usual 1e-3, which is low for a rate that falls"
    )
    batch_size: int = Field(128, ge=1, le=10_000, description="small enough for 430 steps an epoch")
    shift: int = Field(
        1, ge=0, le=4, description="pixels that clothes move at most, modern: validation loss 0.235, 0.276 without"
    )
    mirror: bool = Field(
        False, description="clothes mirrored half of the time: validation loss 0.241 with both, 0.256 with it alone"
    )
    epochs: int = Field(15, ge=1, le=200, description="where the validation loss has stopped falling")
    digits_epochs: int = Field(30, ge=1, le=500, description="840 steps, as few pictures make short epochs")
    grid_epochs: int = Field(4, ge=1, le=200, description="enough to tell the rates apart, a quarter of the time")
    recipe_epochs: int = Field(10, ge=1, le=200, description="the textbook's number")
    pictures: int = Field(
        ALL_PICTURES, ge=200, le=ALL_PICTURES, description="of Fashion-MNIST to train on: all but 5,000"
    )
    digits: int = Field(3_500, ge=200, le=3_500, description="of MNIST to train on: all that are not for judging")
    judged: int = Field(10_000, ge=100, le=10_000, description="pictures of a split that judge at most: all there are")


def study(config: LenetConfig) -> Study:
    """What needs no choice and the grid; then the chosen learning rates with fresh seeds."""
    stages = ("agree", "grid", "clothes", "digits", "recipe") if config.stage == "all" else (config.stage,)
    results = yield from gather(batches(_first(config, stages), config.batch))
    yield from batches(_second(config, stages, results), config.batch)


def _trial(config: LenetConfig, name: str, seed: int = 0, framework: str = "", **changes: Any) -> Trial:
    chosen = changed(config, {"stage": name.partition("/")[0], "framework": framework or config.framework, **changes})
    return Trial(name, chosen, seed, Runtime(chosen.framework))


def _network(variant: lenet.Variant) -> dict[str, Any]:
    """The settings that go with a network."""
    return {"variant": variant, **(STILL if variant == "original" else {})}


def _first(config: LenetConfig, stages: Sequence[str]) -> Iterator[Trial]:
    if "grid" in stages:
        for variant in VARIANTS:
            for rate in config.learning_rates:
                changes = {"learning_rate": rate, "epochs": config.grid_epochs, **_network(variant)}
                yield _trial(config, f"grid/{variant}/{rate:g}", **changes)
    if "agree" in stages:
        for framework in FRAMEWORKS:
            yield _trial(config, f"agree/{framework}", framework=framework)


def _second(config: LenetConfig, stages: Sequence[str], results: Sequence[Result]) -> Iterator[Trial]:
    rates = {variant: _chosen_rate(config, variant, results) for variant in VARIANTS}
    for seed in range(config.seeds):
        for stage, epochs in (("clothes", config.epochs), ("digits", config.digits_epochs)):
            if stage in stages:
                for variant in VARIANTS:
                    changes = {"learning_rate": rates[variant], "epochs": epochs, **_network(variant)}
                    yield _trial(config, f"{stage}/{variant}", seed, **changes)
        if "recipe" in stages:
            changes = {"batch_size": 256, "epochs": config.recipe_epochs, "learning_rate": 0.9, **_network("original")}
            yield _trial(config, "recipe/original", seed, **changes)


def _chosen_rate(config: LenetConfig, variant: str, results: Sequence[Result]) -> float:
    """The rate of the grid with the lowest validation loss; the config's where there was no grid."""
    grid = [result for result in results if result.trial.variant.startswith(f"grid/{variant}/")]
    if not grid:
        return config.learning_rate
    found = best(grid, lambda result: float(result.measurements["validation_loss"]))
    return float(found.trial.config.learning_rate)  # type: ignore[attr-defined]


def trial(config: LenetConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """One trial of a stage."""
    if config.stage == "agree":
        return agree(config, seed, log)
    return learn(config, seed, log)


def classifier_of(config: LenetConfig, weights: dict[str, np.ndarray], split: Split, sgd: bool = False) -> Classifier:
    """LeNet from these weights with its pictures and its optimizer: Adam, or plain descent."""
    images, labels = split.scaled(), split.labels
    check_data(images, labels, (28, 28), 10)
    if config.framework == "torch":
        import torch

        model = lenet.torch_lenet(weights, config.variant)
        make = torch.optim.SGD if sgd else torch.optim.Adam
        optimizer = make(model.parameters(), lr=config.learning_rate, fused=True)
        return TorchClassifier(model, optimizer, laid_out(config, images), labels, config.batch_size)
    import keras

    optimizer = (keras.optimizers.SGD if sgd else keras.optimizers.Adam)(config.learning_rate)
    model = lenet.keras_lenet(weights, config.variant)
    return KerasClassifier(model, optimizer, laid_out(config, images), labels, config.batch_size)


def laid_out(config: LenetConfig, images: np.ndarray) -> np.ndarray:
    """Pictures (n, 28, 28) with the axis of their one channel where the framework has it."""
    return images[:, None] if config.framework == "torch" else images[..., None]


def learn(config: LenetConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """Train, and measure on the validation pictures after every epoch, on the test pictures after the last one."""
    data: Any = mnist_5k if config.stage == "digits" else fashion_mnist
    training = data.train().first(config.digits if config.stage == "digits" else config.pictures)
    validation = data.validation().first(config.judged)
    recipe = config.stage == "recipe"
    augmented = config.stage in ("grid", "clothes") and (config.shift > 0 or config.mirror)
    classifier = classifier_of(config, lenet.initial_weights(seed, config.variant), training, sgd=recipe)
    curve: dict[str, list[float]] = {"train_loss": [], "validation_loss": [], "validation_accuracy": []}
    pictures = laid_out(config, validation.scaled())
    if augmented:
        originals = training.scaled()
        classifier.replace(laid_out(config, moved(originals, config, seed.rng("moved", 0))))
    for epoch, losses in enumerate(train(classifier, config.epochs, seed, log), 1):
        if augmented and epoch < config.epochs:
            classifier.replace(laid_out(config, moved(originals, config, seed.rng("moved", epoch))))
        logits = classifier.logits(pictures)
        curve["train_loss"].append(float(losses.mean()))
        curve["validation_loss"].append(evaluation.cross_entropy(logits, validation.labels))
        curve["validation_accuracy"].append(evaluation.accuracy(logits, validation.labels))
        log(epoch - 1, **{name: values[-1] for name, values in curve.items()})
        if not recipe:
            classifier.set_learning_rate(config.learning_rate * (1 + math.cos(math.pi * epoch / config.epochs)) / 2)
    measured: dict[str, Any] = {f"{name}_curve": values for name, values in curve.items()}
    measured |= {name: values[-1] for name, values in curve.items()}
    if config.stage == "grid":
        return measured
    test = data.test().first(config.judged)
    logits = classifier.logits(laid_out(config, test.scaled()))
    measured["test_loss"] = evaluation.cross_entropy(logits, test.labels)
    measured["test_accuracy"] = evaluation.accuracy(logits, test.labels)
    weights = named(config, classifier.weights())
    log.parameters(weights)
    if config.stage == "clothes":
        measured |= mistakes(logits, test.labels)
        measured["filters"] = weights["conv1.weight"][:, 0].round(4)
        out = lenet.layers(weights, validation.scaled(slice(figures.EXAMPLE, figures.EXAMPLE + 1))[0], config.variant)
        measured["maps"] = {name: out[name].round(3) for name in ("conv1", "pool1", "conv2", "pool2")}
    return measured


def moved(images: np.ndarray, config: LenetConfig, rng: np.random.Generator) -> np.ndarray:
    """A copy of pictures (n, height, width), each moved by up to `shift` pixels, and mirrored half of the time.

    What comes in from the edge is background (0).
    """
    n, height, width = images.shape
    s = config.shift
    padded = np.pad(images, ((0, 0), (s, s), (s, s)))
    down, right = rng.integers(0, 2 * s + 1, (2, n))
    copy = np.empty_like(images)
    for i in range(2 * s + 1):
        for j in range(2 * s + 1):
            which = (down == i) & (right == j)
            copy[which] = padded[which, i : i + height, j : j + width]
    if config.mirror:
        which = rng.random(n) < 0.5
        copy[which] = copy[which, :, ::-1]
    return copy


def named(config: LenetConfig, weights: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """A classifier's weights by the names and shapes of `lenet.SHAPES`, whatever the framework."""
    return weights if config.framework == "torch" else lenet.named_weights(list(weights.values()))


def mistakes(logits: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """What a classifier gets wrong.

    confusion: pictures by class (rows) and answer (columns). worst: the pictures whose own class got the least
    probability, as [index, answer, probability of the answer].
    """
    answers = logits.argmax(axis=1)
    confusion = np.zeros((10, 10), dtype=int)
    np.add.at(confusion, (labels, answers), 1)
    z = logits.astype(np.float64)
    probabilities = np.exp(z - z.max(axis=1, keepdims=True))
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    own = probabilities[np.arange(len(labels)), labels]
    worst = np.argsort(own, kind="stable")[:WORST]
    shown = [[int(i), int(answers[i]), float(probabilities[i, answers[i]])] for i in worst]
    return {"confusion": confusion, "worst": shown}


def agree(config: LenetConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """The network of this framework on fixed pictures, from the same weights: what the other one must give as well.

    For each variant the logits, and up to 300 entries of every array of the gradient and of the weights after a step of
    plain descent.
    """
    split = fashion_mnist.train().first(AGREE_PICTURES)
    measured: dict[str, Any] = {}
    for variant in VARIANTS:
        one = changed(config, {"variant": variant, "learning_rate": AGREE_RATE, "batch_size": AGREE_PICTURES})
        before = lenet.initial_weights(seed, variant)
        classifier = classifier_of(one, before, split, sgd=True)
        logits = classifier.logits(laid_out(one, split.scaled()))
        losses = classifier.epoch(np.arange(len(split)))
        after = named(one, classifier.weights())
        log(0, **{f"{variant}_loss": losses[0]})
        measured[variant] = {
            "logits": logits,
            "shapes": {name: list(array.shape) for name, array in after.items()},
            "gradient": {k: spread((before[k].astype(np.float32) - after[k]) / AGREE_RATE) for k in after},
            "step": {name: spread(array) for name, array in after.items()},
        }
    return measured


def spread(array: np.ndarray) -> np.ndarray:
    """At most 300 entries of an array, evenly spread over it."""
    places = np.linspace(0, array.size - 1, min(array.size, AGREE_ENTRIES)).astype(int)
    return array.ravel().take(np.unique(places))


# Claims


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

MODEL = Model(
    name="lenet",
    choose=lambda results: best(results.of("clothes/modern"), lambda r: -float(r.measurements["validation_accuracy"])),
    loader="lib.models.served_lenet",
    settings=lambda result: {"variant": result.trial.config.variant},  # type: ignore[attr-defined]
    example=lambda: fashion_mnist.validation().images[:2],
)


def searched(config: LenetConfig) -> Trial:
    """What a search judges: the modern network on clothes for the epochs of the grid."""
    return _trial(config, "grid/modern", epochs=config.grid_epochs, **_network("modern"))


SEARCH = Search(
    space={
        "learning_rate": Range(2e-4, 5e-2, log=True),
        "batch_size": Range(16, 512, log=True),
        "shift": Range(0, 3),
        "mirror": Choices((False, True)),
    },
    trial=searched,
    measure="validation_loss",
    goal="minimize",
    reported="validation_loss",
    adopt=joins("learning_rate", "learning_rates"),
)

LAB = Lab(
    name="lenet",
    summary="LeNet-5 as it was and as one would build it today: what it sees and what it gets wrong",
    chapter=6,
    minutes=13,
    config=LenetConfig,
    quick={
        "seeds": 2,
        "pictures": 6_000,
        "judged": 1_000,
        "epochs": 6,
        "digits_epochs": 15,
        "grid_epochs": 3,
        "learning_rates": (2e-3, 8e-3),
    },
    study=study,
    trials=trial,
    claims=CLAIMS,
    figures=figures.FIGURES,
    frameworks=("torch", "keras"),
    data=("fashion_mnist", "mnist_5k"),
    portable={"torch": ("intel",)},
    model=MODEL,
    search=SEARCH,
    sentences=SENTENCES,
    korean=KOREAN,
)
