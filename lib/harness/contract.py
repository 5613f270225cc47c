"""The lab contract: what a lab says, and nothing about how it is run.

A lab module ends in ``LAB = Lab(name=…, summary=…, …)``. The harness imports that module alone, asks its study for
trials, runs them, and hands their results to the claims and figures. Adding a lab is adding one such file.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from lib.harness.seeds import Seed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from lib.harness.claims import Claim
    from lib.harness.pruning import Pruning

Framework = Literal["numpy", "torch", "keras"]
Dtype = Literal["float32", "float64"]
Measurements = Mapping[str, Any]
"""What a trial returns: names to numbers, texts, lists or arrays of them. Arrays come back as nested lists."""


class Config(BaseModel):
    """The settings of a study and of its trials. A lab's own config derives from it.

    Every field has a description that gives the reason for its default, and a range. Names of no field are refused.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)

    framework: Literal["torch", "keras"] = Field("torch", description="what most readers of the lecture use today")
    seeds: int = Field(5, ge=1, le=1000, description="5 pairs are the fewest whose 95 % interval says something")
    batch: int = Field(
        16, ge=1, le=1024, description="trials asked for at a time; fixed, so that no study depends on its workers"
    )


@dataclass(frozen=True)
class Runtime:
    """The process-wide state that a trial needs. Trials of one runtime share pooled worker processes."""

    framework: Framework = "numpy"
    dtype: Dtype = "float32"


@dataclass(frozen=True)
class Trial:
    """One training with one seed: the unit of work, of tracking and of repetition.

    `pruning`: by what it may be ended early, as a trial of a search; no part of what it computes.
    """

    variant: str
    config: Config
    seed: int
    runtime: Runtime = Runtime()
    pruning: Pruning | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Result:
    """A trial that has ended. `measurements` is empty when `status` is neither FINISHED nor PRUNED.

    PRUNED: a search has ended it early, as others were better by then; `measurements` says after how many reports.
    `timings`: the last of each that it recorded by ``log.timing``; outside the digest, and other in every run.
    `reports`: of a trial of a search, the values that it logged of what its search has for `Search.reported`.
    """

    trial: Trial
    run: str
    status: Literal["FINISHED", "PRUNED", "FAILED", "KILLED"]
    measurements: Mapping[str, Any] = field(default_factory=dict)
    digest: str = ""
    error: str = ""
    timings: Mapping[str, float] = field(default_factory=dict)
    reports: tuple[float, ...] = ()


