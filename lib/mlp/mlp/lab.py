"""The multi-layer perceptron: what a neuron can, what layers add, and that without a non-linearity they add nothing.

- **neuron** (`lib.mlp.mlp.threshold`): threshold units, the perceptron rule, XOR, in NumPy.
- **hand** (`lib.mlp.mlp.by_hand`): back-propagation in NumPy beside the framework's and beside finite differences.
- **spirals**, **digits** (`lib.mlp.mlp.training`): the same depth and width with and without an activation, and one
  linear layer. A grid of learning rates is judged by the loss on validation data; then fresh seeds at the best; the
  test data are read once, when the training is over. Every trained network is also folded: all its matrices
  multiplied into one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from lib.harness.contract.claim import Claim
from lib.harness.contract.lab import Lab
from lib.harness.contract.results import Results
from lib.harness.contract.search import Range, Search
from lib.harness.contract.seeds import Seed
from lib.harness.contract.series import Series
from lib.harness.contract.studies import batches, changed, gather, joins
from lib.harness.contract.trial import Log, Result, Runtime, Study, Trial
from lib.mlp.mlp import by_hand, threshold
from lib.mlp.mlp import figures as mlp_figures
from lib.mlp.mlp.sentences import KOREAN, SENTENCES
from lib.mlp.mlp.training import TASKS, MlpConfig, Network, Task, learn


def trial(config: MlpConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """One trial of the experiment that the config names."""
    if config.experiment == "neuron":
        return threshold.trial(config, seed, log)
    if config.experiment == "hand":
        return by_hand.trial(config, seed, log)
    return learn(config, seed, log)


def study(config: MlpConfig) -> Study:
    """Exact experiments and grids, then fresh seeds at the best learning rates."""
    results = yield from gather(batches(first_stage(config), config.batch))
    yield from batches(second_stage(config, results), config.batch)


def _tasks(config: MlpConfig) -> Iterator[tuple[Task, Network]]:
    for task, networks in TASKS.items():
        if config.experiment in ("all", task):
            yield from ((task, network) for network in networks)


def first_stage(config: MlpConfig) -> Iterator[Trial]:
    """The trials that need no choice."""
    runtime = Runtime(config.framework)
    for task, network in _tasks(config):
        for rate in config.learning_rates if len(config.learning_rates) > 1 else ():
            changes = {"experiment": task, "network": network, "stage": "grid", "learning_rate": rate}
            grid = changed(config, changes)
            for seed in range(config.grid_seeds):  # other seeds than those of the finals
                yield Trial(f"grid/{task}/{network}/{rate:.2g}", grid, config.seeds + seed, runtime)
    if config.experiment in ("all", "hand"):
        yield Trial("hand", changed(config, {"experiment": "hand"}), 0, Runtime(config.framework, "float64"))
    if config.experiment in ("all", "neuron"):
        for seed in range(config.seeds):
            yield Trial("neuron", changed(config, {"experiment": "neuron"}), seed, Runtime("numpy", "float64"))


def second_stage(config: MlpConfig, results: Sequence[Result]) -> Iterator[Trial]:
    """Fresh seeds at the learning rate with the lowest mean validation loss, for every network."""
    grid = Results(results)
    chosen: dict[tuple[Task, Network], float] = {}
    for task, network in _tasks(config):
        losses = {
            rate: float(np.mean(grid.values(f"grid/{task}/{network}/{rate:.2g}", "validation_loss")))
            for rate in config.learning_rates
            if len(config.learning_rates) > 1
        }
        chosen[task, network] = min(losses, key=losses.__getitem__, default=config.learning_rates[0])
    for seed in range(config.seeds):
        for (task, network), rate in chosen.items():
            changes = {"experiment": task, "network": network, "stage": "final", "learning_rate": rate}
            yield Trial(f"{task}/{network}", changed(config, changes), seed, Runtime(config.framework))


MARGIN = 0.02
"""Accuracies closer than this count as equal: about two standard errors of 1,000 test examples."""


def gain(task: Task, better: str, other: str) -> Callable[[Results], Series]:
    """By how much the test accuracy of one network exceeds the other's: (seeds,)."""

    return lambda results: (
        results.series(f"{task}/{better}", "test_accuracy") - results.series(f"{task}/{other}", "test_accuracy")
    )


