"""AutoML: is it worth the time to search hyperparameters, or should one train with the default ones instead?

LeNet-5 on a part of Fashion-MNIST. Five arms get the same number of epochs to spend, in each of several searches:

- **default**: what the frameworks give who says nothing: Adam at 1e-3, batches of 32, no weight decay, no schedule. It
  spends its epochs on other starts of the same training.
- four searches of five hyperparameters, two samplers x two ways to spend: **random** search (Bergstra & Bengio 2012)
  or Optuna's **TPE** (Bergstra et al. 2011), which draws where good trials were; every trial trained to its end, or
  **pruned** where it is worse than the median of the earlier ones (Golovin et al. 2017), so that what is saved goes
  to more trials. TPE with pruning is the tool as one would use it; the others say which half of it does what.

TPE learns from the sixth trial on: with Optuna's ten at random, most of such a short search would be random search. A
search asks for one trial at a time, so that each knows of all before it; the searches run side by side.

Each arm keeps the training with the best accuracy on validation pictures. That one is then repeated, start and all, so
that it gives the same weights, and reads the test pictures once. The arms of one number share starts, orders and what
is drawn at random; numbers share nothing but the pictures.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Literal

from pydantic import Field

from lib.automl import figures
from lib.automl.claims import ARMS, CLAIMS, PRUNED, TPE, Arm, spent
from lib.data import fashion_mnist
from lib.harness.contract.config import Config
from lib.harness.contract.lab import Lab
from lib.harness.contract.search import Choices, Range, Search
from lib.harness.contract.seeds import Seed
from lib.harness.contract.series import packed
from lib.harness.contract.studies import Part, batches, changed, gather, side_by_side
from lib.harness.contract.trial import Log, Result, Runtime, Study, Trial
from lib.harness.searching.search import best_of, searched
from lib.models import evaluation, lenet
from lib.models.training import TorchClassifier, train

TORCH = Runtime("torch")


class AutomlConfig(Config):
    """Settings of the lab. `draw` is set by the study; the last five are what is searched."""

    framework: Literal["torch"] = Field("torch", description="what most readers of the lecture use today")
    seeds: int = Field(8, ge=1, le=1000, description="searches of each arm: a search is a sample of one")
    batch: int = Field(256, ge=1, le=1024, description="winners repeated at a time: all, so that no core waits")
    asked: int = Field(1, ge=1, le=100, description="trials that a search asks for at a time: it learns from each")
    first: int = Field(5, ge=1, le=100, description="random ones, before TPE learns: as many as the pruner waits for")
    draw: int = Field(0, ge=0, le=1_000_000, description="which start of a search's seed; set by the study")
    budget: int = Field(80, ge=1, le=100_000, description="epochs of a search: 16 whole trainings, 11 that TPE chooses")
    epochs: int = Field(5, ge=1, le=200, description="of a whole training: good ones gain little after that")
    pictures: int = Field(3_000, ge=100, le=55_000, description="to train on: few, as there are hundreds of trainings")
    judged: int = Field(2_000, ge=100, le=5_000, description="validation pictures: an accuracy is known to a hundredth")

    learning_rate: float = Field(1e-3, gt=0, le=1, description="Adam's default in torch and in Keras")
    batch_size: int = Field(32, ge=1, le=10_000, description="the default of Keras' fit")
    weight_decay: float = Field(0.0, ge=0, le=10, description="the default of Adam; decoupled, as AdamW has it")
    schedule: Literal["constant", "cosine"] = Field("constant", description="who says nothing gets none")
    variant: lenet.Variant = Field("modern", description="ReLU and max pooling, as one would build it today")


def search(config: AutomlConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """Train once. Validation accuracy after every epoch; no test picture is read."""
    return learn(config, seed, log)[1]


def final(config: AutomlConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """Train as the search did, then read the test pictures."""
    classifier, measured = learn(config, seed, log)
    test = fashion_mnist.test()
    logits = classifier.logits(test.scaled()[:, None])
    log.parameters(classifier.weights())
    return measured | {
        "test_accuracy": evaluation.accuracy(logits, test.labels),
        "test_right": packed(evaluation.right(logits, test.labels)),
        "test_loss": evaluation.cross_entropy(logits, test.labels),
    }


def learn(config: AutomlConfig, seed: Seed, log: Log) -> tuple[TorchClassifier, dict[str, Any]]:
    """The trained classifier and its validation accuracy: the last one, and after every epoch."""
    import torch

    start = seed.child("draw", config.draw)
    training, validation = fashion_mnist.train().first(config.pictures), fashion_mnist.validation().first(config.judged)
    model = lenet.torch_lenet(lenet.initial_weights(start, config.variant), config.variant)
    adam = torch.optim.AdamW(model.parameters(), config.learning_rate, weight_decay=config.weight_decay, fused=True)
    classifier = TorchClassifier(model, adam, training.scaled()[:, None], training.labels, config.batch_size)
    pictures = validation.scaled()[:, None]
    accuracies: list[float] = []
    for epoch, _ in enumerate(train(classifier, config.epochs, start, log), 1):
        accuracies.append(evaluation.accuracy(classifier.logits(pictures), validation.labels))
        log(epoch - 1, validation_accuracy=accuracies[-1])
        if config.schedule == "cosine":
            classifier.set_learning_rate(config.learning_rate * (1 + math.cos(math.pi * epoch / config.epochs)) / 2)
    return classifier, {"validation_accuracy": accuracies[-1], "curve": accuracies}


SEARCH = Search(
    space={
        "learning_rate": Range(1e-4, 1e-1, log=True),
        "batch_size": Range(16, 256, log=True),
        "weight_decay": Range(1e-5, 1.0, log=True),
        "schedule": Choices(("constant", "cosine")),
        "variant": Choices(("modern", "original")),
    },
    trial=lambda config: Trial("search", config, 0, TORCH, "search"),
    measure="validation_accuracy",
    goal="maximize",
    reported="validation_accuracy",
)


def study(config: AutomlConfig, seed: Seed) -> Study:
    """All searches side by side; then the best training of each again, to read the test pictures."""
    places = [(arm, number) for number in range(config.seeds) for arm in ARMS]
    searches = yield from side_by_side([_arm(config, seed, arm, number) for arm, number in places])
    finals = []
    for (arm, number), results in zip(places, searches, strict=True):
        chosen = best_of(SEARCH, results)
        if chosen is not None:
            finals.append(Trial(f"final/{arm}", chosen.trial.config, number, TORCH, "final"))
    yield from batches(finals, config.batch)


def _arm(config: AutomlConfig, seed: Seed, arm: Arm, number: int) -> Part[list[Result]]:
    """One arm's search with one seed, for as many epochs as the budget has."""

    def named(trial: Trial, draw: int) -> Trial:
        return replace(trial, variant=f"{arm}/{draw:03d}", seed=number, config=changed(trial.config, {"draw": draw}))

    def more(results: Sequence[Result]) -> int:
        return int((config.budget - sum(map(spent, results))) // config.epochs)

    if arm == "default":
        return gather(batches(_starts(config, number), config.asked))
    return searched(
        SEARCH,
        SEARCH.space,
        config,
        seed.child("search", number),  # the same random draws for all arms, so that nothing differs but the method
        sampler="tpe" if arm in TPE else "random",
        pruner="median" if arm in PRUNED else "none",
        batch=config.asked,
        more=more,
        named=named,
        startup=config.first,
    )


def _starts(config: AutomlConfig, number: int) -> Iterator[Trial]:
    """The default with as many starts as the budget has whole trainings."""
    for draw in range(config.budget // config.epochs):
        yield Trial(f"default/{draw:03d}", changed(config, {"draw": draw}), number, TORCH, "search")


LAB = Lab(
    name="automl",
    summary="searched hyperparameters compared with the defaults and more starts, at the same budget of epochs",
    chapter=7,
    minutes=25,
    config=AutomlConfig,
    quick={"seeds": 2, "pictures": 500, "judged": 500, "epochs": 3, "budget": 48},
    study=study,
    draws=True,
    trials={"search": search, "final": final},
    claims=CLAIMS,
    lecture=("search-beats-default",),
    figures=figures.FIGURES,
    data=("fashion_mnist",),
    search=SEARCH,
    texts=figures.TEXTS,
)
