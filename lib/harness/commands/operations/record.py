"""Runs one trial of a lab and records the operations of one step: the container's part of `invoke reproduce RUN --ops`.

It belongs to the code that a run records. Later clones start it with a `Wanted`, so fields of that are added and never
renamed.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import gettempdir
from typing import Any, BinaryIO

from pydantic import BaseModel, Field, ValidationError

from lib.harness.commands.debug import as_in_a_worker
from lib.harness.contract.loading import load
from lib.harness.contract.settings import Options, configure
from lib.harness.contract.source import LabEntry
from lib.harness.contract.trial import Dtype, Framework, Runtime, Trial
from lib.harness.errors import UserError
from lib.harness.machine import determinism, gpus, scope
from lib.harness.recording.operations import Operations
from lib.harness.running.job import Job, described, watch
from lib.harness.running.watching.window import Window
from lib.kernels import choice


class Wanted(BaseModel):
    """A trial and the step whose operations are wanted.

    Attributes:
        run: the key of the recorded run.
        variant, seed, framework, dtype, function: of the trial, as recorded.
        step: its name for a reader.
        first: number of records of the trial before the step's.
        last: number of records with the step's; None for the trial's end.
    """

    run: str
    variant: str
    seed: int = Field(ge=0)
    framework: Framework
    dtype: Dtype
    function: str = ""
    step: str
    first: int = Field(ge=0)
    last: int | None = Field(None, ge=1)

    def trial(self, config: Any) -> Trial:
        """The trial with this config."""
        return Trial(self.variant, config, self.seed, Runtime(self.framework, self.dtype), self.function)


def operations(entry: LabEntry, options: Options, wanted: str) -> int:
    """Run a trial as a worker would until a step has ended, and write the step's operations to standard output.

    Args:
        entry: the lab.
        options: the trial's config and the root seed.
        wanted: a `Wanted` as JSON.

    Returns:
        0.

    Raises:
        UserError: bad options, or the trial ends before the step.
    """
    try:
        what = Wanted.model_validate_json(wanted)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        raise UserError(f"operations takes a lab and a step as JSON; {where}: {first['msg']}") from None
    as_in_a_worker()
    lab = load(entry)
    trial = what.trial(configure(lab, options))
    lab.function(trial)
    job = Job(trial, "operations", entry.module, options.seed, Path(gettempdir()), {}, {})
    with _standard_output() as stream:
        window = Window(
            what.framework, what.first, what.last, lambda: Operations(stream, what.run, _about(what, options))
        )
        ended = ""
        try:
            determinism.prepare(trial.runtime)
            watch(job, window)
        except (Exception, SystemExit) as error:
            ended = described(error)
        if window.operations is None:
            reason = f": {ended}" if ended else ""
            raise UserError(f"{what.run}: trial {what.variant}, seed {what.seed} ends before step {what.step}{reason}")
        window.operations.end(logged=window.logged, error=ended)
    return 0


@contextmanager
def _standard_output() -> Iterator[BinaryIO]:
    """Standard output for the block alone: what the lab prints meanwhile goes to standard error."""
    sys.stdout.flush()
    with os.fdopen(os.dup(1), "wb") as stream:
        os.dup2(2, 1)
        try:
            yield stream
        finally:
            sys.stdout.flush()
            os.dup2(stream.fileno(), 1)


def _about(wanted: Wanted, options: Options) -> dict[str, Any]:
    """The header of the file, but for its run: what both files of a comparison share, and what may differ."""
    modules = [name for name in ("numpy", "torch", "tensorflow", "keras") if name in sys.modules]
    return {
        "trial": f"{wanted.variant}, seed {wanted.seed}",
        "step": wanted.step,
        "processor": scope.cpu_model(),
        "gpu": gpus.label(wanted.framework),
        "kernels": choice.recorded(),
        "portable": options.portable,
        "image": os.environ.get("LAB_IMAGE", "unknown"),
        "python": platform.python_version(),
        **{name: str(sys.modules[name].__version__) for name in modules},
    }
