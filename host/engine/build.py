"""Builds the images with buildx: what is missing, all that is asked for, and one of a record's recipe."""

import hashlib
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from host.bootstrap import process
from host.bootstrap.flock import held, held_across
from host.bootstrap.paths import ROOT, state_path
from host.bootstrap.process import reason
from host.engine import base_image, docker, images
from host.engine.images import GPU, LAB, Built, Image, docker_sha256, inspect, is_current, must_inspect
from host.machine import git
from host.machine.package_sources import build_settings, sources
from lib.harness.errors import UserError

LONGEST = 12 * 3600.0
"""Seconds that a build may take: a slow link needs hours for the packages."""


def ensure(*wanted: Image) -> list[Built]:
    """Build those of `wanted` that are missing or out of date; returns them as the engine has them now."""
    current = _current(wanted)
    if None in current:
        with _alone():  # another command may be building the same
            if missing := [image for image, built in zip(wanted, _current(wanted), strict=True) if built is None]:
                _build_all(*missing)
            return [must_inspect(image) for image in wanted]
    return [built for built in current if built]


@contextmanager
def _alone() -> Iterator[None]:
    """Build while no other command of this machine does: clones share the images, and each may have another version."""
    with held("build"), held_across("build"):
        yield


def _current(wanted: tuple[Image, ...]) -> list[Built | None]:
    """Each of `wanted` as the engine has it; None where it is missing or out of date."""
    return [built if is_current(image, built := inspect(image.name)) else None for image in wanted]


def build(*wanted: Image) -> None:
    """Build `wanted`; prints the time and the size of each. Raises `UserError` first when the disk is too small."""
    with _alone():
        _build_all(*wanted)


def _build_all(*wanted: Image) -> None:
    docker.require_plugins()
    images.room(sum(image.build_gib for image in wanted), "Building")
    docker.require_builder()
    base = base_image.options()
    for image in wanted:
        start = time.monotonic()
        print(f"Building {image.name} …", file=sys.stderr, flush=True)
        _build(image, base)
        built = inspect(image.name)
        if built is None:
            raise UserError(
                f"The build ended without {image.name}: docker buildx ls must show a builder that loads images"
            )
        print(f"{image.name}: {time.monotonic() - start:.0f} s, {built.size / 1e9:.2f} GB", file=sys.stderr)


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


def rebuild(recipe: Path, lock_sha256: str, commit: str, name: str, *, ours: bool) -> Built:
    """The image `name` of a record, made from its recipe (a folder that has docker/) unless the engine has it.

    `ours`: the recipe is of this clone's history; a stranger's gets no credentials.

    Raises:
        UserError: it cannot be built.
    """
    if built := inspect(name):
        return built
    docker.require_plugins()
    image = of_recipe(recipe, lock_sha256)
    arguments = {"LAB_LOCK": image.lock, "LAB_LOCK_SHA256": lock_sha256}
    arguments |= {"LAB_GIT_COMMIT": commit, "LAB_DOCKER_SHA256": "recorded"}
    with _alone():
        _buildx(image.target, name, arguments, base_image.options(), recipe, recorded=True, credentials=ours)
    built = inspect(name)
    if built is None:
        raise UserError(f"{name} could not be built")
    return built


def _build(image: Image, base: list[str]) -> None:
    _buildx(image.target, image.name, build_arguments(image), base, ROOT)


def build_arguments(image: Image) -> dict[str, str]:
    """The build arguments of `image`: what it is installed from, and what becomes its labels."""
    commit = git.commit() + ("-dirty" if git.dirty("docker") == "true" else "")
    return {
        "LAB_LOCK": image.lock,
        "LAB_LOCK_SHA256": image.lock_sha256,
        "LAB_GIT_COMMIT": commit,
        "LAB_DOCKER_SHA256": docker_sha256(),
    }


def build_command(target: str, arguments: dict[str, str], base: list[str], settings: list[str]) -> list[str]:
    """The command that builds a target of docker/Dockerfile, without its output and context.

    `settings`: the options of `build_settings`, within which it runs.
    """
    command = ["docker", "buildx", "build", "--file", "docker/Dockerfile", "--target", target]
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
