"""Reuse a module: features learned on some pictures, for others of which there are few.

LeNet-5 learns what is plentiful. What it has learned, without its last layer, is written as a SavedModel, the format of
TensorFlow Hub's modules. Anyone can load it without the code that made it: here to tell new kinds apart, of which it
has seen none, from 1 to 20 pictures of each. It is compared with the same network from scratch, and with features of
the same network with random weights. What the module has seen decides, so there are two:

- **letters**: 274 printed letters of five alphabets, drawn at will; the new kinds are the ten handwritten digits.
- **clothes**: five kinds of clothes, drawn for each seed; the new kinds are the other five.

How long a network is trained, and how strong a frozen one's head is held back, is chosen on validation pictures of the
new kinds, for each way alike. The test pictures are read once, at the end. With ``--set module=ADDRESS`` the module is
one of TensorFlow Hub's instead.
"""

from __future__ import annotations

import tempfile
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

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
from lib.tf2.hub.claims import CLAIMS
from lib.tf2.hub.modules import SIGNATURE, Module, export_features, keras_layer, load
from lib.tf2.hub.pictures import SOURCES, Pictures, Source, Task, task

HEADS = (0.01, 0.1, 1.0, 10.0)
"""Inverse strength of the L2 penalty of a head on frozen features."""
Count = Annotated[int, Field(ge=1, le=5_000)]
COMPARED = 100
"""Pictures on which the doors of a module are compared."""
FEATURES = "dense2"
"""The layer that a module ends with: the last but one."""


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
    looks: tuple[Count, ...] = Field(
        (15, 30, 60, 120), min_length=1, description="steps on the few pictures after which training may stop"
    )
    judged: int = Field(1_000, ge=100, le=5_000, description="validation pictures; enough for the choices")
    tested: int = Field(5_000, ge=100, le=5_000, description="test pictures at most: all there are")


def trial(config: HubConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """Make the module or load it, and reuse it for the new kinds; accuracies on test pictures by way and shots."""
    pictures = task(config.source, config.pictures, config.judged, config.tested, seed)
    with tempfile.TemporaryDirectory() as folder:
        if config.module:
            made: dict[str, Any] = {}
            module = load(config.module, config.signature, config.picture_size)
        else:
            made = make(config, seed, log, pictures, folder)
            module = load(folder, config.signature)
        random_weights = lenet.keras_lenet(lenet.initial_weights(seed.child("random")))
        with tempfile.TemporaryDirectory() as other:
            export_features(random_weights, FEATURES, other)
            reused = reuse(config, seed, log, pictures, module=module, random=load(other))
    return {"new_kinds": pictures.names, **made, **reused}


def make(config: HubConfig, seed: Seed, log: Log, pictures: Task, folder: str) -> dict[str, Any]:
    """Train LeNet on what is plentiful and write its features to the folder; how good it is, and whether they are its.

    Its last layer has an output for each kind that the module sees.
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
    few = validation[:COMPARED]
    wanted = np.asarray(part(few[..., None]))
    module = load(folder)
    by_layer = module.classifier(2, trainable=False).layers[1](few[..., None])[module.output]
    return {
        "own_accuracy": evaluation.accuracy(classifier.logits(validation[..., None]), validation_labels),
        "doors": {
            "hub.load": float(np.abs(module.features(few) - wanted).max()),
            "TFSMLayer": float(np.abs(np.asarray(by_layer) - wanted).max()),
        },
        "keras_layer": keras_layer(module, few),
    }


def reuse(config: HubConfig, seed: Seed, log: Log, pictures: Task, *, module: Module, random: Module) -> dict[str, Any]:
    """Accuracies on the test pictures of the new kinds: for each way a list, one number for each of the shots."""
    pool, pool_labels = pictures.pool
    judged = pictures.judged
    drawn = seed.rng("few").permutation(len(pool))
    right: dict[str, list[np.ndarray]] = {way: [] for way in figures.WAYS}
    moved = []
    frozen = {"frozen module": module, "frozen random": random}
    features = {way: {name: m.features(images) for name, (images, _) in judged.items()} for way, m in frozen.items()}
    for shots in config.shots:
        which = np.concatenate([drawn[pool_labels[drawn] == kind][:shots] for kind in range(len(pictures.names))])
        few = pool[which], pool_labels[which]
        for way, one in frozen.items():
            right[way].append(head((one.features(few[0]), few[1]), features[way], judged))
        for way in ("module trained on", "from scratch"):
            answers, change = whole(config, seed, module if way.startswith("module") else None, few, judged)
            right[way].append(answers)
            moved += [change] if way.startswith("module") else []
        log(shots, **{way: float(np.mean(values[-1])) for way, values in right.items()})
    return {
        "accuracy": {way: [float(np.mean(each)) for each in values] for way, values in right.items()},
        "right": {way: [packed(each) for each in values] for way, values in right.items()},
        "moved": min(moved),
    }


def head(few: Pictures, features: dict[str, np.ndarray], judged: dict[str, Pictures]) -> np.ndarray:
    """Test pictures that logistic regression on frozen features recognises; its penalty is chosen on validation ones.

    `few`: features (n, features) and kinds (n,) to learn from; `features`: those of the judged pictures.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    scored = []
    for strength in HEADS:
        model = make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=2000)).fit(*few)
        scored.append((model.score(features["validation"], judged["validation"][1]), -strength, model))
    best = max(scored, key=lambda one: one[:2])[2]
    return np.asarray(best.predict(features["test"]) == judged["test"][1])


