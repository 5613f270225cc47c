"""Reuse a module: features learned on some pictures, for others of which there are few.

LeNet-5 learns what is plentiful. What it has learned, without its last layer, is written as a SavedModel, the format of
TensorFlow Hub's modules. Anyone can load it without the code that made it: here to tell new kinds apart, of which it
has seen none, from 1 to 20 pictures of each. What the module has seen decides, so there are two:

- **letters**: 274 printed letters of five alphabets, drawn at will; the new kinds are the ten handwritten digits.
- **clothes**: five kinds of clothes, drawn for each seed; the new kinds are the other five.

There are five ways to learn from the few pictures: the module with a new last layer, frozen or trained on; the same
network from scratch; and what could do without a module: logistic regression on the bare pixels, and on what a network
with random weights makes of them, taken where random weights are best, after its second pooling.

Whole networks train for the same number of steps, the pictures moved anew at each, which helps the one from scratch
most. The penalty of a head on frozen features is chosen by cross-validation among the few pictures. Nothing else is
known of the new kinds: the test pictures are read once, at the end. With ``--set module=ADDRESS`` the module is one of
TensorFlow Hub's instead.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import Field

from lib.harness.contract.claim import largest, smallest
from lib.harness.contract.config import Config
from lib.harness.contract.lab import Lab
from lib.harness.contract.search import Range, Search
from lib.harness.contract.seeds import Seed
from lib.harness.contract.series import packed
from lib.harness.contract.studies import changed
from lib.harness.contract.trial import Log, Runtime, Trial
from lib.models import evaluation, lenet
from lib.models.training import KerasClassifier, train
from lib.tf2.hub import figures
from lib.tf2.hub.claims import CLAIMS, LAYERS, WAYS
from lib.tf2.hub.modules import SIGNATURE, Module, export_features, keras_layer, load
from lib.tf2.hub.pictures import SOURCES, Pictures, Source, Task, few, moved, task

if TYPE_CHECKING:
    import keras

HEADS = (0.01, 0.1, 1.0, 10.0)
"""Inverse strength of the L2 penalty of a head on frozen features."""
USUAL, FOLDS = 1.0, 5
"""The strength without a choice, scikit-learn's own; and the folds of cross-validation, fewer where pictures are."""
Count = Annotated[int, Field(ge=1, le=5_000)]
COMPARED = 100
"""Pictures on which the doors of a module are compared."""
FEATURES, RANDOM = "dense2", "pool2"
"""The layer that a module ends with, the last but one; and where random weights are best."""
Features = Callable[[np.ndarray], np.ndarray]
"""From pictures (n, 28, 28) to features (n, d)."""


class HubConfig(Config):
    """Settings of the lab."""

    framework: Literal["torch", "keras"] = Field("keras", description="the lab is about TensorFlow")
    source: Source = Field("letters", description="what the module has seen and is for; set by the variant")
    module: str = Field(
        "", max_length=500, description="folder or address of a SavedModel from pictures to features; none: made here"
    )
    signature: str = Field(SIGNATURE, min_length=1, max_length=100, description="the one that all exporters write")
    picture_size: int = Field(96, ge=28, le=512, description="for a module that takes any size; small, so quick")
    shots: tuple[Count, ...] = Field(
        (1, 5, 10, 20), min_length=2, description="pictures of each new kind; in order, from almost none to some"
    )
    pictures: int = Field(20_000, ge=500, le=25_000, description="to make the module: 73 of each letter")
    epochs: int = Field(5, ge=1, le=50, description="for the module: its loss falls little after that")
    examples_per_step: int = Field(64, ge=1, le=1000, description="for the module: 1,560 steps in all")
    learning_rate: float = Field(2e-3, gt=0, le=1, description="Adam's, for all networks; LeNet's best is 4e-3")
    steps: int = Field(120, ge=1, le=10_000, description="of a whole network on the few pictures: flat from there on")
    judged: int = Field(1_000, ge=100, le=5_000, description="pictures that the module itself is judged by")
    tested: int = Field(5_000, ge=100, le=5_000, description="test pictures at most: all there are")


