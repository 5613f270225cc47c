"""The lenet lab: LeNet-5 as it was and as it would be built today, on clothes and on digits, in torch and in Keras.

Two networks of 61,706 parameters with the same shapes: the original (sigmoid, average pooling) and the modern one
(ReLU, max pooling, He's start). The trial functions:

- **grid**: a few learning rates for each network with one seed, judged by the loss on the validation pictures.
- **agree**: from the same weights each framework gives its logits, gradients and the weights after one training step;
  the claims compare them, as no trial may load both frameworks.
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
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Literal

import numpy as np

from lib.cnn.lenet import figures
from lib.cnn.lenet.claims import CLAIMS
from lib.cnn.lenet.config import FRAMEWORKS, VARIANTS, LenetConfig
from lib.data import fashion_mnist, mnist_5k
from lib.data.pictures import Split
from lib.harness.contract.lab import Lab, Model
from lib.harness.contract.search import Choices, Range, Search
from lib.harness.contract.seeds import Seed
from lib.harness.contract.series import packed
from lib.harness.contract.studies import batches, best, changed, gather, grid_seed, joins
from lib.harness.contract.trial import Log, Result, Runtime, Study, Trial
from lib.models import evaluation, lenet
from lib.models.training import Classifier, KerasClassifier, TorchClassifier, check_data, train

STILL: dict[str, Any] = {"shift": 0, "mirror": False}
"""The original learns too slowly to gain from moved clothes: validation loss 0.320 with them, 0.308 without."""
AGREE_PICTURES, AGREE_RATE, AGREE_ENTRIES = 32, 0.1, 300
WORST = 16
"""Mistakes that are shown."""
Stage = Literal["grid", "clothes", "digits", "recipe"]


def study(config: LenetConfig) -> Study:
    """The grid and what needs no choice; then the chosen learning rates with fresh seeds."""
    results = yield from gather(batches(_first(config), config.batch))
    yield from batches(_second(config, results), config.batch)


def _trial(config: LenetConfig, name: str, seed: int = 0, framework: str = "", **changes: Any) -> Trial:
    chosen = changed(config, {"framework": framework or config.framework, **changes})
    return Trial(name, chosen, seed, Runtime(chosen.framework), name.partition("/")[0])


def _network(variant: lenet.Variant) -> dict[str, Any]:
    """The settings that go with a network."""
    return {"variant": variant, **(STILL if variant == "original" else {})}


def _first(config: LenetConfig) -> Iterator[Trial]:
    for variant in VARIANTS:
        for rate in config.learning_rates:
            changes = {"learning_rate": rate, "epochs": config.grid_epochs, **_network(variant)}
            yield _trial(config, f"grid/{variant}/{rate:g}", grid_seed(), **changes)
    for framework in FRAMEWORKS:
        yield _trial(config, f"agree/{framework}", framework=framework)


def _second(config: LenetConfig, results: Sequence[Result]) -> Iterator[Trial]:
    rates = {variant: _chosen_rate(variant, results) for variant in VARIANTS}
    for seed in range(config.seeds):
        for stage, epochs in (("clothes", config.epochs), ("digits", config.digits_epochs)):
            for variant in VARIANTS:
                changes = {"learning_rate": rates[variant], "epochs": epochs, **_network(variant)}
                yield _trial(config, f"{stage}/{variant}", seed, **changes)
        changes = {"batch_size": 256, "epochs": config.recipe_epochs, "learning_rate": 0.9, **_network("original")}
        yield _trial(config, "recipe/original", seed, **changes)


def _chosen_rate(variant: str, results: Sequence[Result]) -> float:
    """The rate of the grid with the lowest validation loss."""
    grid = [result for result in results if result.trial.variant.startswith(f"grid/{variant}/")]
    chosen = best(grid, lambda result: float(result.measurements["validation_loss"]))
    return float(chosen.trial.config.learning_rate)  # type: ignore[attr-defined]


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


def learn(stage: Stage, config: LenetConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """Train, and measure on the validation pictures after every epoch, on the test pictures after the last one.

    Args:
        stage: decides on what it trains and with which optimizer, and what is measured; the grid reads no test picture.
    """
    data: Any = mnist_5k if stage == "digits" else fashion_mnist
    training = data.train().first(config.digits if stage == "digits" else config.pictures)
    validation = data.validation().first(config.judged)
    recipe = stage == "recipe"
    augmented = stage in ("grid", "clothes") and (config.shift > 0 or config.mirror)
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
    if stage == "grid":
        return measured
    test = data.test().first(config.judged)
    logits = classifier.logits(laid_out(config, test.scaled()))
    measured["test_loss"] = evaluation.cross_entropy(logits, test.labels)
    measured["test_accuracy"] = evaluation.accuracy(logits, test.labels)
    measured["test_right"] = packed(evaluation.right(logits, test.labels))
    weights = named(config, classifier.weights())
    log.parameters(weights)
    if stage == "clothes":
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
    """Mistakes of a classifier.

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


MODEL = Model(
    name="lenet",
    choose=lambda results: best(results.of("clothes/modern"), lambda r: -float(r.measurements["validation_accuracy"])),
    loader="lib.models.served_lenet",
    settings=lambda result: {"variant": result.trial.config.variant},  # type: ignore[attr-defined]
    example=lambda: fashion_mnist.validation().images[:2],
)


def searched(config: LenetConfig) -> Trial:
    """The trial of a search: the modern network on clothes for the epochs of the grid."""
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
    trials={
        "agree": agree,
        "grid": partial(learn, "grid"),
        "clothes": partial(learn, "clothes"),
        "digits": partial(learn, "digits"),
        "recipe": partial(learn, "recipe"),
    },
    claims=CLAIMS,
    lecture=("lenet-learns",),
    figures=figures.FIGURES,
    frameworks=("torch", "keras"),
    data=("fashion_mnist", "mnist_5k"),
    portable={
        "torch": ("intel",),
        "torch/agree": ("any", "intel"),
        "torch/grid": ("any", "intel"),
        "torch/digits": ("any", "intel"),
        "torch/recipe": ("any", "intel"),
    },
    model=MODEL,
    search=SEARCH,
    texts=figures.TEXTS,
)
