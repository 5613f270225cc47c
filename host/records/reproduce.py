"""`./invoke reproduce RUN` and `./invoke diff RUN RUN`: from the record alone, in a container, never on this machine.

The record comes from MLflow: the image's id, the code that ran, the config with its seeds. The code is somebody's, so
it runs where every lab runs: without internet, as an ordinary user, with nothing of this machine but its own archive.
"""

import base64
import io
import json
import shutil
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any, BinaryIO

from host.bootstrap.paths import ROOT, STATE
from host.engine import build, docker, gpu, images
from host.runs.container import in_container
from lib.harness.contract.catalogue import MINE, OUTSIDE, PACKAGES, find_labs
from lib.harness.errors import UserError

CANNOT = 2


def reproduce(run: str, output: BinaryIO | None = None) -> int:
    """Run a recorded run again and compare. 0: identical. 1: different. `output`: takes the verdict.

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
    STATE.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="reproduce-", dir=STATE))
    try:
        archives = {name: base64.b64decode(data) for name, data in record["archives"].items()}
        image = _image(tags, archives.get("recipe"), folder / "recipe", gpu_image or images.LAB)
        _unpack(archives["code"], folder, "lib", OUTSIDE)
        print(
            f"Running {record['key']} again: {tags['lab.name']}, code {tags['lab.code_sha256'][:12]}", file=sys.stderr
        )
        what = ["sweep", *json.loads(tags["lab.sweep"])] if "lab.sweep" in tags else [tags["lab.name"]]
        arguments = [*what, "--seed", tags["lab.seed"], *_settings(record["config"])]
        if tags.get("lab.portable") == "true":
            arguments.append("--portable")
        if gpu_image:
            arguments.append("--gpu")
        more = {
            "LAB_REPRODUCES": record["key"],
            "LAB_GIT_COMMIT": tags.get("lab.git_commit", "unknown"),
            "LAB_GIT_DIRTY": tags.get("lab.git_dirty", "unknown"),
        }
        mounts = {
            _open_to_all(folder / name): f"/workspace/{place}" for name, place in ((OUTSIDE, PACKAGES), ("none", MINE))
        }
        code = in_container(arguments, mounts=mounts, lib=folder / "lib", image=image, gpu_image=gpu_image, more=more)
    finally:
        shutil.rmtree(folder)
    if code not in (0, 1):
        raise UserError(f"{record['key']} could not be run again to its end; what is above says why")
    return in_container(["compare", record["key"]], output=output)


def reproduce_every() -> int:
    """Reproduce the last run of every lab and print a table. 0: all identical. 1: one differs. 2: one cannot be had."""
    worst, rows = 0, ["| lab | `./invoke reproduce` says |", "|---|---|"]
    for lab in find_labs(ROOT):
        with tempfile.TemporaryFile() as stream:
            try:
                code = reproduce(f"last:{lab}", stream)
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


def diff(one: str, other: str) -> int:
    """Print what differs between two runs. 0: no result does. 1: some do."""
    return in_container(["diff", one, other])


def _record(run: str) -> dict[str, Any]:
    with tempfile.TemporaryFile() as stream:
        code = in_container(["record", run], output=stream)
        if code:
            raise SystemExit(CANNOT)  # the container has run why, in one line
        stream.seek(0)
        record: dict[str, Any] = json.load(stream)
        return record


def _settings(config: dict[str, Any]) -> list[str]:
    """Every field of a recorded config, as the options that say it."""
    return [word for name, value in config.items() for word in ("--set", f"{name}={json.dumps(value)}")]


def _image(tags: dict[str, str], recipe: bytes | None, folder: Path, kind: images.Image) -> images.Built:
    """The recorded image. Where it is gone: the present `kind` if it has the same lock, else one of the recipe."""
    wanted = tags.get("lab.image", "none")
    built = images.inspect(wanted) if wanted.startswith("sha256:") else None
    if built is not None:
        return built
    present = images.inspect(kind.name)
    lock = tags.get("lab.lock_sha256")
    commit = tags.get("lab.git_commit", "unknown")
    if present is not None and present.labels.get("org.fearless-labs.lock") == lock:
        print(f"The image {wanted[:19]} is gone: using the present one, which has the same lock", file=sys.stderr)
        return present
    if recipe is None or lock is None:
        raise UserError(
            f"The recorded image {wanted[:19]} is gone, the present one has another lock, and the record does not say "
            f"what it was made of: git checkout {commit[:12]}; ./invoke build; then try again"
        )
    print(f"The image {wanted[:19]} is gone: making it again from the recorded Dockerfile and lock …", file=sys.stderr)
    folder.mkdir()
    _unpack(recipe, folder, "docker")
    return build.rebuild(folder, lock, commit, f"fearless-labs/recorded:{tags['lab.recipe_sha256'][:12]}")


def _unpack(archive: bytes, folder: Path, *roots: str) -> None:
    """The files of an archive below `folder`, for all to read.

    Raises:
        UserError: there are others than plain files below the folders `roots`.
    """
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in tar:
            path = Path(member.name)
            stream = tar.extractfile(member)
            if stream is None or path.is_absolute() or ".." in path.parts or path.parts[0] not in roots:
                raise UserError(f"The record has a strange file, {member.name}: it is refused")
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(stream.read())
            target.chmod(0o755 if member.mode & 0o100 else 0o644)
    folder.chmod(0o755)
    for path in (path for root in roots for path in [folder / root, *(folder / root).rglob("*")]):
        if path.is_dir():
            path.chmod(0o755)


def _open_to_all(folder: Path) -> Path:
    """A folder that all may read, made if the archive had none."""
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    return folder


def require_engine() -> None:
    """Raises `UserError` without an engine: a record is run in a container or not at all."""
    try:
        docker.require()
    except docker.NoEngineError as error:
        raise UserError(f"{error}. A record is run in a container only, as it is somebody's code") from None
