"""The lab contract: what a lab says, and nothing about how it is run.

A lab module ends in ``LAB = Lab(name=…, summary=…, …)``. The harness imports that module alone, asks its study for
trials, runs them, and hands their results to the claims and figures. Adding a lab is adding one file or one folder.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from lib.harness.contract.claim import require_sentences
from lib.harness.contract.config import Config
from lib.harness.contract.results import Results
from lib.harness.contract.search import Search
from lib.harness.contract.seeds import Seed
from lib.harness.contract.source import CHAPTER, MINUTES
from lib.harness.contract.studies import batches, checked, variants_by_seeds
from lib.harness.contract.texts import Texts
from lib.harness.contract.trial import Framework, Log, Measurements, Result, Runtime, Study, Trial
from lib.harness.errors import UserError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from lib.harness.contract.claim import Claim

TrialFunction = Callable[[Any, Seed, Log], Measurements]
"""From a config, a seed and a log to measurements: trains once; pure in config and seed."""


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
        config: the lab's config model.
        trials: the function that a trial runs, or several by name (`Trial.function` names one of them).
        chapter: its place in the lecture, from 1; labs are listed in this order.
        minutes: duration of the full lab on two cores.
        quick: the config changes of ``--quick``: smaller, so it may be inconclusive, never the opposite.
        variants: names of the arms of the default study, with the config changes of each.
        study: from the config to the generator of trials; where `draws`, from the config and the run's `Seed`. By
            default every variant with every seed, in the framework that the config names.
        claims: what is measured, each with its verdict.
        lecture: the rows of `claims` that are sentences of the lecture; the others are questions that go on from it.
        figures: file stem to a function of the results and the config.
        animations: the same for animations, saved as GIF.
        data: names of the data sets that the lab reads (modules of ``lib.data``).
        portable: by framework, the makers of CPUs that were shown to give the same bits with ``--portable``; ``any``:
            every processor, where the kernels compute. A key ``framework/function`` is for one trial function alone.
        model: the trained model that it registers, if any.
        search: how its settings are searched for, or, as a text, why that has no meaning.
        draws: whether the study itself draws at random, as a search does, and not its trials alone.
        replaceable: the names of what code of one's own may take the place of: ``run(lab, with_={name: …})``. The lab
            asks for it with `replacement`.
        texts: what stands in ``texts.toml``: the summary in Korean; statement, unit and note of the claims, the
            lecture's sentences and what figures say, in English and Korean.
    """

    name: str
    summary: str
    config: type[Config]
    trials: TrialFunction | Mapping[str, TrialFunction]
    chapter: int = CHAPTER
    minutes: float = MINUTES
    quick: Mapping[str, Any] = field(default_factory=lambda: {"seeds": 3})
    variants: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: {"default": {}})
    study: Callable[..., Study] | None = None
    claims: tuple[Claim, ...] = ()
    lecture: tuple[str, ...] = ()
    figures: Mapping[str, Callable[[Results, Any], Figure]] = field(default_factory=dict)
    animations: Mapping[str, Callable[[Results, Any], Any]] = field(default_factory=dict)
    frameworks: tuple[Framework, ...] = ("torch",)
    data: tuple[str, ...] = ()
    portable: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    model: Model | None = None
    search: Search | str = "it does not say what to search for"
    draws: bool = False
    replaceable: tuple[str, ...] = ()
    texts: Texts = field(default_factory=Texts)

    def __post_init__(self) -> None:
        functions = list(self.trials.values()) if isinstance(self.trials, Mapping) else [self.trials]
        if not (isinstance(self.config, type) and issubclass(self.config, Config)):
            raise UserError("config is to be a class that derives from Config")
        if not functions or not all(map(callable, functions)):
            raise UserError("trials is to be a function of a config, a seed and a log, or several of them by name")
        if self.study is not None and not callable(self.study):
            raise UserError("study is to be a function of a config")
        require_sentences(self.claims)
        if unknown := set(self.lecture) - {claim.row for claim in self.claims}:
            raise UserError(f"lecture has the row '{min(unknown)}', of which there is no claim")
        object.__setattr__(self, "claims", tuple(map(self.texts.worded, self.claims)))

    @property
    def korean(self) -> str:
        """The summary in Korean; empty where the texts have none."""
        return self.texts.entries.get("lab.summary", {}).get("ko", "")

    def begin(self, config: Config, root_seed: int) -> Study:
        """The study of a run: a generator of batches of trials.

        Raises:
            UserError: while it runs: it asks for no trial at all, for the same variant and seed twice, or for a trial
                function that the lab does not have.
        """
        if self.study is None:
            study = self._variants_by_seeds(config)
        else:
            study = self.study(config, Seed(root_seed)) if self.draws else self.study(config)
        return checked(study, self.name, self.function)

    def makers(self, framework: str, function: str = "") -> tuple[str, ...]:
        """The value of `portable` for trials in this framework that run this function."""
        return self.portable.get(f"{framework}/{function}", self.portable.get(framework, ()))

    def _variants_by_seeds(self, config: Config) -> Study:
        framework = config.framework if config.framework in self.frameworks else self.frameworks[0]
        return batches(variants_by_seeds(config, self.variants, Runtime(framework)), config.batch)

    def function(self, trial: Trial) -> TrialFunction:
        """The function that `trial` runs. Raises `UserError` when the lab has no function of that name."""
        if callable(self.trials):
            if not trial.function:
                return self.trials
            known = "one function without a name"
        else:
            if trial.function in self.trials:
                return self.trials[trial.function]
            if not trial.function and len(self.trials) == 1:
                return next(iter(self.trials.values()))
            known = f"the functions {', '.join(self.trials)}"
        asked = f"the function '{trial.function}'" if trial.function else "no function"
        raise UserError(
            f"{self.name}: the trial {trial.variant}, seed {trial.seed}, names {asked}; `trials` has {known}"
        )
