"""The convolution lab: what a convolution computes, what it finds in pictures, and what many of them make.

Three rows of the lecture, each with files of its own: `arithmetic` (shift, multiply, sum), `edges` and `training`
(features by hand and learned), `order` and `growth` (filters grow).
What it teaches is written out in `by_hand`, `filters` and `receptive_field`.

The study first asks for all that needs no choice and for the grids of learning rates, then for fresh seeds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lib.cnn.convolution import arithmetic as convolution_arithmetic
from lib.cnn.convolution import edges as convolution_edges
from lib.cnn.convolution import figures as convolution_figures
from lib.cnn.convolution import growth as convolution_growth
from lib.cnn.convolution import order as convolution_order
from lib.cnn.convolution import training as convolution_training
from lib.cnn.convolution.config import Arm, ConvolutionConfig
from lib.harness.contract.lab import Lab, TrialFunction
from lib.harness.contract.search import Range, Search
from lib.harness.contract.studies import batches, best_mean, changed, gather, grid_seed, joins
from lib.harness.contract.trial import Result, Runtime, Study, Trial

NUMPY, TORCH, KERAS = Runtime("numpy", "float64"), Runtime("torch"), Runtime("keras")
TRIALS: dict[str, TrialFunction] = {
    "tensorflow": convolution_arithmetic.tensorflow_trial,
    "torch": convolution_arithmetic.torch_trial,
    "order": convolution_order.trial,
    "size": convolution_growth.size_trial,
    "field": convolution_growth.field_trial,
    "edges": convolution_edges.trial,
    "grid": convolution_training.grid,
    "final": convolution_training.final,
}
GRIDS: tuple[Arm, ...] = ("cnn", "cnn-shuffled", "mlp")
"""Networks that have a grid of their own."""
RUNTIMES = {"torch": TORCH, "order": NUMPY, "size": NUMPY, "field": TORCH, "edges": NUMPY}


def study(config: ConvolutionConfig) -> Study:
    """Ask for all that needs no choice and the grids, then for fresh seeds at the best learning rates."""
    results = yield from gather(batches(first_stage(config), config.batch))
    yield from batches(final_stage(config, results), config.batch)


def _grid(config: ConvolutionConfig, arm: Arm) -> dict[tuple[tuple[int, ...], float], str]:
    """The widths and learning rates that a network's grid tries, with the names of their trials."""
    widths = convolution_training.hidden_widths() if arm == "mlp" else [()]
    return {
        (hidden, rate): "/".join(["grid", arm, *(["-".join(map(str, hidden))] if hidden else []), f"{rate:.2g}"])
        for hidden in widths
        for rate in config.rates
    }


def first_stage(config: ConvolutionConfig) -> Iterator[Trial]:
    """The grids, which take the longest, and one trial of every other experiment; first what is slow to load."""
    yield Trial("tensorflow", config, 0, KERAS, "tensorflow")
    for arm in GRIDS:
        grid = _grid(config, arm)
        for (hidden, rate), variant in grid.items() if len(grid) > 1 else ():
            changes = {"arm": arm, "hidden": hidden, "learning_rate": rate}
            yield Trial(variant, changed(config, changes), grid_seed(), TORCH, "grid")
    for experiment, runtime in RUNTIMES.items():
        yield Trial(experiment, config, 0, runtime, experiment)


def final_stage(config: ConvolutionConfig, results: Sequence[Result]) -> Iterator[Trial]:
    """Fresh seeds for every arm at what its grid has chosen; shuffled pixels are nothing new to an MLP's settings."""
    chosen = {
        arm: best_mean(results, _grid(config, arm), lambda result: result.measurements["validation_loss"])
        for arm in GRIDS
    }
    arms: dict[Arm, tuple[tuple[int, ...], float]] = {**chosen, "mlp-shuffled": chosen["mlp"]}
    for seed in range(config.seeds):
        for arm, (hidden, rate) in arms.items():
            settings = changed(config, {"arm": arm, "hidden": hidden, "learning_rate": rate})
            yield Trial(f"training/{arm}", settings, seed, TORCH, "final")


SEARCH = Search(
    space={"learning_rate": Range(2e-4, 5e-2, log=True), "minibatch": Range(16, 512, log=True)},
    trial=lambda config: Trial("cnn", changed(config, {"arm": "cnn"}), 0, TORCH, "grid"),
    measure="validation_loss",
    goal="minimize",
    adopt=joins("learning_rate", "rates"),
)
"""Of LeNet, whose features are learned."""

LAB = Lab(
    name="convolution",
    summary="convolution by hand and in the frameworks: the features it finds, and filters that grow",
    chapter=5,
    minutes=3,
    config=ConvolutionConfig,
    quick={
        "seeds": 3,
        "draws": 5,
        "noise": 32,
        "garments": 500,
        "rates": (3e-3,),
        "epochs": 6,
        "pictures": 4_000,
        "judged": 2_000,
    },
    study=study,
    trials=TRIALS,
    claims=(
        *convolution_arithmetic.CLAIMS,
        *convolution_edges.CLAIMS,
        *convolution_training.CLAIMS,
        *convolution_order.CLAIMS,
        *convolution_growth.CLAIMS,
    ),
    lecture=("shift-multiply-sum", "extracts-features", "filters-grow"),
    figures=convolution_figures.FIGURES,
    data=("fashion_mnist", "photographs"),
    portable={"numpy": ("amd", "intel"), "torch/grid": ("any",)},
    search=SEARCH,
    texts=convolution_figures.TEXTS,
)
