"""Recurrent networks: how the gradient vanishes on its way back through time, and how far back networks learn to look.

Trial functions:

- **start** measures the gradient by time lag before training: vanilla networks with several recurrent matrices, LSTMs
  and GRUs with several biases of the gate that retains the state (`lib.nlp.rnn.lags`). It also compares the network by
  hand (`lib.nlp.rnn.bptt`) with torch's.
- **learn** trains on a task whose answer lies some steps back (`lib.nlp.rnn.tasks`), from near to far, until a distance
  is not learned. At each distance a fresh network trains until it answers validation sequences or its steps are used
  up. Networks have equal size, gradients are clipped, and each network has the learning rate that is best for it: the
  one with which it first learns the distance `SEARCHED`, on a seed that is used for nothing else.
- **text** learns to predict Jane Austen's next character and then measures the gradient by lag again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from lib.harness.contract.claim import largest
from lib.harness.contract.config import Config
from lib.harness.contract.lab import Lab
from lib.harness.contract.search import Range, Search
from lib.harness.contract.seeds import Seed
from lib.harness.contract.studies import batches, best_mean, changed, gather, grid_seed, joins
from lib.harness.contract.trial import Log, Result, Runtime, Study, Trial
from lib.nlp.rnn import bptt
from lib.nlp.rnn import figures as rnn_figures
from lib.nlp.rnn import lags as rnn_lags
from lib.nlp.rnn import tasks as rnn_tasks
from lib.nlp.rnn import text as rnn_text
from lib.nlp.rnn.cells import CHRONO, UNITS, Network, Reader, recurrent
from lib.nlp.rnn.claims import CLAIMS, LAG, SEARCHED
from lib.nlp.rnn.figures import TEXTS
from lib.nlp.rnn.tasks import Task

LAGS = 51
VALIDATION, TEST = 500, 1000
CONTEXTS = (1, 2, 4, 8, 16, 32, 64)
LOOK = 25
"""Steps between two looks at the validation score."""
Distance = Annotated[int, Field(ge=1, le=1000)]
Rate = Annotated[float, Field(gt=0, le=1)]


class RnnConfig(Config):
    """Settings of the whole lab. `task` and `network` tell trials apart."""

    framework: Literal["torch"] = Field("torch", description="what most readers of the lecture use today")
    batch: int = Field(256, ge=1, le=1024, description="trials asked for at a time: all, so that no core waits")
    task: Task = Field("adding", description="what a trial learns; set by the study")
    network: Network = Field("rnn", description="what a trial trains; set by the study")

    seeds: int = Field(6, ge=1, le=1000, description="of the tasks: the fewest for which a median has an interval")
    grid_seeds: int = Field(3, ge=1, le=1000, description="one start is lucky at some rate: the mean over 3 chooses")
    start_seeds: int = Field(24, ge=1, le=1000, description="single starts scatter by a factor of 2: a mean needs 20")
    units: int = Field(64, ge=2, le=1024, description="of the networks at their start: theory is for many")
    inputs: int = Field(8, ge=1, le=1024, description="standard normal ones, few, so that the state is no mere echo")
    sequences: int = Field(32, ge=1, le=10_000, description="over which a gradient's size is taken")
    radii: tuple[float, ...] = Field(
        (0.5, 1.0, 1.5, 2.0, 3.0), min_length=1, description="from vanishing to exploding, by theory"
    )
    biases: tuple[float, ...] = Field(
        (0.0, 1.0, 2.0, 3.0, 5.0), min_length=1, description="from a gate half open to one that lets 99 % stay"
    )

    tasks: tuple[Task, ...] = Field(("adding", "copy"), min_length=1, description="all that claims need")
    networks: tuple[Network, ...] = Field(
        ("rnn", "rnn orthogonal", "lstm", "lstm chrono", "gru chrono"), min_length=1, description="all that claims need"
    )
    distances: tuple[Distance, ...] = Field(
        (10, 20, 40, 80), min_length=1, description="doubled each time, up to where nothing is left of a gradient"
    )
    training_steps: int = Field(1000, ge=1, le=100_000, description="at most, for a distance: 64,000 sequences")
    grid_steps: int = Field(500, ge=1, le=100_000, description="of the grid, at most: the soonest rate needs fewer")
    batch_size: int = Field(64, ge=1, le=10_000, description="fresh sequences a step, so that none is learned by heart")
    learning_rates: tuple[Rate, ...] = Field(
        (1e-3, 3e-3, 1e-2), min_length=1, description="Adam's, constant: each network takes its best, by seeds apart"
    )
    learning_rate: Rate = Field(3e-3, description="Adam's, of one trial; set by the study")
    clip: float = Field(1.0, gt=0, le=1000, description="longest gradient, for all alike: it is not about explosions")
    learned: float = Field(0.9, gt=0, lt=1, description="validation score from which a distance counts as learned")

    text_seeds: int = Field(5, ge=1, le=1000, description="the fewest for an interval: a training takes many seconds")
    text_networks: tuple[Network, ...] = Field(
        ("rnn", "lstm forget 1", "gru"), min_length=1, description="all that claims need"
    )
    text_steps: int = Field(2000, ge=1, le=100_000, description="common words are learned by then; style is not")
    text_length: int = Field(64, ge=max(CONTEXTS), le=1000, description="characters that a gradient can go back")
    text_rate: Rate = Field(1e-2, description="Adam's at the start, the largest that each of them bears; it falls to 0")


def starts(config: RnnConfig) -> dict[str, dict[str, Any]]:
    """The networks whose start is measured, by name: arguments of `recurrent`."""
    return {
        "rnn": {"network": "rnn"},
        **{f"normal {g:g}": {"network": "rnn", "radius": g} for g in config.radii},
        **{f"orthogonal {g:g}": {"network": "rnn orthogonal", "radius": g} for g in config.radii},
        **{f"lstm {b:g}": {"network": "lstm", "bias": b} for b in config.biases},
        **{f"gru {b:g}": {"network": "gru", "bias": b} for b in config.biases},
        **{network: {"network": network, "memory": LAG} for network in CHRONO},
    }


def at_start(config: RnnConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """The gradient by lag of every start, with the same sequences; and how far `lib.nlp.rnn.bptt` is from torch."""
    import torch

    X = seed.rng("inputs").normal(size=(LAGS, config.sequences, config.inputs))
    direction = seed.rng("direction").normal(size=(config.sequences, config.units))
    norms = {}
    for step, (name, arguments) in enumerate(starts(config).items()):
        torch.manual_seed(seed.integer("start", name))
        module = recurrent(inputs=config.inputs, units=config.units, **arguments)
        norms[name] = rnn_lags.gradient_by_lag(module, X, direction)
        log(step, gradient=norms[name])
        if name == "rnn":
            log.parameters({key: p.detach().numpy() for key, p in module.named_parameters()})
            deviations = by_hand(module, X, direction, seed)
    return {"gradient": norms, "factor": {name: rnn_lags.factor(n) for name, n in norms.items()}, **deviations}


def by_hand(module: Any, X: np.ndarray, direction: np.ndarray, seed: Seed) -> dict[str, float]:
    """The largest deviations of `lib.nlp.rnn.bptt` from torch: states, gradients; and of gradients from differences.

    The loss is the product of all states with random directions, so that every step has a share of its own.
    Differences are central ones along a random direction of all weights together, relative to the derivative.
    """
    import torch

    directions = seed.rng("directions").normal(size=(*X.shape[:2], direction.shape[1]))
    weights = {name: p.detach().numpy() for name, p in module.named_parameters()}
    module.zero_grad()
    inputs = torch.from_numpy(X).requires_grad_()
    outputs = module(inputs)[0]
    (outputs * torch.from_numpy(directions)).sum().backward()
    states = bptt.forward(weights, X)
    gradient = bptt.backward(weights, X, states, directions)
    pairs = [(p.grad.numpy(), gradient.weights[name]) for name, p in module.named_parameters()]
    pairs.append((np.asarray(inputs.grad), gradient.inputs))
    way = {name: seed.rng("way", name).normal(size=w.shape) for name, w in weights.items()}
    epsilon = 1e-6
    ends = [
        np.sum(bptt.forward({n: w + sign * epsilon * way[n] for n, w in weights.items()}, X)[1:] * directions)
        for sign in (1, -1)
    ]
    derivative = sum(float(np.sum(way[name] * gradient.weights[name])) for name in weights)
    return {
        "output_deviation": float(np.abs(outputs.detach().numpy() - states[1:]).max()),
        "gradient_deviation": largest(np.abs(a - b) for a, b in pairs),
        "difference_deviation": float(abs((ends[0] - ends[1]) / (2 * epsilon) / derivative - 1)),
    }


def learn(config: RnnConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """From near to far until a distance is not learned.

    By distance `tried`: the `steps` done, the last `scores` on validation sequences, and whether they were `learned`.
    `reach` is the largest distance learned (0: none).
    """
    tried: list[int] = []
    steps: list[int] = []
    scores: list[float] = []
    for place, distance in enumerate(config.distances):
        here = seed.child(config.task, distance)
        reader = Reader(
            config.network,
            rnn_tasks.INPUTS[config.task],
            UNITS[config.network],
            rnn_tasks.OUTPUTS[config.task],
            here,
            memory=max(distance, 2),
        )
        for step, score in training(config, distance, reader, here):
            log(place * config.training_steps + step, validation_score=score)
        tried.append(distance)
        steps.append(step)
        scores.append(score)
        log.parameters(reader.arrays())
        if not score >= config.learned:
            break
    learned = [score >= config.learned for score in scores]
    reach = max((distance for distance, done in zip(tried, learned, strict=True) if done), default=0)
    return {"tried": tried, "steps": steps, "scores": scores, "learned": learned, "reach": reach}


def training(config: RnnConfig, distance: int, reader: Reader, seed: Seed) -> Iterator[tuple[int, float]]:
    """Train with Adam on fresh sequences, gradients clipped, until the distance is learned or steps run out.

    Yields the steps done and the score on validation sequences, which are fresh as well, at each look.
    """
    import torch

    X, answers = rnn_tasks.draw(config.task, distance, VALIDATION, seed.rng("validation"))
    validation = torch.from_numpy(X)
    parameters, sequences = reader.parameters(), seed.rng("sequences")
    optimizer = torch.optim.Adam(parameters, lr=config.learning_rate)
    for step in range(1, config.training_steps + 1):
        X, targets = rnn_tasks.draw(config.task, distance, config.batch_size, sequences)
        loss = rnn_tasks.loss(config.task, reader(torch.from_numpy(X)), torch.from_numpy(targets))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, config.clip)
        optimizer.step()
        if step % LOOK == 0 or step == config.training_steps:
            with torch.no_grad():
                score = rnn_tasks.score(config.task, reader(validation).numpy(), answers)
            yield step, score
            if score >= config.learned or not np.isfinite(score):
                return


def read(config: RnnConfig, seed: Seed, log: Log) -> dict[str, Any]:
    """Learn to guess Jane Austen's next character. `gradient`: by lag, before and after, of the guess of the last
    character; `losses`: of the same test characters by the number of characters before them that are shown."""
    import torch

    text, characters = rnn_text.symbols("train")
    model = rnn_text.CharacterModel(config.network, UNITS[config.network], characters, seed)
    new = rnn_text.crops(rnn_text.symbols("validation")[0], LAGS + 1, 500, seed.rng("validation"))
    before = rnn_lags.relative_norms(model.gradient(new))
    parameters, crops = model.parameters(), seed.rng("crops")
    optimizer = torch.optim.Adam(parameters, lr=config.text_rate)
    for step in range(config.text_steps):
        loss = model.loss(rnn_text.crops(text, config.text_length + 1, config.batch_size, crops))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, config.clip)
        optimizer.step()
        optimizer.param_groups[0]["lr"] = config.text_rate * (1 - (step + 1) / config.text_steps)
        if step % LOOK == LOOK - 1:
            log(step, loss=loss.item())
    log.parameters(model.arrays())
    test = rnn_text.crops(rnn_text.symbols("test")[0], max(CONTEXTS) + 1, TEST, seed.rng("test"))
    return {
        "before": before,
        "gradient": rnn_lags.relative_norms(model.gradient(new)),
        "contexts": CONTEXTS,
        "losses": [float(model.last_losses(test, context).mean()) for context in CONTEXTS],
    }


def study(config: RnnConfig) -> Study:
    """Everything at once but for the tasks, which wait for the rates that a grid chooses. The longest come first."""
    results = yield from gather(batches([*_texts(config), *_grid(config), *_starts(config)], config.batch))
    yield from batches(_finals(config, results), config.batch)


def _texts(config: RnnConfig) -> Iterator[Trial]:
    for seed in range(config.text_seeds):
        for network in config.text_networks:
            yield Trial(f"text/{network}", changed(config, {"network": network}), seed, Runtime("torch"), "text")


def _arms(config: RnnConfig) -> Iterator[tuple[Task, Network]]:
    """All networks add; the copying task asks what the vanilla one can do, and nothing of the others."""
    for task in config.tasks:
        for network in config.networks if task == "adding" else ("rnn",):
            yield task, network


def _rates(config: RnnConfig, task: Task, network: Network) -> dict[float, str]:
    """The learning rates that a network chooses from, from the lowest on, and the variants of their trials."""
    return {rate: f"grid/{task}/{network}/{rate:g}" for rate in sorted(config.learning_rates)}


def _grid(config: RnnConfig) -> Iterator[Trial]:
    """Each network at each rate, at one distance; nothing where there is one rate alone."""
    for task, network in _arms(config):
        rates = _rates(config, task, network)
        for rate, variant in rates.items() if len(rates) > 1 else ():
            steps = min(config.grid_steps, config.training_steps)
            changes = {"learning_rate": rate, "distances": (SEARCHED,), "training_steps": steps}
            for seed in range(config.grid_seeds):
                yield _learning(config, variant, grid_seed(seed), task=task, network=network, **changes)


def _starts(config: RnnConfig) -> Iterator[Trial]:
    for seed in range(config.start_seeds):
        yield Trial("start", config, seed, Runtime("torch", "float64"), "start")


def _learning(config: RnnConfig, variant: str, seed: int, **changes: Any) -> Trial:
    return Trial(variant, changed(config, changes), seed, Runtime("torch"), "learn")


def _steps(result: Result) -> float:
    """Steps until a trial of the grid had learned; one that had not counts as more, the lower its score the more."""
    config: Any = result.trial.config
    steps, score = result.measurements["steps"][-1], result.measurements["scores"][-1]
    return float(steps if result.measurements["learned"][-1] else config.training_steps + 1 - score)


def _finals(config: RnnConfig, results: Sequence[Result]) -> Iterator[Trial]:
    """Fresh seeds at the rate with which each network learns soonest."""
    rates = {arm: best_mean(results, _rates(config, *arm), _steps) for arm in _arms(config)}
    for seed in range(config.seeds):
        for (task, network), rate in rates.items():
            yield _learning(config, f"{task}/{network}", seed, task=task, network=network, learning_rate=rate)


SEARCH = Search(
    space={
        "learning_rate": Range(1e-3, 1e-1, log=True),
        "batch_size": Range(8, 128, log=True),
        "clip": Range(0.1, 10.0, log=True),
    },
    trial=lambda config: Trial(
        "adding/gru chrono",
        changed(config, {"task": "adding", "network": "gru chrono", "distances": (SEARCHED,)}),
        0,
        Runtime("torch"),
        "learn",
    ),
    measure="validation_score",
    goal="maximize",
    reported="validation_score",
    value=lambda result: result.reports[-1],
    adopt=joins("learning_rate", "learning_rates"),
)
"""Of the GRU that adds two numbers, by the last look at validation sequences, which is no measurement of the trial."""

LAB = Lab(
    name="rnn",
    summary="recurrent networks: what becomes of the gradient over time, by start and cell; how far each learns",
    chapter=10,
    minutes=11,
    config=RnnConfig,
    quick={
        "seeds": 3,
        "grid_seeds": 1,
        "start_seeds": 20,
        "training_steps": 300,
        "distances": (10, 20),
        "text_seeds": 3,
        "text_steps": 80,
    },
    study=study,
    trials={"start": at_start, "learn": learn, "text": read},
    claims=CLAIMS,
    lecture=("bptt-vanishes",),
    figures=rnn_figures.FIGURES,
    data=("austen",),
    search=SEARCH,
    texts=TEXTS,
)