def whole(
    config: HubConfig, seed: Seed, module: Module | None, few: Pictures, judged: dict[str, Pictures]
) -> tuple[np.ndarray, float]:
    """Train a whole network on few pictures: the module with a new head, or LeNet from scratch.

    Returns the recognised test pictures at the look that is best on the validation pictures, and the largest change of
    a weight below the head.
    """
    import keras

    if module is None:
        model = lenet.keras_lenet(lenet.initial_weights(seed.child("scratch")))
        prepared = {name: images[..., None] for name, (images, _) in judged.items()} | {"few": few[0][..., None]}
    else:
        model = module.classifier(len(np.unique(few[1])), trainable=True)
        prepared = {name: module.pictures(images).numpy() for name, (images, _) in judged.items()}
        prepared["few"] = module.pictures(few[0]).numpy()
    before = best = model.get_weights()
    optimizer = keras.optimizers.Adam(config.learning_rate)
    classifier = KerasClassifier(model, optimizer, prepared["few"], few[1], len(few[1]))
    done, highest = 0, -1.0
    for look in sorted(config.looks):
        classifier.epoch(np.tile(np.arange(len(few[1])), look - done))
        done = look
        score = evaluation.accuracy(classifier.logits(prepared["validation"]), judged["validation"][1])
        if score > highest:
            highest, best = score, model.get_weights()
    model.set_weights(best)
    right = evaluation.right(classifier.logits(prepared["test"]), judged["test"][1])
    return right, max(float(np.abs(a - b).max()) for a, b in zip(before[:-2], best[:-2], strict=True))


SEARCH = Search(
    space={
        "learning_rate": Range(2e-4, 2e-2, log=True),
        "examples_per_step": Range(16, 256, log=True),
        "epochs": Range(1, 8),
    },
    trial=lambda config: Trial(
        "letters", changed(config, {"source": "letters", "shots": (1, 2), "looks": (1,)}), 0, Runtime("keras")
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
        "pictures": 4_000,
        "epochs": 2,
        "looks": (30, 60),
        "judged": 500,
        "tested": 1_000,
    },
    variants={source: {"source": source} for source in SOURCES},
    trials=trial,
    claims=CLAIMS,
    lecture=("reuse-a-module",),
    figures={
        "seen": figures.seen,
        "few_shot": figures.few_shot,
        "advantage": figures.advantage,
        "doors": figures.doors,
    },
    frameworks=("keras",),
    data=("printed_letters", "mnist_5k", "fashion_mnist"),
    search=SEARCH,
    texts=figures.TEXTS,
)
