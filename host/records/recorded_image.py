"""The image that a recorded run is run again in: one of ours of the recorded content, or another one on request."""

import io
import sys
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass

from host.bootstrap import ledger
from host.engine import build, content, docker, images
from host.machine import git
from lib.harness.errors import UserError
from lib.harness.recording.archive import plain_files

NEAR = "near"
ANOTHER = f"--image {NEAR} runs it in the present one and records that"
# in an image: the SHA-256 over the lines "file hash  path" of what it was made of, as a run records it
RECIPE = """
import hashlib, os, pathlib
root = pathlib.Path(os.environ["LAB_RECIPE"])
files = sorted((path.relative_to(root).as_posix(), path) for path in root.rglob("*") if path.is_file())
lines = "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {name}\\n" for name, path in files)
print(hashlib.sha256(lines.encode()).hexdigest())
"""
ALONE = ("--rm", "--network=none", "--read-only", "--cap-drop=ALL", "--entrypoint=python")


@dataclass(frozen=True)
class Choice:
    """An image for a reproduction. `instead_of`: the recorded one, where this is another."""

    built: images.Built
    instead_of: str = ""


def choose(key: str, tags: Mapping[str, str], recipe: bytes | None, present: images.Image, near: bool) -> Choice:
    """The recorded image, an equal one, or one that is made of the record's recipe. `near`: rather the present one.

    A run outside an image, as in local mode, had its packages from the lock alone: an image of that lock is equal then.
    `present`: the image that this clone runs the lab in.

    Raises:
        UserError: the record names an image that is none of ours; there is none of its content and none can be made,
            or nobody agrees to make it.
    """
    named, lock = tags.get("lab.image", "unknown"), tags.get("lab.lock_sha256", "unknown")
    built = images.inspect(named) if named.startswith("sha256:") else None
    if built is not None and _is_ours(built, lock):
        return Choice(built)
    equal = _of_content(tags, lock) or _equal(tags, lock)
    if equal is not None:
        print(f"{_shown(named)} is not here: using {_shown(equal.id)}, which was made of the same", file=sys.stderr)
        return Choice(equal)
    if not named.startswith("sha256:") and (same := _of_lock(lock, present)) is not None:
        print(f"{key} ran in {_shown(named)}: using {_shown(same.id)}, which has the same lock", file=sys.stderr)
        return Choice(same)
    if near:
        (other,) = build.ensure(present)
        print(f"{_shown(named)} is not here: running in another image, {_shown(other.id)}", file=sys.stderr)
        return Choice(other, named)
    if built is not None:
        raise UserError(
            f"{key} names the image {named[:19]}, which is none of Fearless Labs with the lock that it records: it is "
            f"refused. {ANOTHER}"
        )
    if recipe is None:
        commit = tags.get("lab.git_commit", "unknown")
        way = f"git checkout {commit[:12]}; ./invoke build; then try again. Or: " if commit != "unknown" else ""
        raise UserError(
            f"{key} ran in {_shown(named)}, which is not here, and does not record what it was made of: {way}{ANOTHER}"
        )
    return Choice(_made_again(key, tags, recipe, lock))


def _is_ours(built: images.Built, lock: str) -> bool:
    """Return whether an image is one of these labs', with the lock that a run records."""
    return built.labels.get(images.LOCK) == lock and images.CONTENT in built.labels


def _of_lock(lock: str, present: images.Image) -> images.Built | None:
    """An image with the lock of a run that was in none: the present one, built if need be, or another of ours."""
    if lock == present.lock_sha256:
        (built,) = build.ensure(present)
        return built
    others = (images.inspect(name) for name in _with_lock(lock))
    return next((other for other in others if other is not None and _is_ours(other, lock)), None)


def _with_lock(lock: str) -> list[str]:
    """The ids of all images whose label has this lock."""
    listing = docker.call("image", "ls", "--quiet", "--no-trunc", "--filter", f"label={images.LOCK}={lock}")
    return list(dict.fromkeys(listing.stdout.split()))


def _of_content(tags: Mapping[str, str], lock: str) -> images.Built | None:
    """An image with the recorded lock that is named by the recorded content."""
    targets = (image.target for image in (images.LAB, *images.GPU.values()))
    named = (f"{images.REPOSITORY}{target}:{tags.get('lab.image_content')}" for target in targets)
    there = (images.inspect(name) for name in named if images.NAMED.fullmatch(name))
    return next((built for built in there if built is not None and _is_ours(built, lock)), None)


def _equal(tags: Mapping[str, str], lock: str) -> images.Built | None:
    """An image with the recorded lock that was made of the recorded files."""
    recorded = tags.get("lab.recipe_sha256")
    if recorded is None:
        return None
    for name in _with_lock(lock):
        built = images.inspect(name)
        if built is not None and _is_ours(built, lock):
            made_of = docker.call("run", *ALONE, built.id, "-c", RECIPE)
            if made_of.returncode == 0 and made_of.stdout.strip() == recorded:
                return built
    return None


def _made_again(key: str, tags: Mapping[str, str], recipe: bytes, lock: str) -> images.Built:
    named, files = _shown(tags.get("lab.image", "unknown")), files_below(recipe, "docker")
    ours = git.knows(data for data, _ in files.values())
    if not ours:
        _require_consent(key)
    print(f"{named} is not here: making it again from the recorded Dockerfile and lock …", file=sys.stderr)
    with ledger.folder("recipe-") as folder:
        content.write_files(folder, files)
        name = f"fearless-labs/recorded:{tags['lab.recipe_sha256'][:12]}"
        built = build.rebuild(folder, lock, name, ours=ours)
    if not _is_ours(built, lock):
        raise UserError(f"{name} was not made of this record: docker image rm {name}; then try again")
    return built


def _require_consent(key: str) -> None:
    """Raises `UserError` unless the user agrees to build what a stranger may have written."""
    print(
        f"{key} needs an image that is not here. Its record has a Dockerfile and a lock that are not of this clone's "
        "history: somebody's programs, which would run in a build, with its network and without credentials of yours. "
        "Build it? [y/N] ",
        end="",
        file=sys.stderr,
        flush=True,
    )
    answer = sys.stdin.readline() if sys.stdin is not None else ""
    if answer.strip().lower() not in {"y", "yes"}:
        raise UserError(f"Nothing was built for {key}: answer y if you trust who wrote its record. {ANOTHER}")


def files_below(archive: bytes, *roots: str) -> dict[str, tuple[bytes, int]]:
    """Content and mode of an archive's files by their paths, all of them below the folders `roots`.

    Raises:
        UserError: one is elsewhere, or no plain file; the archive is damaged.
    """
    files = {}
    try:
        for name, data, mode in plain_files(io.BytesIO(archive)):
            if name.partition("/")[0] not in roots or "/" not in name:
                raise tarfile.TarError(f"a strange file, {name!r} (not below {' or '.join(roots)})")
            files[name] = data, mode
    except tarfile.TarError as error:
        raise UserError(f"The record has {error}: it is refused") from None
    return files


def _shown(image: str) -> str:
    return f"the image {image[:19]}" if image.startswith("sha256:") else f"an image that is {image}"
