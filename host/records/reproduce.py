"""`./invoke reproduce RUN` and `./invoke diff RUN RUN`: from the record alone, in a container, never on this machine.

The record comes from MLflow: the image's id, the code that ran, the config with its seeds. The code is somebody's, so
it runs where every lab runs: without internet, as an ordinary user, with nothing of this machine but its own archive.
"""

import base64
import json
import sys
import tempfile
from dataclasses import dataclass
from typing import Any, BinaryIO

from host.bootstrap.paths import ROOT
from host.engine import docker, gpu, images, volumes
from host.records import room
from host.records.recorded_image import Choice, choose, files_below
from host.runs import code
from host.runs.container import in_container
from lib.harness.contract.catalogue import OUTSIDE, PACKAGES, find_labs
from lib.harness.contract.source import NAME
from lib.harness.errors import UserError

CANNOT = 2
RECORDER = "lib/harness/commands/operations/record.py"
"""The file by which a code is known that can record operations."""


@dataclass(frozen=True)
class Repetition:
    """A recorded run, ready to be run again: its record, the files of its code, and the image.

    Attributes:
        config: of the run.
        files: by their paths in a clone.
    """

    key: str
    tags: dict[str, str]
    config: dict[str, Any]
    files: dict[str, bytes]
    image: Choice
    gpu_image: images.Image | None

    def run(self) -> int:
        """Run it again as a reproduction, which the journal takes in. Returns the exit code of the lab."""
        said = f"Running {self.key} again: {self.tags['lab.name']}, code {self.tags['lab.code_sha256'][:12]}"
        print(said, file=sys.stderr)
        more = {
            "LAB_REPRODUCES": self.key,
            "LAB_GIT_COMMIT": self.tags.get("lab.git_commit", "unknown"),
            "LAB_GIT_DIRTY": self.tags.get("lab.git_dirty", "unknown"),
        }
        if self.image.instead_of:
            more["LAB_RECORDED_IMAGE"] = self.image.instead_of
        since = room.now()
        with room.opened() as name:
            code = self._run(name, _named(self.key, self.tags), self.config, more)
            if code in (0, 1):
                room.take_in(name, self.key, since)
        return code

    def run_trial(self, wanted: str, config: dict[str, Any], output: BinaryIO) -> int:
        """Run one trial alone, with its config, for the operations of a step, which go to `output`."""
        command = _named(self.key, self.tags)
        lab = command[1] if "lab.sweep" in self.tags else command[0]
        with room.opened() as name:
            return self._run(name, ["operations", lab, wanted], config, {}, output)

    def _run(
        self,
        room_name: str,
        command: list[str],
        config: dict[str, Any],
        more: dict[str, str],
        output: BinaryIO | None = None,
    ) -> int:
        """Exit code of a command of the recorded code in a room, with its seed, kernels and code paths."""
        arguments = [*command, "--seed", self.tags["lab.seed"], *_settings(config)]
        if self.tags.get("lab.portable") == "true":
            arguments.append("--portable")
        if self.gpu_image:
            arguments.append("--gpu")
        return in_container(
            arguments,
            code=code.recorded(self.files),
            image=self.image.built,
            gpu_image=self.gpu_image,
            more={"LAB_RECORDED_KERNELS": self.tags.get("lab.kernels", "none"), **more},
            output=output,
            tracked=False,
            room=volumes.full_name(room_name),
        )


