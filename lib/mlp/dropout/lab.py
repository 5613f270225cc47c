"""Dropout: cutting neurons at random, does it make the model simpler, and does it overfit less?

The same network, 64-512-512-10 with ReLU, learns 200 digits with noisy labels with and without dropout after its hidden
layers (Srivastava et al. 2014), from the same weights, with the same examples in the same order. Nothing is chosen, as
every setting is the same for both; the test pictures are read once, at the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import Field

from lib.data.noisy_digits import CLASSES, INPUTS, judged, noisy_digits, right_digits
from lib.harness.contract.config import Config
from lib.harness.contract.lab import Lab
from lib.harness.contract.search import Range, Search
from lib.harness.contract.seeds import Seed
from lib.harness.contract.studies import batches, changed
from lib.harness.contract.trial import Log, Runtime, Study, Trial
from lib.harness.replaced import replacement
from lib.mlp.dropout import figures
from lib.mlp.dropout.claims import CLAIMS
from lib.mlp.dropout.inverted_dropout import moments_over_all_masks
from lib.mlp.dropout.simplicity import Weights, effective_rank, input_gradients, layers, sensitivity, spectrum
from lib.models.mlp import initial_weights, keras_mlp, named_weights, torch_mlp
from lib.models.training import Classifier, KerasClassifier, TorchClassifier, train

if TYPE_CHECKING:
    import torch

Strength = Annotated[float, Field(ge=0, lt=1)]


class DropoutConfig(Config):
    """Settings of the whole lab; `rate` tells the trials apart."""

    seeds: int = Field(8, ge=1, le=1000, description="more than the 5 that an interval needs; a pair takes seconds")
    batch: int = Field(256, ge=1, le=1024, description="trials asked for at a time: all, so that no core waits")
    dropout: Strength = Field(0.5, description="probability that a hidden unit is cut; the paper's for hidden layers")
    ladder: tuple[Strength, ...] = Field(
        (0.1, 0.2, 0.3, 0.4, 0.6, 0.7, 0.8), description="further strengths, for the pictures"
    )
    rate: Strength = Field(0, description="strength of a trial's dropout; set by the study")
    label_noise: float = Field(
        0.3, ge=0, le=1, description="share of labels drawn at random: clean digits are too easy for a gap to show"
    )
    examples: int = Field(200, ge=10, le=1000, description="few, so that the network can learn them by heart")
    hidden: int = Field(512, ge=1, le=4096, description="units of each of the two hidden layers: far more than needed")
    epochs: int = Field(100, ge=1, le=10_000, description="until the network without dropout knows every noisy label")
    examples_per_step: int = Field(100, ge=1, le=1000, description="two equal steps an epoch")
    learning_rate: float = Field(1e-3, gt=0, le=1, description="Adam's default")
    sensitivity_noise: float = Field(
        0.1, gt=0, le=1, description="deviation of the noise added to test pictures: hardly visible, white is 1"
    )


def trial(config: DropoutConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """Train once; losses and errors along the way and at the end, and how simple the learned function is."""
    data = noisy_digits(seed, config.examples, config.label_noise)
    start = initial_weights(seed, (INPUTS, config.hidden, config.hidden, CLASSES))
    classifier = classifier_of(config, seed, start, data.train.inputs, data.train.labels)
    looks = np.unique(np.geomspace(1, config.epochs, 25).round().astype(int))
    path: dict[str, list[float]] = {"train_loss": [], "validation_loss": [], "validation_true_error": []}
    for epoch, _ in enumerate(train(classifier, config.epochs, seed, log), 1):
        if epoch in looks:
            path["train_loss"].append(judged(classifier.logits(data.train.inputs), data.train)["loss"])
            there = judged(classifier.logits(data.validation.inputs), data.validation)
            path["validation_loss"].append(there["loss"])
            path["validation_true_error"].append(there["true_error"])
    weights = weights_of(config, classifier)
    log.parameters(weights)
    logits = classifier.logits(data.test.inputs)
    without = changed(config, {"rate": 0.0})
    plain = classifier_of(without, seed, weights, data.train.inputs, data.train.labels)
    trained = judged(classifier.logits(data.train.inputs), data.train)
    return {
        "looks": looks,
        "path": path,
        "train_loss": trained["loss"],
        "train_error": trained["error"],
        **{f"test_{name}": value for name, value in judged(logits, data.test).items()},
        "test_true_right": right_digits(logits, data.test),
        "evaluation_deviation": float(np.abs(logits - plain.logits(data.test.inputs)).max()),
        **simplicity(config, seed, weights, data.test.inputs),
        **moments(config, seed),
    }


def simplicity(config: DropoutConfig, seed: Seed, weights: Weights, X: np.ndarray) -> dict[str, Any]:
    """The measures of `lib.mlp.dropout.simplicity` on pictures X (n, 64), and the spectrum of the last hidden layer."""
    H = layers(weights, X)[-2]
    noise = seed.rng("sensitivity").normal(0, config.sensitivity_noise, X.shape)
    return {
        "effective_rank": effective_rank(H),
        "norm": float(np.linalg.norm(H, axis=1).mean()),
        "input_gradient": float(np.linalg.norm(input_gradients(weights, X), axis=1).mean()),
        "sensitivity": sensitivity(weights, X, noise),
        "spectrum": spectrum(H)[:100],
    }


UNITS, DRAWS = 10, 200_000
EPSILON = {"torch": 1e-8, "keras": 1e-8 * (1 - 0.999) ** 0.5}
"""Of Adam. Keras adds it before it corrects the second moment and torch after: so the first steps are the same."""


def moments(config: DropoutConfig, seed: Seed) -> dict[str, float]:
    """Mean and variance of what dropout makes of activations.

    `mean_deviation` and `variance_deviation`: of ours over all 2^10 masks, from h and h² p/(1-p), the worst unit.
    `mean_ratio`: the framework's own layer in training on 200,000 activations of 1, their mean.
    """
    h, p = seed.rng("activations").uniform(0, 2, UNITS), config.dropout
    mean, variance = moments_over_all_masks(h, p)
    ones = np.ones((1, DRAWS), dtype=np.float32)
    if config.framework == "keras":
        import keras

        dropped = keras.layers.Dropout(p, seed=seed.integer("ratio", bits=31))(ones, training=True).numpy()
    else:
        import torch

        torch.manual_seed(seed.integer("ratio"))
        layer = torch.nn.Sequential(torch.nn.Dropout(p))
        _with_own(layer, seed)
        dropped = layer(torch.from_numpy(ones)).numpy()
    return {
        "mean_deviation": float(np.abs(mean - h).max()),
        "variance_deviation": float(np.abs(variance - h**2 * p / (1 - p)).max()),
        "mean_ratio": float(dropped.mean(dtype=np.float64)),
    }


def classifier_of(config: DropoutConfig, seed: Seed, weights: Weights, X: np.ndarray, labels: np.ndarray) -> Classifier:
    """The network with these weights and the config's `rate` of dropout, ready to be trained with Adam."""
    if config.framework == "keras":
        import keras

        if replacement("dropout") is not None:
            raise ValueError("dropout of one's own takes the place of torch's layer alone: use framework torch")
        network = keras_mlp(weights, dropout=config.rate, seed=seed)
        optimizer = keras.optimizers.Adam(config.learning_rate, epsilon=EPSILON["keras"])
        return KerasClassifier(network, optimizer, X, labels, config.examples_per_step)
    import torch

    torch.manual_seed(seed.integer("masks"))
    model = torch_mlp(weights, dropout=config.rate)
    _with_own(model, seed)
    adam = torch.optim.Adam(model.parameters(), lr=config.learning_rate, eps=EPSILON["torch"])
    return TorchClassifier(model, adam, X, labels, config.examples_per_step)


