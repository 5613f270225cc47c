"""The lab contract: what a lab says, and nothing about how it is run.

A lab module ends in ``LAB = Lab(name=…, summary=…, …)``. The harness imports that module alone, asks its study for
trials, runs them, and hands their results to the claims and figures. Adding a lab is adding one such file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from lib.harness.contract.config import Config
from lib.harness.contract.results import Results
from lib.harness.contract.search import Search
from lib.harness.contract.seeds import Seed
from lib.harness.contract.texts import Texts
from lib.harness.contract.trial import Log, Measurements, Result, Runtime, Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from lib.harness.contract.claim import Claim


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
        texts: what stands in ``texts.toml``: statement, unit and note of the claims, the lecture's sentences and what
            figures say, in English and Korean.
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
    texts: Texts = field(default_factory=Texts)

    def __post_init__(self) -> None:
        object.__setattr__(self, "claims", tuple(map(self.texts.worded, self.claims)))
        if "lab.summary" in self.texts:
            object.__setattr__(self, "korean", self.texts.entries["lab.summary"]["ko"])

    def begin(self, config: Config, root_seed: int) -> Study:
        """The study of a run."""
        return self.study(config, Seed(root_seed)) if self.draws else self.study(config)
