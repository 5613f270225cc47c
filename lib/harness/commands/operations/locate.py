"""Finds in a record the trial and the step whose operations are wanted, for `invoke reproduce RUN --ops`.

It is of this clone and reads the record. What records the operations (`lib.harness.commands.operations.record`) is of
the code that ran, so it is told everything.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from itertools import islice
from typing import Any

from pydantic import ValidationError

from lib.harness.commands.operations.record import Wanted
from lib.harness.comparing import comparison, from_mlflow
from lib.harness.comparing.records import STEP, Child, Record
from lib.harness.errors import UserError, short
from lib.harness.recording.trace import digest_of

END = "end"
"""The step that stands for what a trial does after its last one."""
STEP_FORM = re.compile(rf"\d+(:[1-9]\d*)?|{END}")
Place = tuple[Child, int | None]
"""A trial, and the number of a record of its trace, that of a step; None for the end."""


def locate(name: str, trial: str | None, step: str | None) -> int:
    """Print the trial and the step whose operations are wanted, with what was recorded of them, as JSON. Returns 0.

    Args:
        name: of the run.
        trial: its name, as in "adam, seed 3". Without it and `step`: the first in which the run and its newest
            reproduction differ, or the run's first.
        step: its name (`step_names`). Without it the trial's first.

    Raises:
        UserError: there is no such run, trial or step, or its record is not whole.
    """
    if step is not None and not STEP_FORM.fullmatch(step):
        raise UserError(f"--step {short(step)}: write it as 140, as 140:2 for the second record of that step, or {END}")
    with from_mlflow.connected() as client:
        original = from_mlflow.read(client, from_mlflow.find(client, name))
        if trial is None and step is None:
            repeated = from_mlflow.read(client, from_mlflow.reproduction_of(client, original))
            place = first_difference(original, repeated)
        else:
            place = named(original, trial, step)
        print(json.dumps(described(original.key, *place)))
    return 0


def described(run: str, child: Child, number: int | None) -> dict[str, Any]:
    """A place for the program that records its operations, the trial's config, and the digest of its trace up to there.

    Raises:
        UserError: the record of the trial is not whole.
    """
    names = step_names(child)
    try:
        wanted = Wanted(
            run=run,
            variant=child.variant,
            seed=child.seed,
            step=END if number is None else names[number],
            first=max(names, default=-1) + 1 if number is None else number,
            last=None if number is None else number + 1,
            **{tag.removeprefix("lab."): value for tag, value in child.runtime.items()},
        )
        config: dict[str, Any] = dict(json.loads(child.config or b""))
    except (ValidationError, ValueError, TypeError, RecursionError):
        raise UserError(f"{run}: tags or config of trial {child.name} are not whole: it cannot be run alone") from None
    logged = digest_of(islice(child.trace(), wanted.last))
    return {"wanted": wanted.model_dump(), "trial": child.name, "config": config, "logged": logged}


def step_names(child: Child) -> dict[int, str]:
    """The name of each record of a step by the record's number: the step's own, and which one where it has several."""
    steps = {number: match[1] for number, line in enumerate(child.trace()) if (match := STEP.match(line))}
    total, so_far = Counter(steps.values()), Counter[str]()
    names = {}
    for number, step in steps.items():
        so_far[step] += 1
        names[number] = step if total[step] == 1 else f"{step}:{so_far[step]}"
    return names


def first_difference(original: Record, repeated: Record) -> Place:
    """The first place where two runs differ; the first step of all where none does."""
    children = {child.name: child for child in original.children.values()}
    for difference in comparison.compare(original, repeated).differences:
        child = children[difference.trial]
        return child, difference.record if difference.record in step_names(child) else None
    return named(original, None, None)


def named(original: Record, trial: str | None, step: str | None) -> Place:
    """The place that a user names, the first of those that fit. Raises `UserError` where there is none."""
    children = [child for child in original.children.values() if trial in (None, child.name)]
    if not children:
        known = ", ".join(f"'{child.name}'" for child in islice(original.children.values(), 3))
        raise UserError(f"--trial {short(trial)}: {original.key} has no such trial; it has {known or 'none'}")
    if step == END:
        return children[0], None
    for child in children:
        for number, name in step_names(child).items():
            if step in (None, name, name.removesuffix(":1")):
                return child, number
    if step is None:
        raise UserError(f"{original.key}: no step of {children[0].name} is in its trace: --step {END} takes all of it")
    where = f" in trial {trial}" if trial else ""
    raise UserError(f"--step {short(step)}: {original.key} has logged no such step{where}")
