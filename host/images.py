"""The images: which there are, whether they are current, and building them."""

import hashlib
import json
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from host import engine, git
from host.locks import held
from host.network import build_options
from host.paths import REQUIREMENTS, ROOT, state_path
from lib.harness.errors import UserError

# Debian from the distribution's mirror, made by `./invoke doctor --fix` where no registry can be reached
LOCAL_BASE = "fearless-labs/base-local:bookworm"


@dataclass(frozen=True)
class Image:
    """One target of docker/Dockerfile. `build_gib`: free disk that building it needs, caches and unpacking included.

    `cuda`: the version of CUDA that its GPU framework was built for; empty for an image without one.
    """

    target: str
    lock: str
    build_gib: float
    cuda: str = ""

    @property
    def name(self) -> str:
        """Repository and tag."""
        return f"fearless-labs/{self.target}:latest"

    @property
    def lock_sha256(self) -> str:
        """sha256 of the requirements that the image is installed from."""
        return hashlib.sha256((REQUIREMENTS / self.lock).read_bytes()).hexdigest()


TRACKING = Image("tracking", "tracking.txt", build_gib=2)
LAB = Image("lab-cpu", "cpu.txt", build_gib=10)
IMAGES = (TRACKING, LAB)
GPU = {
    "torch": Image("lab-gpu-torch", "gpu-torch.txt", build_gib=20, cuda="13.0"),
    "keras": Image("lab-gpu-tensorflow", "gpu-tensorflow.txt", build_gib=24, cuda="12.9"),
}
"""By the framework that computes on the GPU there; the other one is in its build for CPUs."""


@dataclass(frozen=True)
class Built:
    """An image that the engine has. `kind`: what `id` is a digest of, which depends on the engine's image store.

    `layers`: digests of the unpacked layers, the lowest first.
    """

    id: str
    kind: str
    size: int
    labels: dict[str, str]
    layers: tuple[str, ...] = ()


def inspect(name: str) -> Built | None:
    """What the engine knows of the image `name`; None when it has none."""
    result = engine.docker("image", "inspect", name)
    if result.returncode:
        return None
    facts: dict[str, Any] = json.loads(result.stdout)[0]
    is_manifest = any(digest.endswith(facts["Id"]) for digest in facts.get("RepoDigests") or [])
    labels = (facts.get("Config") or {}).get("Labels") or {}
    kind = "manifest digest" if is_manifest else "config digest"
    return Built(facts["Id"], kind, facts["Size"], labels, tuple(facts["RootFS"].get("Layers") or ()))


def must_inspect(image: Image) -> Built:
    """What the engine knows of `image`, which is there. Raises `UserError` when somebody has just removed it."""
    built = inspect(image.name)
    if built is None:
        raise UserError(f"{image.name} is gone: ./invoke build")
    return built


