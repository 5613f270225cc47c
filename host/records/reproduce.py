"""`./invoke reproduce RUN` and `./invoke diff RUN RUN`: from the record alone, in a container, never on this machine.

The record comes from MLflow: the image's id, the code that ran, the config with its seeds. The code is somebody's, so
it runs as an ordinary user without internet, with nothing of this machine but its own archive, and in a room: it sees
neither the journal nor MLflow (room.py).
"""

import base64
import json
import sys
import tempfile
from typing import Any, BinaryIO

from host.bootstrap.paths import ROOT
from host.engine import docker, gpu, images, volumes
from host.records import room
from host.records.recorded_image import choose, files_below
from host.runs import code
from host.runs.container import in_container
from lib.harness.contract.catalogue import OUTSIDE, PACKAGES, find_labs
from lib.harness.contract.source import NAME
from lib.harness.errors import UserError

CANNOT = 2


def reproduce(run: str, output: BinaryIO | None = None, *, near: bool = False) -> int:
    """Run a recorded run again and compare. 0: identical. 1: different.

    `output`: takes the verdict. `near`: where there is no image of the recorded content, in the present one.

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
    image = choose(record["key"], tags, archives.get("recipe"), gpu_image or images.LAB, near)
    print(f"Running {record['key']} again: {tags['lab.name']}, code {tags['lab.code_sha256'][:12]}", file=sys.stderr)
    arguments = [*_named(record["key"], tags), "--seed", tags["lab.seed"], *_settings(record["config"])]
    if tags.get("lab.portable") == "true":
        arguments.append("--portable")
    if gpu_image:
        arguments.append("--gpu")
    more = {
        "LAB_REPRODUCES": record["key"],
        "LAB_RECORDED_KERNELS": tags.get("lab.kernels", "none"),
        "LAB_GIT_COMMIT": tags.get("lab.git_commit", "unknown"),
        "LAB_GIT_DIRTY": tags.get("lab.git_dirty", "unknown"),
    }
    if image.instead_of:
        more["LAB_RECORDED_IMAGE"] = image.instead_of
    since = room.now()
    with room.opened() as name:
        ended = in_container(
            arguments,
            code=code.recorded(files),
            image=image.built,
            gpu_image=gpu_image,
            more=more,
            tracked=False,
            room=volumes.full_name(name),
        )
        if ended not in (0, 1):
            raise UserError(f"{record['key']} could not be run again to its end; what is above says why")
        room.take_in(name, record["key"], since)
    return in_container(["compare", record["key"]], output=output)


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