def folding(network: Network, worst: Callable[[Any], Any]) -> Callable[[Results], float]:
    """Relative deviation of the folded network from the network: the worst over tasks and seeds."""
    return lambda results: float(
        worst([value for task in TASKS for value in results.values(f"{task}/{network}", "folding")])
    )


_NOTE = "learning rates chosen on validation data; test data read once, after training; paired over seeds"
_CLEARLY = f"clearly: by {MARGIN} or more, two standard errors of 1,000 test examples; {_NOTE}"
_CORE = (
    Claim(
        "nonlinearity-is-the-core/spirals",
        statement=(
            "on two spirals the network with ReLU is right clearly more often than the same one without activation"
        ),
        measure=gain("spirals", "relu", "identity"),
        unit="test accuracy",
        at_least=MARGIN,
        note=_CLEARLY,
    ),
    Claim(
        "nonlinearity-is-the-core/digits",
        statement="on handwritten digits, too",
        measure=gain("digits", "relu", "identity"),
        unit="test accuracy",
        at_least=MARGIN,
        note=_CLEARLY,
    ),
    *(
        Claim(
            f"nonlinearity-is-the-core/linear-stays-linear-{task}",
            statement=f"without activation four layers do on {task} what one linear layer does",
            measure=gain(task, "identity", "one-layer"),
            unit="test accuracy",
            at_least=-MARGIN,
            at_most=MARGIN,
            note=f"equal means within {MARGIN}, two standard errors of 1,000 test examples; {_NOTE}",
        )
        for task in TASKS
    ),
    Claim(
        "nonlinearity-is-the-core/tanh-too",
        statement="it need not be ReLU: with tanh the spirals come apart as well",
        measure=gain("spirals", "tanh", "identity"),
        unit="test accuracy",
        at_least=MARGIN,
        note=_CLEARLY,
    ),
    Claim(
        "nonlinearity-is-the-core/folds",
        statement="without activation the product of all matrices is one layer with the same outputs",
        kind="exact",
        measure=folding("identity", max),
        unit="largest deviation / largest output",
        at_most=1e-5,
        note="trained networks, float32, test examples of both tasks, all seeds",
    ),
    Claim(
        "nonlinearity-is-the-core/relu-does-not-fold",
        statement="with ReLU it is not: the product of the matrices is another function",
        kind="exact",
        measure=folding("relu", min),
        unit="largest deviation / largest output",
        at_least=0.1,
        note="the least of all seeds and both tasks",
    ),
)
SEARCH = Search(
    space={"learning_rate": Range(1e-4, 1e-1, log=True), "batch_size": Range(10, 500, log=True)},
    trial=lambda config: Trial(
        "digits/relu",
        changed(config, {"experiment": "digits", "network": "relu", "stage": "grid"}),
        0,
        Runtime(config.framework),
    ),
    measure="validation_loss",
    goal="minimize",
    adopt=joins("learning_rate", "learning_rates"),
)
"""Of the network with ReLU on digits."""

LAB = Lab(
    name="mlp",
    summary="a neuron, layers of them, and why nothing works without the non-linearity between the layers",
    chapter=1,
    minutes=2,
    config=MlpConfig,
    quick={
        "seeds": 5,
        "grid_seeds": 1,
        "learning_rates": (1e-3, 1e-2),
        "spirals_epochs": 60,
        "spirals_points": 500,
        "digits_epochs": 6,
        "xor_starts": 40,
        "xor_steps": 1_500,
    },
    study=study,
    trials=trial,
    claims=(*threshold.CLAIMS, *_CORE, *by_hand.CLAIMS),
    figures=mlp_figures.FIGURES,
    frameworks=("torch", "keras"),
    data=("mnist_5k",),
    portable={"numpy": ("amd", "intel")},
    search=SEARCH,
    sentences=SENTENCES,
    korean=KOREAN,
)