class Log(Protocol):
    """What a trial records while it runs. Everything but timings enters the trial's digest."""

    def __call__(self, step: int, **values: float | np.ndarray | np.generic) -> None:
        """Record values at a step: numbers become metrics, arrays are recorded by dtype, shape and SHA-256."""

    def timing(self, step: int = 0, **values: float) -> None:
        """Record seconds or bytes. They differ from run to run, so they stay outside the digest."""

    def parameters(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Record the final parameters by dtype, shape and SHA-256, and keep them as ``model/parameters.npz``."""


Study = Generator[list[Trial], list[Result], None]
"""Results so far in, next batch of trials out."""


class Results(Sequence[Result]):
    """The results of a study, with the two questions that claims and figures ask of them."""

    def __init__(self, results: Sequence[Result]):
        self._results = list(results)

    def __getitem__(self, index: Any) -> Any:
        return self._results[index]

    def __len__(self) -> int:
        return len(self._results)

    def __iter__(self) -> Iterator[Result]:
        return iter(self._results)

    def of(self, variant: str) -> Results:
        """The finished results of a variant, ordered by seed. Raises `LookupError` when there are none."""
        found = [r for r in self._results if r.trial.variant == variant and r.status == "FINISHED"]
        if not found:
            raise LookupError(f"no finished trial of variant '{variant}'")
        return Results(sorted(found, key=lambda r: r.trial.seed))

    def variants(self, prefix: str = "") -> list[str]:
        """The names of the finished variants that start with `prefix`, in the order in which they ran."""
        finished = (r.trial.variant for r in self._results if r.status == "FINISHED")
        return [v for v in dict.fromkeys(finished) if v.startswith(prefix)]

    def values(self, variant: str, measurement: str) -> np.ndarray:
        """One measurement of a variant as an array with a row per seed."""
        return np.asarray([r.measurements[measurement] for r in self.of(variant)])

    def paired(self, first: str, second: str, measurement: str) -> tuple[np.ndarray, np.ndarray]:
        """One measurement of two variants over the seeds that both have, aligned by seed. Shapes (seeds, …)."""
        a = {r.trial.seed: r.measurements[measurement] for r in self.of(first)}
        b = {r.trial.seed: r.measurements[measurement] for r in self.of(second)}
        seeds = sorted(a.keys() & b.keys())
        if not seeds:
            raise LookupError(f"variants '{first}' and '{second}' share no seed")
        return np.asarray([a[s] for s in seeds]), np.asarray([b[s] for s in seeds])


@dataclass(frozen=True)
class Sentence:
    """What the lecture says, for the report.

    Attributes:
        english, korean: the sentence.
        figure: the picture that shows it.
        lesson: in English and Korean: what to learn from the measurement, above all where the sentence is not the
            whole truth. It explains; the verdict is the measurement's.
        parts: the statements of the row's claims in Korean, by part; ``""`` is the row itself.
    """

    english: str
    korean: str
    figure: str = ""
    lesson: tuple[str, str] | None = None
    parts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Model:
    """The trained model that a lab hands on: it goes to MLflow's registry, one version for each run of the lab.

    Attributes:
        name: in the registry.
        choose: from the results to the trial whose final parameters (``log.parameters``) it has; `LookupError`: none.
        loader: a module of ``lib`` with ``_load_pyfunc(folder)``: from a folder with ``parameters.npz`` and
            ``settings.json`` to an object with ``predict(model_input, params=None)``.
        settings: what the loader must know besides the parameters; plain JSON.
        example: an input, for the signature.
        packages: that the loader needs.
        runtime: of the worker that tries the loader.
    """

    name: str
    choose: Callable[[Results], Result]
    loader: str
    settings: Callable[[Result], Mapping[str, Any]]
    example: Callable[[], np.ndarray]
    packages: tuple[str, ...] = ("numpy", "torch")
    runtime: Runtime = Runtime("torch")


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included; whole ones where both are `int`.

    `log`: drawn evenly by their logarithm. `step`: only those that many steps above `low`.
    """

    low: float
    high: float
    log: bool = False
    step: float | None = None

    @property
    def whole(self) -> bool:
        """Whether only whole numbers are meant."""
        return isinstance(self.low, int) and isinstance(self.high, int)


@dataclass(frozen=True)
class Choices:
    """One of these values."""

    values: tuple[bool | int | float | str, ...]


Space = Mapping[str, Range | Choices]
"""What a search may set: fields of a config, and what each may be."""


def as_found(config: Any, found: Mapping[str, Any]) -> Mapping[str, Any]:
    """The fields that a search has found, as they are: for a lab whose study chooses none of them itself."""
    return found


@dataclass(frozen=True)
class Search:
    """How a lab's settings are searched for (``invoke sweep``).

    Attributes:
        space: what may vary; the rest is the config's.
        trial: from a config with sampled fields to the one trial, of seed 0, that judges them: one network, few epochs.
        measure: what it is judged by, on validation data, never on test data: a measurement of that trial, if `value`
            is missing.
        goal: what is wanted of it.
        reported: a value on the same scale that the trial logs at every epoch or so, by which it may be pruned;
            empty where it logs none.
        adopt: from the config of a run of the lab and the fields found to the changes with which it runs with them
            (``--config best``). A lab whose study chooses a field by a grid of its own says how the two go together.
        value: from the finished trial to `measure`, where that is a part of a measurement or was logged only.
    """

    space: Space
    trial: Callable[[Any], Trial]
    measure: str
    goal: Literal["minimize", "maximize"]
    reported: str = ""
    adopt: Callable[[Any, Mapping[str, Any]], Mapping[str, Any]] = as_found
    value: Callable[[Result], float] | None = None

    def judged(self, result: Result) -> float:
        """What a finished trial is judged by."""
        return float(self.value(result) if self.value else result.measurements[self.measure])


@dataclass(frozen=True)
class Lab:
    """A lab. The catalogue reads name, summary, chapter, minutes and frameworks from the source: they are literals.

    Attributes:
        name: what comes after ``invoke lab``; also the MLflow experiment.
        summary: one line, what the lab shows.
        chapter: its place in the lecture, from 1; labs are listed in this order.
        minutes: duration of the full lab on two cores.
        config: the lab's config model.
        quick: the config changes of ``--quick``: smaller, so it may be inconclusive, never the opposite.
        study: from the config to the generator of trials; where `draws`, from the config and the run's `Seed`.
        trial: trains and returns measurements; pure in (config, seed).
        claims: what is measured, each with its verdict.
        figures: file stem to a function of the results and the config.
        animations: the same for animations, saved as GIF.
        data: names of the data sets that the lab reads (modules of ``lib.data``).
        portable: by framework, the makers of CPUs that were shown to give the same bits with ``--portable``.
        model: the trained model that it registers, if any.
        search: how its settings are searched for, or, as a text, why that has no meaning.
        draws: whether the study itself draws at random, as a search does, and not its trials alone.
        sentences: what the lecture says, by the row of the claims.
        korean: the summary in Korean.
    """

    name: str
    summary: str
    chapter: int
    minutes: float
    config: type[Config]
    quick: Mapping[str, Any]
    study: Callable[..., Study]
    trial: Callable[[Any, Seed, Log], Measurements]
    claims: tuple[Claim, ...]
    figures: Mapping[str, Callable[[Results, Any], Figure]]
    animations: Mapping[str, Callable[[Results, Any], Any]] = field(default_factory=dict)
    frameworks: tuple[str, ...] = ("torch",)
    data: tuple[str, ...] = ()
    portable: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    model: Model | None = None
    search: Search | str = "it does not say what to search for"
    draws: bool = False
    sentences: Mapping[str, Sentence] = field(default_factory=dict)
    korean: str = ""

    def begin(self, config: Config, root_seed: int) -> Study:
        """The study of a run."""
        return self.study(config, Seed(root_seed)) if self.draws else self.study(config)
