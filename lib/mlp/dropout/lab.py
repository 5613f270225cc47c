"""Dropout: cutting neurons at random, does it make the model simpler, and does it overfit less?

The same network, 64-512-512-10 with ReLU, learns 200 digits with noisy labels with and without dropout after its hidden
layers (Srivastava et al. 2014), from the same weights, with the same examples in the same order. It is compared with

- itself without dropout, trained equally long: nothing is chosen;
- itself without dropout, stopped at the same training loss (**equal fit**), as dropout also fits less in equal time;
- its best peers: without dropout or with a weight decay, each stopped at its lowest validation loss, the strengths of
  dropout and of the decay chosen by the other seeds on validation pictures.

The test pictures are read once, at the end of a training.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import Field

from lib.data.noisy_digits import CLASSES, INPUTS, NoisyDigits, judged, noisy_digits
from lib.harness.contract.config import Config
from lib.harness.contract.lab import Lab
from lib.harness.contract.search import Range, Search
from lib.harness.contract.seeds import Seed
from lib.harness.contract.studies import batches, changed, gather
from lib.harness.contract.trial import Log, Result, Runtime, Study, Trial
from lib.harness.replaced import replacement
from lib.mlp.dropout import figures
from lib.mlp.dropout.claims import CLAIMS, EQUAL_FIT
from lib.mlp.dropout.inverted_dropout import moments_over_all_masks
from lib.mlp.dropout.simplicity import Weights, input_gradients, layers, ranks, sensitivity, spectrum
from lib.models.mlp import initial_weights, keras_mlp, named_weights, torch_mlp
from lib.models.training import Classifier, KerasClassifier, TorchClassifier, train
from lib.models.watched import tested, watched

if TYPE_CHECKING:
    import torch

Strength = Annotated[float, Field(ge=0, lt=1)]
Decay = Annotated[float, Field(gt=0, le=1000)]


class DropoutConfig(Config):
    """Settings of the whole lab; `rate`, `weight_decay` and `fit` tell the trials apart."""

    seeds: int = Field(8, ge=1, le=1000, description="more than the 5 that an interval needs: a training takes seconds")
    batch: int = Field(256, ge=1, le=1024, description="trials asked for at a time: all, so that no core waits")
    dropout: Strength = Field(0.5, description="probability that a hidden unit is cut; the paper's for hidden layers")
    ladder: tuple[Strength, ...] = Field(
        (0.2, 0.35, 0.65, 0.8), description="further strengths to choose from, about as far from each other"
    )
    rate: Strength = Field(0, description="strength of a trial's dropout; set by the study")
    decays: tuple[Decay, ...] = Field(
        (3, 6, 12, 24), min_length=1, description="weight decays of the peer, doubling: from little to too much"
    )
    weight_decay: float = Field(0, ge=0, le=1000, description="of a trial's weights; set by the study")
    fit: float = Field(0, ge=0, description="training loss at which a trial ends, 0 for no such end; set by the study")
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


LOOKS = 25
"""At the losses and errors on the way, denser at the beginning."""


def trial(config: DropoutConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """Train once, for all epochs or up to a fit; losses and errors, and how simple the learned function is."""
    data = noisy_digits(seed, config.examples, config.label_noise)
    start = initial_weights(seed, (INPUTS, config.hidden, config.hidden, CLASSES))
    classifier = classifier_of(config, seed, start, data)
    plain = changed(config, {"rate": 0.0})
    measured: dict[str, Any] = {}
    if config.fit:
        measured["epochs"] = fitted(config, classifier, data, seed, log)
    else:
        training = watched(classifier, data, seed, log, epochs=config.epochs, looks=LOOKS)
        stopped = classifier_of(plain, seed, named(config, training.weights), data)
        measured |= training.measured() | tested("stopped", stopped.logits(data.test.inputs), data.test)
    weights = named(config, classifier.weights())
    log.parameters(weights)
    logits = classifier.logits(data.test.inputs)
    without = classifier_of(plain, seed, weights, data)
    trained = judged(classifier.logits(data.train.inputs), data.train)
    return {
        **measured,
        "train_loss": trained["loss"],
        "train_error": trained["error"],
        **tested("test", logits, data.test),
        "evaluation_deviation": float(np.abs(logits - without.logits(data.test.inputs)).max()),
        **simplicity(config, seed, weights, data.test.inputs),
        **moments(config, seed),
    }


def fitted(config: DropoutConfig, classifier: Classifier, data: NoisyDigits, seed: Seed, log: Log) -> int:
    """Train until the training loss is no higher than the config's `fit`; returns after how many epochs that was."""
    for epoch, _ in enumerate(train(classifier, config.epochs, seed, log), 1):
        if judged(classifier.logits(data.train.inputs), data.train)["loss"] <= config.fit:
            return epoch
    return config.epochs


