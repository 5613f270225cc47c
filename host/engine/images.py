"""The images: which there are, what the engine has of them, whether they are current."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from host.bootstrap.paths import REQUIREMENTS, ROOT
from host.bootstrap.process import reason
from host.engine import docker
from lib.harness.errors import UserError


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
    """The image `name` as the engine has it; None when it has none. Raises `UserError` when the engine cannot say."""
    result = docker.call("image", "inspect", name)
    if result.returncode:
        if "no such image" in result.stderr.lower():
            return None
        raise UserError(f"docker image inspect {name}: {reason(result.stderr)}; {docker.DOCTOR}")
    facts: dict[str, Any] = json.loads(result.stdout)[0]
    is_manifest = any(digest.endswith(facts["Id"]) for digest in facts.get("RepoDigests") or [])
    labels = (facts.get("Config") or {}).get("Labels") or {}
    kind = "manifest digest" if is_manifest else "config digest"
    return Built(facts["Id"], kind, facts["Size"], labels, tuple(facts["RootFS"].get("Layers") or ()))


def must_inspect(image: Image) -> Built:
    """An image that the engine has. Raises `UserError` when somebody has just removed it."""
    built = inspect(image.name)
    if built is None:
        raise UserError(f"{image.name} is gone: ./invoke build")
    return built


def room(needed: float, purpose: str) -> None:
    """Raises `UserError` when the disk on which the engine keeps images has no `needed` GiB free.

    The message names what may go: images of ours that no container needs, and no image of anybody else.
    """
    free = docker.free_gib()
    if free is not None and free < needed:
        raise UserError(
            f"{purpose} needs {needed:.1f} GiB free where Docker keeps images, there are {free:.1f}: {make_room()}"
        )


def make_room() -> str:
    """The command that removes images of ours that have no name any more; where there is none, general advice."""
    ours = ("--filter", "dangling=true", "--filter", "label=org.fearless-labs.docker", "--format", "{{.ID}}")
    unnamed = docker.call("image", "ls", *ours).stdout.split()
    if not unnamed:
        return "free it, or move Docker's data to a larger disk"
    return f"docker image rm {' '.join(unnamed)} (images of earlier versions of Fearless Labs)"


def docker_sha256() -> str:
    """Digest of the files of docker/ that make an image, the requirements apart."""
    digest = hashlib.sha256()
    for path in sorted((ROOT / "docker").rglob("*")):
        if path.is_file() and REQUIREMENTS not in path.parents and "__pycache__" not in path.parts:
            digest.update(f"{path.relative_to(ROOT)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def is_current(image: Image, built: Built | None) -> bool:
    """Return whether `built` was made from today's lock and Dockerfile."""
    return (
        built is not None
        and built.labels.get("org.fearless-labs.lock") == image.lock_sha256
        and built.labels.get("org.fearless-labs.docker") == docker_sha256()
    )
