"""Builds the images with buildx: what is missing, all that is asked for, and one of a record's recipe."""

import hashlib
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from host.bootstrap import ledger, process
from host.bootstrap.flock import held, held_across
from host.bootstrap.paths import state_path
from host.bootstrap.process import reason
from host.engine import base_image, content, docker, images
from host.engine.images import GPU, LAB, Built, Image, inspect, must_inspect, present
from host.machine.package_sources import build_settings, sources
from lib.harness.errors import UserError

LONGEST = 12 * 3600.0
"""Seconds that a build may take: a slow link needs hours for the packages."""


def ensure(*wanted: Image) -> list[Built]:
    """Build those of `wanted` that the engine has not; returns them as it has them now."""
    there = [present(image) for image in wanted]
    if None in there:
        with alone():  # another command may be building the same
            if missing := [image for image in wanted if present(image) is None]:
                _build_all(*missing)
            return [must_inspect(image) for image in wanted]
    return [built for built in there if built]


@contextmanager
def alone() -> Iterator[None]:
    """Build or remove images while no other command of this machine does: clones share them."""
    with held("build"), held_across("build"):
        yield


def build(*wanted: Image) -> None:
    """Build `wanted`; prints the time and the size of each. Raises `UserError` first when the disk is too small."""
    with alone():
        _build_all(*wanted)


def _build_all(*wanted: Image) -> None:
    docker.require_plugins()
    images.room(sum(image.build_gib for image in wanted), "Building")
    docker.require_builder()
    base = base_image.options()
    for image in wanted:
        start = time.monotonic()
        name = image.name  # as docker/ is now; somebody may edit it meanwhile
        print(f"Building {name} …", file=sys.stderr, flush=True)
        with context(image) as folder:
            _buildx(image.target, name, build_arguments(image), base, folder)
        built = inspect(name)
        if built is None:
            raise UserError(f"The build ended without {name}: docker buildx ls must show a builder that loads images")
        print(f"{name}: {time.monotonic() - start:.0f} s, {built.size / 1e9:.2f} GB", file=sys.stderr)


def of_recipe(recipe: Path, lock_sha256: str) -> Image:
    """The image that a record's recipe (a folder that has docker/) makes: the one whose requirements have this hash.

    Raises:
        UserError: the recipe has no such requirements.
    """
    for image in (LAB, *GPU.values()):
        lock = recipe / "docker" / "requirements" / image.lock
        if lock.is_file() and hashlib.sha256(lock.read_bytes()).hexdigest() == lock_sha256:
            return image
    raise UserError(f"The record's recipe has no requirements with its lab.lock_sha256, {lock_sha256[:12]}")


def rebuild(recipe: Path, lock_sha256: str, name: str, *, ours: bool) -> Built:
    """The image `name` of a record, made from its recipe (a folder that has docker/) unless the engine has it.

    `ours`: the recipe is of this clone's history; a stranger's gets no credentials.

    Raises:
        UserError: it cannot be built.
    """
    if built := inspect(name):
        return built
    docker.require_plugins()
    image = of_recipe(recipe, lock_sha256)
    arguments = {"LAB_LOCK": image.lock, "LAB_LOCK_SHA256": lock_sha256, "LAB_DOCKER_SHA256": "recorded"}
    with alone():
        _buildx(image.target, name, arguments, base_image.options(), recipe, recorded=True, credentials=ours)
    built = inspect(name)
    if built is None:
        raise UserError(f"{name} could not be built")
    return built


@contextmanager
def context(image: Image) -> Iterator[Path]:
    """A folder with the files that `image` is built from and no others, as its content counts them."""
    with ledger.folder("build-") as folder:
        content.write_context(folder, image.target, image.lock)
        yield folder


def build_arguments(image: Image) -> dict[str, str]:
    """The build arguments of `image`: what it is installed from, and what becomes its labels."""
    return {"LAB_LOCK": image.lock, "LAB_LOCK_SHA256": image.lock_sha256, "LAB_DOCKER_SHA256": image.content}


def build_command(target: str, arguments: dict[str, str], base: list[str], settings: list[str]) -> list[str]:
    """The command that builds a target of docker/Dockerfile, without its output and context.

    No attestation, which would have the build's time in it. `settings`: the options of `build_settings`, within which
    it runs.
    """
    command = ["docker", "buildx", "build", "--file", content.DOCKERFILE, "--target", target, "--provenance=false"]
    command += [*base, *settings]
    for argument, value in arguments.items():
        command += ["--build-arg", f"{argument}={value}"]
    return command


def _buildx(
    target: str,
    name: str,
    arguments: dict[str, str],
    base: list[str],
    root: Path,
    *,
    recorded: bool = False,
    credentials: bool = True,
) -> None:
    """Build the image `name` from root/docker/Dockerfile. Raises `UserError` with what went wrong."""
    log = None if sys.stderr.isatty() else state_path("logs", f"build-{target}.log")
    with build_settings(sources(), recorded=recorded, credentials=credentials) as (settings, variables):
        variables["SOURCE_DATE_EPOCH"] = str(content.epoch())
        command = [*build_command(target, arguments, base, settings), "--load", "--tag", name]
        if log is None:
            code = process.shown([*command, "."], cwd=root, env=variables, stdin=None, stdout=sys.stderr)
        else:
            command += ["--progress=plain", "."]
            code = process.logged(command, log, limit=LONGEST, cwd=root, env=variables)
    hint = "the lines above say why"
    if log is not None:
        if code:
            printed = log.read_text(encoding="utf-8")
            if "failed to resolve source metadata" in printed:
                raise UserError(
                    f"The base image cannot be pulled ({reason(printed)}; all of it: {log}): "
                    "sudo ./invoke doctor --fix makes one (Debian), or set BASE_IMAGE"
                )
            print("\n".join(printed.splitlines()[-20:]), file=sys.stderr)
        hint = f"all of it: {log}"
    if code:
        raise UserError(f"The build of {name} failed; {hint}")
