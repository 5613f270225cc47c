"""Studies: generators that ask for trials. Results so far come in, the next batch of trials goes out.

The batch size is the config's, never the number of workers, so that a study asks for the same trials on any machine.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from statistics import fmean
from typing import Any, TypeVar

from lib.harness.contract.config import Config
from lib.harness.contract.trial import Result, Runtime, Study, Trial
from lib.harness.errors import UserError

C = TypeVar("C", bound=Config)
T = TypeVar("T")
K = TypeVar("K")
GRID_SEEDS = 1_000_000
"""The first seed number of grids; those of finals are smaller, so that the two never meet."""
Part = Generator[list[Trial], list[Result], T]
"""A part of a study that returns something when it has ended."""


def changed(config: C, changes: Mapping[str, Any]) -> C:
    """A copy of `config` with `changes`, validated again (pydantic's own `model_copy` does not validate)."""
    return type(config).model_validate({**config.model_dump(), **changes})


def batches(trials: Iterable[Trial], size: int) -> Study:
    """Ask for `trials` in batches of at most `size`, whatever comes back."""
    iterator: Iterator[Trial] = iter(trials)
    while batch := list(islice(iterator, size)):
        yield batch


def variants_by_seeds(
    config: Config,
    variants: Mapping[str, Mapping[str, Any]],
    runtime: Runtime,
    seeds: int | None = None,
    function: str = "",
) -> Iterator[Trial]:
    """Every variant with every seed; seeds outermost, so that pairs end together.

    Args:
        variants: names with their config changes.
        runtime: of all the trials.
        seeds: how many; those of the config by default.
        function: the trial function that all of them run.
    """
    configs = {name: changed(config, changes) for name, changes in variants.items()}
    for seed in range(config.seeds if seeds is None else seeds):
        for name, variant in configs.items():
            yield Trial(name, variant, seed, runtime, function)


def grid_seed(number: int = 0) -> int:
    """The seed number of a grid's trials, the first one or another: none that a final has."""
    return GRID_SEEDS + number


def in_grid(trial: Trial) -> bool:
    """Return whether a trial is one of a grid that something is chosen from, by its variant: ``grid/0.1``."""
    return "grid" in trial.variant.split("/")[:-1]


def checked(study: Study, lab: str, function: Callable[[Trial], object]) -> Study:
    """Pass on the trials of `study`, each of which must have a variant and seed of its own.

    Args:
        study: the study of the lab named `lab`.
        function: looks up the function of a trial, and raises `UserError` where there is none.

    Raises:
        UserError: the study asks for no trial, or for one variant and seed twice, or after the results of a grid for a
            seed of that grid: what was chosen would be judged by the luck that it was chosen for.
    """
    asked: set[tuple[str, int]] = set()
    of_grids: set[int] = set()
    batch = next(study, None)
    if not batch:
        raise UserError(f"{lab}: the study asks for no trial; check its variants and its number of seeds")
    while batch is not None:
        for trial in batch:
            function(trial)
            if (trial.variant, trial.seed) in asked:
                raise UserError(
                    f"{lab}: the study asks for variant '{trial.variant}' with seed {trial.seed} twice; "
                    "give each kind of trial a variant of its own"
                )
            if trial.seed in of_grids and not in_grid(trial):
                raise UserError(
                    f"{lab}: the study asks for variant '{trial.variant}' with seed {trial.seed}, which a grid has "
                    "used; give the trials of the grid seed numbers of their own: grid_seed(0), grid_seed(1), …"
                )
            asked.add((trial.variant, trial.seed))
        results = yield batch
        of_grids |= {trial.seed for trial in batch if in_grid(trial)}
        try:
            batch = study.send(results)
        except StopIteration:
            return


def gather(study: Study) -> Part[list[Result]]:
    """Run `study` as a part of another one (``results = yield from gather(…)``) and return all its results."""
    results: list[Result] = []
    batch = next(study, None)
    while batch is not None:
        new = yield batch
        results += new
        try:
            batch = study.send(new)
        except StopIteration:
            batch = None
    return results


def side_by_side(parts: Sequence[Part[T]]) -> Part[list[T]]:
    """Run parts of a study at the same time (``found = yield from side_by_side(…)``) and return what each returns.

    They take their steps together: the next batches of all of them are one batch, so that no core waits for one part.
    """
    returned: dict[int, T] = {}
    waiting: dict[int, list[Trial]] = {}
    new: dict[int, list[Result] | None] = dict.fromkeys(range(len(parts)))
    while new:
        for number, results in new.items():
            try:
                waiting[number] = next(parts[number]) if results is None else parts[number].send(results)
            except StopIteration as end:
                returned[number] = end.value
        new = {}
        if waiting:
            answered = yield [trial for batch in waiting.values() for trial in batch]
            for number, batch in waiting.items():
                new[number], answered = answered[: len(batch)], answered[len(batch) :]
            waiting = {}
    return [returned[number] for number in range(len(parts))]


def joins(field: str, grid: str) -> Callable[[Any, Mapping[str, Any]], Mapping[str, Any]]:
    """`Search.adopt` of a lab whose study chooses `field` from the values of `grid`: what was found joins them.

    So every network still gets the value that is best for it on validation data, and a stage that is run alone,
    without the grid, the one that was found.
    """

    def adopt(config: Any, found: Mapping[str, Any]) -> Mapping[str, Any]:
        if field not in found:
            return found
        return {**found, grid: tuple(sorted({*getattr(config, grid), found[field]}))}

    return adopt


def best(results: Sequence[Result], score: Callable[[Result], float]) -> Result:
    """The finished result with the lowest score; the first one asked for wins a tie. NaN and infinity never win.

    Raises:
        LookupError: no result has a finite score.
    """
    scored = [(score(r), i, r) for i, r in enumerate(results) if r.status == "FINISHED"]
    finite = [s for s in scored if float("-inf") < s[0] < float("inf")]
    if not finite:
        raise LookupError("no trial of the grid has a finite score")
    return min(finite, key=lambda s: s[:2])[2]


def best_mean(results: Sequence[Result], variants: Mapping[K, str], score: Callable[[Result], float]) -> K:
    """The choice whose trials have the lowest mean score, so that no single start decides; the first one of equals.

    A choice with a trial that has failed, or whose score is not finite, is only taken where all are such: then it is
    the first one, and its finals show that it fails.

    Args:
        results: of a grid, every choice with the same seeds.
        variants: for each choice the name of its trials. Where there is one choice alone, it needs no trials.
        score: of a finished trial, less is better.
    """

    def mean(choice: K) -> float:
        trials = [result for result in results if result.trial.variant == variants[choice]]
        value = fmean(score(result) if result.status == "FINISHED" else math.inf for result in trials)
        return value if math.isfinite(value) else math.inf

    return min(variants, key=mean) if len(variants) > 1 else next(iter(variants))