def trial(config: HubConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """Make the module or load it, and reuse it for the new kinds; accuracies on test pictures by way and shots."""
    pictures = task(config.source, config.pictures, config.judged, config.tested, seed)
    random = lenet.keras_lenet(lenet.initial_weights(seed.child("random")))
    with tempfile.TemporaryDirectory() as folder:
        if config.module:
            made: dict[str, Any] = {}
            module = load(config.module, config.signature, config.picture_size)
        else:
            network, made = make(config, seed, log, pictures, folder)
            module = load(folder, config.signature)
            made["layers"] = by_layer(config, seed, pictures, {"module": network, "random": random})
        reused = reuse(config, seed, log, pictures, module=module, random=features_of(random, RANDOM))
    return {"new_kinds": pictures.names, **made, **reused}


def make(config: HubConfig, seed: Seed, log: Log, pictures: Task, folder: str) -> tuple[keras.Model, dict[str, Any]]:
    """Train LeNet on what is plentiful and write its features to the folder; its last layer has an output a kind.

    Returns the network, and how good it is, and whether the features are its.
    """
    import keras

    images, labels = pictures.seen
    body = lenet.keras_lenet(lenet.initial_weights(seed))
    head = keras.layers.Dense(int(labels.max()) + 1, name="head")(body.get_layer(FEATURES).output)
    model = keras.Model(body.inputs[0], head)
    optimizer = keras.optimizers.Adam(config.learning_rate)
    classifier = KerasClassifier(model, optimizer, images[..., None], labels, config.examples_per_step)
    for _ in train(classifier, config.epochs, seed.child("module"), log):
        pass
    log.parameters({f"{layer.name}.{w.name}": w.numpy() for layer in model.layers for w in layer.weights})
    part = export_features(model, FEATURES, folder)
    validation, validation_labels = pictures.seen_validation
    compared = validation[:COMPARED]
    wanted = np.asarray(part(compared[..., None]))
    module = load(folder)
    as_layer = module.classifier(2, trainable=False).layers[1](compared[..., None])[module.output]
    return model, {
        "own_accuracy": evaluation.accuracy(classifier.logits(validation[..., None]), validation_labels),
        "doors": {
            "hub.load": float(np.abs(module.features(compared) - wanted).max()),
            "TFSMLayer": float(np.abs(np.asarray(as_layer) - wanted).max()),
        },
        "keras_layer": keras_layer(module, compared),
    }


def features_of(model: keras.Model, layer: str) -> Features:
    """The outputs of a layer of LeNet, one row a picture."""
    import keras

    part = keras.Model(model.inputs[0], model.get_layer(layer).output)

    def features(images: np.ndarray) -> np.ndarray:
        batches = np.array_split(images[..., None], -(-len(images) // 500))
        return np.concatenate([np.asarray(part(batch)).reshape(len(batch), -1) for batch in batches])

    return features


def by_layer(
    config: HubConfig, seed: Seed, pictures: Task, networks: Mapping[str, keras.Model]
) -> dict[str, list[float]]:
    """Test accuracy of a head with the usual penalty on each of `LAYERS`, with the most pictures, by network."""
    images, labels = few(pictures.pool, max(config.shots), seed)
    tested, answers = pictures.test
    return {
        name: [
            float(np.mean(head((features(images), labels), (features(tested), answers), strengths=(USUAL,))))
            for features in (features_of(network, layer) for layer in LAYERS)
        ]
        for name, network in networks.items()
    }


def reuse(
    config: HubConfig, seed: Seed, log: Log, pictures: Task, *, module: Module, random: Features
) -> dict[str, Any]:
    """Accuracies on the test pictures of the new kinds: for each way a list, one number for each of the shots."""
    images, labels = pictures.test
    frozen: dict[str, Features] = {
        "frozen module": module.features,
        "frozen random": random,
        "pixels": lambda images: images.reshape(len(images), -1),
    }
    tested = {way: features(images) for way, features in frozen.items()}
    right: dict[str, list[np.ndarray]] = {way: [] for way in WAYS}
    changes = []
    for shots in config.shots:
        given = few(pictures.pool, shots, seed)
        for way, features in frozen.items():
            few_features = features(given[0]), given[1]
            right[way].append(head(few_features, (tested[way], labels), scaled=way != "pixels"))
        for way in ("module trained on", "from scratch"):
            start = module if way == "module trained on" else None
            answers, change = whole(config, seed, start, given, pictures.test)
            right[way].append(answers)
            if start:
                changes.append(change)
        log(shots, **{way: float(np.mean(values[-1])) for way, values in right.items()})
    return {
        "accuracy": {way: [float(np.mean(each)) for each in values] for way, values in right.items()},
        "right": {way: [packed(each) for each in values] for way, values in right.items()},
        "moved": smallest(changes),
    }


def head(given: Pictures, test: Pictures, *, scaled: bool = True, strengths: Sequence[float] = HEADS) -> np.ndarray:
    """Test pictures that logistic regression on features recognises: (test pictures,).

    Its penalty is chosen by cross-validation among the few pictures: each fold leaves out as many of each kind. From
    one picture of each nothing can be left out, so that the penalty is the usual one.

    Args:
        given: features of the few pictures, kind after kind (n, d), and their labels (n,).
        test: the same of the test pictures.
        scaled: features are brought to variance 1 first, as those of networks want it; pixels are in [0, 1] already.
        strengths: that there are to choose from.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    features, labels = given
    shots = len(labels) // len(np.unique(labels))

    def fitted(strength: float, which: np.ndarray) -> Any:
        steps = [StandardScaler()] if scaled else []
        model = make_pipeline(*steps, LogisticRegression(C=strength, max_iter=2000))
        return model.fit(features[which], labels[which])

    everything, strength = np.ones(len(labels), dtype=bool), USUAL
    if shots > 1 and len(strengths) > 1:
        fold = np.arange(len(labels)) % shots % min(FOLDS, shots)
        scores = {
            c: np.mean([fitted(c, fold != k).score(features[fold == k], labels[fold == k]) for k in np.unique(fold)])
            for c in strengths
        }
        strength = max(strengths, key=lambda c: scores[c])  # the strongest penalty of equals
    return np.asarray(fitted(strength, everything).predict(test[0]) == test[1])


def whole(
    config: HubConfig, seed: Seed, module: Module | None, given: Pictures, test: Pictures
) -> tuple[np.ndarray, float]:
    """Train a whole network on few pictures: the module with a new head, or LeNet from scratch.

    Returns the recognised test pictures, and the largest change of a weight below the head.
    """
    import keras

    images, labels = given

    def prepared(images: np.ndarray) -> np.ndarray:
        return images[..., None] if module is None else np.asarray(module.pictures(images))

    if module is None:
        model = lenet.keras_lenet(lenet.initial_weights(seed.child("scratch")))
    else:
        model = module.classifier(len(np.unique(labels)), trainable=True)
    before = model.get_weights()
    classifier = KerasClassifier(
        model, keras.optimizers.Adam(config.learning_rate), prepared(images), labels, len(labels)
    )
    shifts = seed.rng("shifts", len(labels))
    for _ in range(config.steps):
        classifier.replace(prepared(moved(images, shifts)))
        classifier.epoch(np.arange(len(labels)))
    right = evaluation.right(classifier.logits(prepared(test[0])), test[1])
    return right, largest(np.abs(a - b) for a, b in zip(before[:-2], model.get_weights()[:-2], strict=True))


SEARCH = Search(
    space={
        "learning_rate": Range(2e-4, 2e-2, log=True),
        "examples_per_step": Range(16, 256, log=True),
        "epochs": Range(1, 8),
    },
    trial=lambda config: Trial(
        "letters", changed(config, {"source": "letters", "shots": (1, 2), "steps": 1}), 0, Runtime("keras")
    ),
    measure="own_accuracy",
    goal="maximize",
)
"""Of the module, by the letters that it has not seen; what is made of it afterwards is kept short."""

LAB = Lab(
    name="hub",
    summary="reuse a module: what printed letters have taught, for handwritten digits of which there are few",
    chapter=9,
    minutes=10,
    config=HubConfig,
    quick={
        "seeds": 3,
        "shots": (1, 10),
        "pictures": 8_000,
        "epochs": 6,
        "steps": 60,
        "judged": 500,
        "tested": 1_000,
    },
    variants={source: {"source": source} for source in SOURCES},
    trials=trial,
    claims=CLAIMS,
    lecture=("reuse-a-module",),
    figures=figures.FIGURES,
    frameworks=("keras",),
    data=("printed_letters", "mnist_5k", "fashion_mnist"),
    search=SEARCH,
    texts=figures.TEXTS,
)