def docker_sha256() -> str:
    """Digest of the files of docker/ that make an image, the requirements apart."""
    digest = hashlib.sha256()
    for path in sorted((ROOT / "docker").rglob("*")):
        if path.is_file() and REQUIREMENTS not in path.parents and "__pycache__" not in path.parts:
            digest.update(f"{path.relative_to(ROOT)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def is_current(image: Image, built: Built | None) -> bool:
    """Whether `built` was made from today's lock and Dockerfile."""
    return (
        built is not None
        and built.labels.get("org.fearless-labs.lock") == image.lock_sha256
        and built.labels.get("org.fearless-labs.docker") == docker_sha256()
    )


def ensure(*images: Image) -> None:
    """Build those of `images` that are missing or out of date."""
    if _missing(images):
        with held("build"):  # another command may be building the same
            if missing := _missing(images):
                build(*missing)


def _missing(images: tuple[Image, ...]) -> list[Image]:
    return [image for image in images if not is_current(image, inspect(image.name))]


def build(*images: Image) -> None:
    """Build `images`; prints the time and the size of each. Raises `UserError` first when the disk is too small."""
    engine.require_plugins()
    needed, free = sum(image.build_gib for image in images), engine.free_gib()
    if free is not None and free < needed:
        raise UserError(
            f"Building needs {needed:.0f} GiB free where Docker keeps images, there are {free:.1f}: docker system prune"
        )
    base = base_options()
    for image in images:
        start = time.monotonic()
        print(f"Building {image.name} …", file=sys.stderr, flush=True)
        _build(image, base)
        built = inspect(image.name)
        if built is None:
            raise UserError(
                f"The build ended without {image.name}: docker buildx ls must show a builder that loads images"
            )
        print(f"{image.name}: {time.monotonic() - start:.0f} s, {built.size / 1e9:.2f} GB", file=sys.stderr)


def pinned_base() -> str:
    """The base that the Dockerfile pins by date and digest."""
    found = re.search(r"^ARG BASE_IMAGE=(\S+)", (ROOT / "docker" / "Dockerfile").read_text(encoding="utf-8"), re.M)
    if not found:
        raise UserError("docker/Dockerfile has no line ARG BASE_IMAGE=…")
    return found[1]


def registry_has(name: str) -> bool:
    """Whether a registry that can be reached has the image `name`."""
    try:
        return engine.docker("manifest", "inspect", name, timeout=20).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def base_options() -> list[str]:
    """Build arguments for the base: the caller's BASE_IMAGE, else the pinned one, else the one of doctor --fix."""
    base = os.environ.get("BASE_IMAGE")
    if not base and not inspect(pinned_base()) and inspect(LOCAL_BASE):
        base = LOCAL_BASE
    if not base:
        return []
    options = ["--build-arg", f"BASE_IMAGE={base}"]
    built = inspect(base)
    if built and "@sha256:" not in base:
        options += ["--build-arg", f"LAB_BASE={base} (image id {built.id})"]
    return options


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


def rebuild(recipe: Path, lock_sha256: str, commit: str, name: str) -> Built:
    """The image `name` of a record, made from its recipe (a folder that has docker/) unless the engine has it.

    Raises:
        UserError: it cannot be built.
    """
    if built := inspect(name):
        return built
    engine.require_plugins()
    image = of_recipe(recipe, lock_sha256)
    arguments = {"LAB_LOCK": image.lock, "LAB_LOCK_SHA256": lock_sha256}
    arguments |= {"LAB_GIT_COMMIT": commit, "LAB_DOCKER_SHA256": "recorded"}
    _buildx(image.target, name, arguments, base_options(), recipe)
    built = inspect(name)
    if built is None:
        raise UserError(f"{name} could not be built")
    return built


def _build(image: Image, base: list[str]) -> None:
    _buildx(image.target, image.name, build_arguments(image), base, ROOT)


def build_arguments(image: Image) -> dict[str, str]:
    """The build arguments of `image`: what it is installed from, and what becomes its labels."""
    commit = git.commit() + ("-dirty" if git.dirty("docker") else "")
    return {
        "LAB_LOCK": image.lock,
        "LAB_LOCK_SHA256": image.lock_sha256,
        "LAB_GIT_COMMIT": commit,
        "LAB_DOCKER_SHA256": docker_sha256(),
    }


def build_command(target: str, arguments: dict[str, str], base: list[str]) -> list[str]:
    """The command that builds a target of docker/Dockerfile, without its output and context."""
    command = ["docker", "buildx", "build", "--file", "docker/Dockerfile", "--target", target]
    command += [*base, *build_options(os.environ)]
    for argument, value in arguments.items():
        command += ["--build-arg", f"{argument}={value}"]
    return command


def _buildx(target: str, name: str, arguments: dict[str, str], base: list[str], root: Path) -> None:
    """Build the image `name` from root/docker/Dockerfile. Raises `UserError` with what went wrong."""
    command = [*build_command(target, arguments, base), "--load", "--tag", name]
    if sys.stderr.isatty():
        result = subprocess.run([*command, "."], cwd=root, stdout=sys.stderr, check=False)
        hint = "the lines above say why"
    else:
        log = state_path("logs", f"build-{target}.log")
        with log.open("w", encoding="utf-8") as stream:
            result = subprocess.run(
                [*command, "--progress=plain", "."],
                cwd=root,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                check=False,
            )
        if result.returncode:
            said = log.read_text(encoding="utf-8")
            if "failed to resolve source metadata" in said:
                raise UserError(
                    "The base image cannot be pulled: sudo ./invoke doctor --fix makes one (Debian), or set BASE_IMAGE"
                )
            print("\n".join(said.splitlines()[-20:]), file=sys.stderr)
        hint = f"all of it: {log}"
    if result.returncode:
        raise UserError(f"The build of {name} failed; {hint}")