def simplicity(config: DropoutConfig, seed: Seed, weights: Weights, X: np.ndarray) -> dict[str, Any]:
    """The measures of `lib.mlp.dropout.simplicity` on pictures X (n, 64), and the spectrum of the last hidden layer."""
    H = layers(weights, X)[-2]
    shares = spectrum(H)
    noise = seed.rng("sensitivity").normal(0, config.sensitivity_noise, X.shape)
    return {
        **ranks(shares),
        "norm": float(np.linalg.norm(H, axis=1).mean()),
        "input_gradient": float(np.linalg.norm(input_gradients(weights, X), axis=1).mean()),
        "sensitivity": sensitivity(weights, X, noise),
        "spectrum": shares[:100],
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


def classifier_of(config: DropoutConfig, seed: Seed, weights: Weights, data: NoisyDigits) -> Classifier:
    """The network with these weights and the config's `rate` of dropout, ready to be trained with Adam.

    Its weight decay is that of AdamW (Loshchilov & Hutter 2019), which is Adam where it is 0.
    """
    X, labels = data.train.inputs, data.train.labels
    if config.framework == "keras":
        import keras

        if replacement("dropout") is not None:
            raise ValueError("dropout of one's own takes the place of torch's layer alone: use framework torch")
        network = keras_mlp(weights, dropout=config.rate, seed=seed)
        adamw = keras.optimizers.AdamW(config.learning_rate, config.weight_decay, epsilon=EPSILON["keras"])
        return KerasClassifier(network, adamw, X, labels, config.examples_per_step)
    import torch

    torch.manual_seed(seed.integer("masks"))
    model = torch_mlp(weights, dropout=config.rate)
    _with_own(model, seed)
    adamw = torch.optim.AdamW(
        model.parameters(), lr=config.learning_rate, eps=EPSILON["torch"], weight_decay=config.weight_decay
    )
    return TorchClassifier(model, adamw, X, labels, config.examples_per_step)


def _with_own(model: torch.nn.Sequential, seed: Seed) -> None:
    """Put dropout of one's own, where this run has it, in the place of the model's layers."""
    own = replacement("dropout")
    if own is not None:
        from lib.mlp.dropout.own_dropout import replace_dropout

        replace_dropout(model, own, seed)


def named(config: DropoutConfig, weights: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """A classifier's weights, named and shaped as `lib.models.mlp` has them, whatever the framework."""
    return named_weights(list(weights.values())) if config.framework == "keras" else dict(weights)


def study(config: DropoutConfig) -> Study:
    """All that needs no result; then the network without dropout, stopped where the one with dropout has arrived."""
    results = yield from gather(batches(_trials(config), config.batch))
    yield from batches(_at_equal_fit(config, results), config.batch)


def _trials(config: DropoutConfig) -> Iterator[Trial]:
    """Every strength and weight decay with noisy labels, and with and without dropout on clean ones; every seed."""
    without = {"rate": 0.0, "weight_decay": 0.0, "fit": 0.0}
    arms = {"without": without, "with": {**without, "rate": config.dropout}}
    variants: dict[str, dict[str, Any]] = {
        **arms,
        **{f"clean labels/{name}": {**arm, "label_noise": 0.0} for name, arm in arms.items()},
        **{f"rate/{rate:g}": {**without, "rate": rate} for rate in config.ladder},
        **{f"decay/{decay:g}": {**without, "weight_decay": decay} for decay in config.decays},
    }
    for seed in range(config.seeds):
        for name, changes in variants.items():
            yield Trial(name, changed(config, changes), seed, Runtime(config.framework))


def _at_equal_fit(config: DropoutConfig, results: Sequence[Result]) -> Iterator[Trial]:
    for result in results:
        if result.trial.variant == "with" and result.status == "FINISHED":
            changes = {"rate": 0.0, "weight_decay": 0.0, "fit": result.measurements["train_loss"]}
            yield Trial(EQUAL_FIT, changed(config, changes), result.trial.seed, Runtime(config.framework))


SEARCH = Search(
    space={
        "dropout": Range(0.0, 0.9),
        "learning_rate": Range(1e-4, 1e-2, log=True),
        "hidden": Range(64, 1024, log=True),
    },
    trial=lambda config: Trial("with", changed(config, {"rate": config.dropout}), 0, Runtime(config.framework)),
    measure="validation_loss",
    goal="minimize",
)
"""Of the network with dropout, on noisy labels as those that it learns."""

LAB = Lab(
    name="dropout",
    summary="cutting neurons at random: whether the gap narrows, and what about the network becomes simpler",
    chapter=3,
    minutes=2,
    config=DropoutConfig,
    quick={"seeds": 3, "ladder": (0.65,), "decays": (12,)},
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