def _with_own(model: torch.nn.Sequential, seed: Seed) -> None:
    """Put dropout of one's own, where this run has it, in the place of the model's layers."""
    own = replacement("dropout")
    if own is not None:
        from lib.mlp.dropout.own_dropout import replace_dropout

        replace_dropout(model, own, seed)


def weights_of(config: DropoutConfig, classifier: Classifier) -> dict[str, np.ndarray]:
    """Its present weights, named and shaped as `lib.models.mlp` has them."""
    weights = classifier.weights()
    return named_weights(list(weights.values())) if config.framework == "keras" else weights


def study(config: DropoutConfig) -> Study:
    """Every strength with noisy labels, and with and without dropout on clean ones; with every seed."""
    yield from batches(_trials(config), config.batch)


def _trials(config: DropoutConfig) -> Iterator[Trial]:
    arms = {"without": {"rate": 0.0}, "with": {"rate": config.dropout}}
    variants: dict[str, dict[str, Any]] = {
        **arms,
        **{f"clean labels/{name}": {**arm, "label_noise": 0.0} for name, arm in arms.items()},
        **{f"rate/{rate:g}": {"rate": rate} for rate in config.ladder},
    }
    for seed in range(config.seeds):
        for name, changes in variants.items():
            yield Trial(name, changed(config, changes), seed, Runtime(config.framework))


SEARCH = Search(
    space={
        "dropout": Range(0.0, 0.9),
        "learning_rate": Range(1e-4, 1e-2, log=True),
        "hidden": Range(64, 1024, log=True),
    },
    trial=lambda config: Trial("with", changed(config, {"rate": config.dropout}), 0, Runtime(config.framework)),
    measure="validation_loss",
    goal="minimize",
    value=lambda result: result.measurements["path"]["validation_loss"][-1],
)
"""Of the network with dropout, on noisy labels as those that it learns."""

LAB = Lab(
    name="dropout",
    summary="cutting neurons at random: whether the gap narrows, and what about the network becomes simpler",
    chapter=3,
    minutes=2,
    config=DropoutConfig,
    quick={"seeds": 3, "ladder": (0.8,)},
    study=study,
    trials=trial,
    claims=CLAIMS,
    lecture=("dropout-simplifies", "dropout-narrows-gap"),
    figures={
        "gap": figures.gap,
        "curves": figures.curves,
        "strength": figures.strength,
        "simplicity": figures.simplicity,
    },
    frameworks=("torch", "keras"),
    data=("digits",),
    portable={"torch": ("intel",)},
    replaceable=("dropout",),
    search=SEARCH,
    texts=figures.TEXTS,
)
