"""`./invoke reproduce RUN --ops`: the hashes of all operations of a step, as a file; `./invoke diff FILE FILE`."""

import json
import shlex
import sys
import tempfile
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from host.bootstrap import ledger
from host.bootstrap.paths import caller_path
from host.records.reproduce import CANNOT, Repetition, compare, prepare
from host.runs.container import in_container
from lib.harness.comparing import operations
from lib.harness.errors import UserError, one_line, short
from lib.harness.recording.operations import HEADER

FILE = "operations.jsonl"


@dataclass(frozen=True)
class Request:
    """The options of ``--ops``: the file to write; a trial and a step, None for the first that differs."""

    file: Path
    trial: str | None
    step: str | None

    @property
    def compares(self) -> bool:
        """Return whether the run has to be repeated and compared to know the step."""
        return self.trial is None and self.step is None


def requested(options: Namespace) -> Request | None:
    """The request of these options of `reproduce`; None without ``--ops``.

    Raises:
        UserError: options that cannot be combined, or a file that cannot be made.
    """
    if not options.ops:
        given = next((name for name in ("trial", "step", "out") if getattr(options, name) is not None), None)
        if given:
            raise UserError(f"--{given}: only with --ops")
        return None
    if options.run == "every":
        raise UserError("--ops: it is for one run; name it instead of every")
    name = options.out or FILE
    file = caller_path(name)
    if file.exists():
        raise UserError(f"--out {name}: it is there already; name a new file")
    if not file.parent.is_dir():
        raise UserError(f"--out {name}: there is no folder {file.parent}")
    return Request(file, options.trial, options.step)


def reproduce(run: str, request: Request, *, near: bool = False) -> int:
    """Run a recorded run again and compare, unless the request names the step; then record the operations of the step.

    0: identical, or not compared. 1: different.

    Raises:
        UserError: it cannot be run again, or its operations cannot be recorded; the message says why.
    """
    repetition = prepare(run, near=near, ops=True)
    code = compare(repetition) if request.compares else 0
    write(repetition, request)
    return code


def write(repetition: Repetition, request: Request) -> None:
    """Run the trial of the request once more and write the hashes of the step's operations to its file.

    Raises:
        UserError: there is no such trial or step, or the trial does not get there; the file cannot be written.
    """
    place = _located(repetition.key, request)
    wanted = place["wanted"]
    said = f"Running trial {place['trial']} again, to record the operations of step {wanted['step']}"
    print(one_line(said), file=sys.stderr)
    try:
        with ledger.beside(request.file) as part:
            with part.open("wb") as stream:
                code = repetition.run_trial(json.dumps(wanted), place["config"], stream)
            if code:
                raise UserError(f"{repetition.key}: the operations could not be recorded; what is above says why")
            recording = operations.read(part)
            part.rename(request.file)
    except OSError as error:
        raise UserError(f"--out {request.file}: it cannot be written ({error.strerror})") from None
    same = "the recorded" if recording.end.get("logged") == place["logged"] else "other values than the recorded"
    ended = recording.end.get("error")
    words = ["./invoke", "reproduce", repetition.key, "--ops", "--trial", place["trial"], "--step", wanted["step"]]
    lines = [
        f"{request.file}: {recording.count:,} operations of {recording.step}; up to there it logged {same} values",
        *([f"The trial failed in that step: {ended}"] if ended else []),
        f"On another machine: {shlex.join(words)}",
        "Then: ./invoke diff FILE FILE",
    ]
    print("\n".join(map(one_line, lines)))


def _located(key: str, request: Request) -> dict[str, Any]:
    """The trial and the step that are wanted, as `lib.harness.commands.operations.locate` prints them."""
    arguments = ["locate", key]
    for name, value in (("--trial", request.trial), ("--step", request.step)):
        arguments += [] if value is None else [name, value]
    with tempfile.TemporaryFile() as stream:
        if in_container(arguments, output=stream):
            raise SystemExit(CANNOT)  # the container has printed why, in one line
        stream.seek(0)
        place: dict[str, Any] = json.load(stream)
        return place


def files(left: str, right: str) -> tuple[Path, Path] | None:
    """The files that the arguments of `diff` name; None where they name runs.

    Raises:
        UserError: one is a file and the other one is none.
    """
    paths = {name: caller_path(name) for name in (left, right)}
    there = [name for name, path in paths.items() if path.is_file()]
    if not there and "/" not in left + right:
        return None
    if missing := [name for name in paths if name not in there]:
        raise UserError(f"{missing[0]}: there is no such file; diff takes two runs, or two files of {operations.MAKER}")
    return paths[left], paths[right]


def diff(left: Path, right: Path, *, as_json: bool) -> int:
    """Print the first operation that differs between two files. 0: none does. 1: one does.

    Raises:
        UserError: a file is not whole or no file of operations, or they are of different steps.
    """
    one, other = operations.read(left), operations.read(right)
    difference = operations.first_difference(one, other)
    verdict = f"differs first in {difference}" if difference else f"identical ({one.count:,} operations)"
    lines = [one_line(line) for line in (*_headers(one, other), verdict)]
    if as_json:
        outcome = {"files": [str(left), str(right)], "identical": difference is None, "lines": lines}
        print(json.dumps(outcome, indent=1, ensure_ascii=False))
    else:
        print("\n".join([f"{one.header[HEADER]}, {one.step}", *lines]))
    return 1 if difference else 0


def _headers(one: operations.Recording, other: operations.Recording) -> Iterator[str]:
    """The fields in which the headers of two files differ, and a line where both trials logged the same values."""
    for name in {**one.header, **other.header}:
        values = one.header.get(name), other.header.get(name)
        if values[0] != values[1]:
            yield f"  {name}: {short(values[0])} -> {short(values[1])}"
    if one.end.get("logged") == other.end.get("logged"):
        yield "  logged values: the same up to the end of the step"
