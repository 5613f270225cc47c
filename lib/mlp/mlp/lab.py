"""The multi-layer perceptron: what a neuron can do, and what layers add with and without a non-linearity.

Trial functions:

- **neuron** (`lib.mlp.mlp.threshold`, `lib.mlp.mlp.equal_starts`): threshold units, the perceptron rule, XOR, from
  random weights and from equal ones, in NumPy.
- **hand** (`lib.mlp.mlp.by_hand`): back-propagation in NumPy compared with the framework's and with finite differences.
- **tune-spirals**, **tune-digits** (`lib.mlp.mlp.training`): the same depth and width with and without an activation,
  and one linear layer, at a grid of learning rates that is judged by the loss on validation data.
- **spirals**, **digits**: the same networks with fresh seeds at their best learning rates; the test data are read once,
  when the training is over. Every trained network is also folded: all its matrices multiplied into one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Literal

import numpy as np

from lib.harness.contract.claim import Claim, largest, require_trained, smallest
from lib.harness.contract.lab import Lab, TrialFunction
from lib.harness.contract.results import Results
from lib.harness.contract.search import Range, Search
from lib.harness.contract.seeds import Seed
from lib.harness.contract.series import Series
from lib.harness.contract.studies import batches, best_mean, changed, gather, grid_seed, joins
from lib.harness.contract.trial import Log, Result, Runtime, Study, Trial
from lib.mlp.mlp import by_hand, equal_starts, threshold
from lib.mlp.mlp.figures import FIGURES, TEXTS
from lib.mlp.mlp.training import TASKS, MlpConfig, Network, Task, learn, tune


def neurons(config: MlpConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """All that is in NumPy."""
    return {**threshold.trial(config, seed, log), "equal_starts": equal_starts.measure(config, seed)}


TRIALS: Mapping[str, TrialFunction] = {
    "neuron": neurons,
    "hand": by_hand.trial,
    **{f"tune-{task}": partial(tune, task) for task in TASKS},
    **{task: partial(learn, task) for task in TASKS},
}


def study(config: MlpConfig) -> Study:
    """Exact experiments and grids, then fresh seeds at the best learning rates."""
    results = yield from gather(batches(first_stage(config), config.batch))
    yield from batches(second_stage(config, results), config.batch)


def _networks() -> list[tuple[Task, Network]]:
    return [(task, network) for task, networks in TASKS.items() for network in networks]


def _grid(config: MlpConfig, task: Task, network: Network) -> dict[float, str]:
    """The learning rates that a network chooses from, from the lowest on, and the variants of their trials."""
    return {rate: f"grid/{task}/{network}/{rate:.2g}" for rate in sorted(config.learning_rates)}


def first_stage(config: MlpConfig) -> Iterator[Trial]:
    """The trials that need no choice."""
    runtime = Runtime(config.framework)
    for task, network in _networks():
        rates = _grid(config, task, network)
        for rate, variant in rates.items() if len(rates) > 1 else ():
            grid = changed(config, {"network": network, "learning_rate": rate})
            for seed in range(config.grid_seeds):
                yield Trial(variant, grid, grid_seed(seed), runtime, f"tune-{task}")
    yield Trial("hand", config, 0, Runtime(config.framework, "float64"), "hand")
    for seed in range(config.seeds):
        yield Trial("neuron", config, seed, Runtime("numpy", "float64"), "neuron")


def second_stage(config: MlpConfig, results: Sequence[Result]) -> Iterator[Trial]:
    """Fresh seeds at the learning rate with the lowest mean validation loss, for every network."""
    chosen = {
        (task, network): best_mean(results, _grid(config, task, network), lambda r: r.measurements["validation_loss"])
        for task, network in _networks()
    }
    for seed in range(config.seeds):
        for (task, network), rate in chosen.items():
            final = changed(config, {"network": network, "learning_rate": rate})
            yield Trial(f"{task}/{network}", final, seed, Runtime(config.framework), task)


MARGIN = 0.02
"""Accuracies closer than this count as equal: about two standard errors of 1,000 test examples at 0.9."""

TRAINED = 0.3
"""Test accuracy from which on a network has learned digits: three times chance. On spirals a linear one has chance."""


def gain(task: Task, better: str, other: str) -> Callable[[Results], Series]:
    """The test accuracy of one network minus that of the other: of spirals (seeds,), of digits (seeds, items).

    Raises:
        InconclusiveError: neither has learned anything.
    """

    def measure(results: Results) -> Series:
        first, second = (results.series(f"{task}/{network}", "test_accuracy") for network in (better, other))
        if task == "spirals":
            return first - second
        require_trained("the better network's test accuracy", np.maximum(first, second), TRAINED)
        first, second = (results.items(f"{task}/{network}", "test_right") for network in (better, other))
        return first - second

    return measure


INTERVALS: Mapping[Task, Literal["mean", "items"]] = {"spirals": "mean", "digits": "items"}
"""Each seed draws its own spirals; all have the same digits."""


def folding(network: Network, worst: Callable[[Any], Any]) -> Callable[[Results], float]:
    """Relative deviation of the folded network from the network: the worst over tasks and seeds."""
    return lambda results: float(
        worst([value for task in TASKS for value in results.values(f"{task}/{network}", "folding")])
    )


_CORE = (
    Claim(
        "nonlinearity-is-the-core/spirals",
        role="sentence",
        measure=gain("spirals", "relu", "identity"),
        more_than=0.0,
        smallest=MARGIN,
    ),
    Claim(
        "nonlinearity-is-the-core/digits",
        role="sentence",
        measure=gain("digits", "relu", "identity"),
        more_than=0.0,
        smallest=MARGIN,
        interval=INTERVALS["digits"],
    ),
    *(
        Claim(
            f"nonlinearity-is-the-core/linear-stays-linear-{task}",
            role="control",
            measure=gain(task, "identity", "one-layer"),
            at_least=-MARGIN,
            at_most=MARGIN,
            interval=INTERVALS[task],
        )
        for task in TASKS
    ),
    Claim(
        "nonlinearity-is-the-core/tanh-too",
        role="control",
        measure=gain("spirals", "tanh", "identity"),
        more_than=0.0,
        smallest=MARGIN,
    ),
    Claim(
        "nonlinearity-is-the-core/folds",
        role="identity",
        kind="exact",
        measure=folding("identity", largest),
        at_most=1e-5,
    ),
    Claim(
        "nonlinearity-is-the-core/relu-does-not-fold",
        role="identity",
        kind="exact",
        measure=folding("relu", smallest),
        at_least=0.1,
    ),
)
SEARCH = Search(
    space={"learning_rate": Range(1e-4, 1e-1, log=True), "batch_size": Range(10, 500, log=True)},
    trial=lambda config: Trial(
        "digits/relu",
        changed(config, {"network": "relu"}),
        0,
        Runtime(config.framework),
        "tune-digits",
    ),
    measure="validation_loss",
    goal="minimize",
    adopt=joins("learning_rate", "learning_rates"),
)
"""Of the network with ReLU on digits."""

LAB = Lab(
    name="mlp",
    summary="a neuron, and what layers of neurons can do with and without a non-linearity between them",
    chapter=1,
    minutes=2,
    config=MlpConfig,
    quick={
        "seeds": 6,
        "grid_seeds": 1,
        "learning_rates": (1e-3, 1e-2),
        "spirals_epochs": 60,
        "spirals_points": 500,
        "digits_epochs": 6,
        "xor_starts": 40,
        "xor_steps": 1_500,
    },
    study=study,
    trials=TRIALS,
    claims=(*threshold.CLAIMS, *_CORE, *by_hand.CLAIMS, *equal_starts.CLAIMS),
    lecture=("nonlinearity-is-the-core", "threshold-neuron"),
    figures=FIGURES,
    frameworks=("torch", "keras"),
    data=("mnist_5k",),
    portable={"numpy": ("amd", "intel"), "torch/tune-digits": ("any",)},
    search=SEARCH,
    texts=TEXTS,
)
