"""The images: which there are, by which names, and what the engine has of them."""

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

from host.bootstrap import environment
from host.bootstrap.flock import held
from host.bootstrap.paths import REQUIREMENTS, ROOT
from host.bootstrap.process import reason
from host.engine import content, docker
from host.machine import env_file
from lib.harness.errors import UserError

REPOSITORY = "fearless-labs/"
LOCK, CONTENT = "org.fearless-labs.lock", "org.fearless-labs.docker"
"""Labels: the hash of the requirements, and of the content (of earlier images: of all of docker/)."""
LISTED = ("image", "ls", "--quiet", "--no-trunc", "--filter", f"label={CONTENT}")
DIGITS = 12


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
    def content(self) -> str:
        """The hash of all that this clone makes it of."""
        return content.content(self.target, self.lock)

    @property
    def name(self) -> str:
        """Repository and tag, which is the content's: clones that make it of the same share it, others have another."""
        return f"{REPOSITORY}{self.target}:{self.content[:DIGITS]}"

    @property
    def earlier_name(self) -> str:
        """The name of every version of it before images were named by content."""
        return f"{REPOSITORY}{self.target}:latest"

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
SETTINGS = {"TRACKING_IMAGE": TRACKING, "LAB_CPU_IMAGE": LAB}
"""The variables of compose.yaml, in this clone's .env too, that name an image."""
NAMED = re.compile(rf"{REPOSITORY}(?:tracking|lab-[a-z-]+):([0-9a-f]{{{DIGITS}}})")
"""The name of an image of ours, with the first digits of its content."""


@dataclass(frozen=True)
class Built:
    """An image that the engine has. `kind`: what `id` is a digest of, which depends on the engine's image store.

    `layers`: digests of the unpacked layers, the lowest first. `names`: its tags.
    """

    id: str
    kind: str
    size: int
    labels: dict[str, str]
    layers: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    @property
    def content(self) -> str:
        """The first digits of its content, which runs record; unknown of one whose names do not say it."""
        return next((match[1] for match in map(NAMED.fullmatch, self.names) if match), "unknown")


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
    names = tuple(sorted(facts.get("RepoTags") or ()))
    return Built(facts["Id"], kind, facts["Size"], labels, tuple(facts["RootFS"].get("Layers") or ()), names)


def present(image: Image) -> Built | None:
    """The image as the engine has it, made of what this clone makes it of; None when it has none.

    One that an earlier version has made of the same files, and called `latest`, gets the name of its content.
    """
    if built := inspect(image.name):
        return built
    earlier = inspect(image.earlier_name)
    if earlier is None or not _is_made_of_all(image, earlier):
        return None
    docker.must("image", "tag", earlier.id, image.name)
    return inspect(image.name)


def _is_made_of_all(image: Image, earlier: Built) -> bool:
    """Return whether an earlier image was made of this lock, of these files of docker/, and on the base of now."""
    made_of = earlier.labels.get(LOCK), earlier.labels.get(CONTENT)
    base, chosen = earlier.labels.get("org.fearless-labs.base", "").partition(" ")[0], content.chosen_base()
    is_base = base == chosen if chosen else base in {content.pinned(), content.LOCAL}
    return is_base and made_of == (image.lock_sha256, docker_sha256())


def must_inspect(image: Image) -> Built:
    """An image that the engine has. Raises `UserError` when somebody has just removed it."""
    built = present(image)
    if built is None:
        raise UserError(f"{image.name} is gone: ./invoke build")
    return built


def last_used(image: Image) -> Built | None:
    """The image as the engine has it, or the one that this clone used before its docker/ has changed; None for none."""
    kept = next((env_file.setting(name) for name, other in SETTINGS.items() if other is image), None)
    return present(image) or (inspect(kept) if kept else None)


def keep_names(base: str = "") -> None:
    """Keep in .env the names of this clone's images, which `docker compose` typed in the clone takes, and their base.

    `base`: of images that were loaded; one that the caller names comes first.

    Raises:
        UserError: .env cannot be written.
    """
    base = environment.get(content.BASE) or base
    with held("settings"):
        if base and env_file.setting(content.BASE) != base:
            env_file.keep({content.BASE: base})
        names = {name: image.name for name, image in SETTINGS.items()}
        if any(env_file.setting(name) != value for name, value in names.items()):
            env_file.keep(names)


def room(needed: float, purpose: str) -> None:
    """Raises `UserError` when the disk on which the engine keeps images has no `needed` GiB free.

    The message names what may go: images of ours that nothing needs, and no image of anybody else.
    """
    free = docker.free_gib()
    if free is not None and free < needed:
        raise UserError(
            f"{purpose} needs {needed:.1f} GiB free where Docker keeps images, there are {free:.1f}: {make_room()}"
        )


def make_room() -> str:
    """The command that removes images of ours, where the engine has others than this clone's; else general advice."""
    own = {built.id for image in (*IMAGES, *GPU.values()) if (built := inspect(image.name))}
    if set(docker.call(*LISTED).stdout.split()) - own:
        return "./invoke clean removes images of Fearless Labs that nothing needs; or free it"
    return "free it, or move Docker's data to a larger disk"


def ids() -> list[str]:
    """The ids of all images of ours that the engine has, of every version."""
    return list(dict.fromkeys(docker.must(*LISTED).split()))


def docker_sha256() -> str:
    """Digest of the files of docker/, the requirements apart: the label of images before they were named by content."""
    digest = hashlib.sha256()
    for path in sorted((ROOT / "docker").rglob("*")):
        if path.is_file() and REQUIREMENTS not in path.parents and "__pycache__" not in path.parts:
            digest.update(f"{path.relative_to(ROOT)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