def prepare(run: str, *, near: bool = False, ops: bool = False) -> Repetition:
    """Read the record of a run and find its image.

    Args:
        run: as a user names it.
        near: where there is no image of the recorded content, take the present one.
        ops: its code has to record operations.

    Raises:
        UserError: it cannot be run again; the message says what is missing.
    """
    record = _record(run)
    tags: dict[str, str] = record["tags"]
    gpu_image = gpu.image_for(tags["lab.framework"]) if tags.get("lab.gpu", "none") != "none" else None
    if gpu_image:
        try:
            gpu.require(gpu_image)
        except UserError as missing:
            raise UserError(
                f"{record['key']} ran on a GPU ({tags['lab.gpu']}), so it needs one here: {missing}"
            ) from None
    archives = {name: base64.b64decode(data) for name, data in record["archives"].items()}
    files = {_place(name): data for name, (data, _) in files_below(archives["code"], "lib", OUTSIDE).items()}
    if ops and RECORDER not in files:
        raise UserError(
            f"{record['key']}: the code that it ran is older than --ops and records no operations: run the lab again "
            "with this clone, and take that run"
        )
    image = choose(record["key"], tags, archives.get("recipe"), gpu_image or images.LAB, near)
    return Repetition(record["key"], tags, record["config"], files, image, gpu_image)


def reproduce(run: str, output: BinaryIO | None = None, *, near: bool = False) -> int:
    """Run a recorded run again and compare. 0: identical. 1: different.

    `output`: takes the verdict. `near`: where there is no image of the recorded content, in the present one.

    Raises:
        UserError: it cannot be run again; the message says what is missing.
    """
    return compare(prepare(run, near=near), output)


def compare(repetition: Repetition, output: BinaryIO | None = None) -> int:
    """Run a prepared run again and compare. 0: identical. 1: different. `output`: takes the verdict."""
    if repetition.run() not in (0, 1):
        raise UserError(f"{repetition.key} could not be run again to its end; what is above says why")
    return in_container(["compare", repetition.key], output=output)


def reproduce_every(*, near: bool = False) -> int:
    """Reproduce the last run of every lab and print a table. 0: all identical. 1: one differs. 2: one cannot be had."""
    worst, rows = 0, ["| lab | `./invoke reproduce` says |", "|---|---|"]
    for lab in find_labs(ROOT):
        with tempfile.TemporaryFile() as stream:
            try:
                code = reproduce(f"last:{lab}", stream, near=near)
                stream.seek(0)
                verdict = stream.read().decode().strip()
            except SystemExit:
                code, verdict = CANNOT, "cannot be read"
            except UserError as error:
                code, verdict = CANNOT, str(error)
        worst = max(worst, code)
        rows.append(f"| `{lab}` | {verdict} |")
    print("\n".join(rows))
    return worst


def diff(one: str, other: str, *, as_json: bool) -> int:
    """Print what differs between two runs. 0: no result does. 1: some do."""
    return in_container(["diff", one, other, *(["--json"] if as_json else [])])


def _record(run: str) -> dict[str, Any]:
    with tempfile.TemporaryFile() as stream:
        code = in_container(["record", run], output=stream)
        if code:
            raise SystemExit(CANNOT)  # the container has run why, in one line
        stream.seek(0)
        record: dict[str, Any] = json.load(stream)
        return record


def _named(key: str, tags: dict[str, str]) -> list[str]:
    """The lab, or the sweep with its options, as a command names it. Raises `UserError` where the record's are none."""
    try:
        command = ["sweep", *json.loads(tags["lab.sweep"])] if "lab.sweep" in tags else [tags["lab.name"]]
    except (ValueError, TypeError, RecursionError):
        command = []
    named = command[1:2] if "lab.sweep" in tags else command[:1]
    if not (named and all(isinstance(word, str) for word in command) and NAME.fullmatch(named[0])):
        raise UserError(f"{key}: its tags name no lab to run (lab.name, lab.sweep): the record is not whole")
    return command


def _settings(config: dict[str, Any]) -> list[str]:
    """Every field of a recorded config, as the options that say it."""
    return [word for name, value in config.items() for word in ("--set", f"{name}={json.dumps(value)}")]


def _place(name: str) -> str:
    """The path in a clone of a file of a record: what was outside ``lib`` is a package."""
    return f"{PACKAGES}{name.removeprefix(OUTSIDE)}" if name.startswith(f"{OUTSIDE}/") else name


def require_engine() -> None:
    """Raises `UserError` without an engine: a record is run in a container or not at all."""
    try:
        docker.require()
    except docker.NoEngineError as error:
        raise UserError(f"{error}. A record is run in a container only, as it is somebody's code") from None
