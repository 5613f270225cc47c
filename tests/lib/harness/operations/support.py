"""Files of operations made by the real writer, and read by the real reader."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from lib.harness.comparing import operations as files
from lib.harness.recording.operations import Operations, recorded

RUN = "20260101-000000-planted-abcdef"
ABOUT = {"trial": "planted, seed 0", "step": "1"}
Watched = Callable[[Operations], AbstractContextManager[None]]


@contextmanager
def recording(path: Path, watched: Watched, **about: str) -> Iterator[None]:
    """Write the operations of the block to a new file."""
    with path.open("wb") as stream:
        operations = Operations(stream, RUN, {**ABOUT, **about})
        with recorded(operations), watched(operations):
            yield
        operations.end(logged="", error="")


def difference(
    folder: Path,
    watched: Watched,
    step: Callable[[Any], object],
    *changes: Any,
    below: Callable[[Any], AbstractContextManager[object]] = nullcontext,
) -> files.Difference | None:
    """The first operation that differs between `step` of the first change and of the second one.

    `below`: from a change to the context in which the step is watched.
    """
    paths = [folder / f"{number}.jsonl" for number in range(2)]
    for path, change in zip(paths, changes, strict=True):
        with below(change), recording(path, watched):
            step(change)
    left, right = map(files.read, paths)
    assert left.count > 0
    return files.first_difference(left, right)
