"""`./invoke load FILE`: checks a bundle whole, then gives the engine its images and the clone its wheels.

Nothing is taken from a file that is damaged. An interrupted command goes on at the first image that is not there yet.
"""

import hashlib
import re
import tempfile
import time
from collections.abc import Mapping
from typing import Any

from host.bootstrap import files, ledger, process
from host.bootstrap.flock import held
from host.bootstrap.paths import REQUIREMENTS, ROOT, caller_path
from host.bootstrap.process import reason
from host.bootstrap.venv import WHEELS
from host.bundle import saved
from host.bundle.format import REPOSITORY, Bundle
from host.bundle.progress import Progress
from host.engine import content, docker, images
from lib.harness.errors import UserError

MANIFEST = {"commit": str, "docker_sha256": str, "locks": dict, "platform": str, "streams": list}
STREAM = {"name": str, "unpacked": int, "images": list}
IMAGE = {"name": str, "id": str, "kind": str, "labels": dict, "layers": list}
"""Fields of the manifest that are used, by their types."""
BASE = re.compile(rf"(?:\w[\w./:-]*@)?sha256:[0-9a-f]{{64}}|{re.escape(content.LOCAL)}")
"""The names that a base may have: by its content, or that of `./invoke doctor --fix`."""
REFERENCE = re.compile(r"(?:\w[\w.:@/-]*)?", re.ASCII)
"""The name of an image, or none."""
LOCKED = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def load(name: str, sha256: str | None = None) -> None:
    """Verify the bundle in the file `name` and install it.

    `sha256`: what `./invoke bundle` has printed of it.

    Raises:
        UserError: before anything is used.
    """
    start = time.monotonic()
    with Bundle(caller_path(name)) as bundle, held("load"):
        if sha256 is not None:
            check_sum(bundle, sha256)
        check_manifest(bundle)
        docker.require()
        check_clone(bundle)
        missing = [stream for stream in bundle.manifest["streams"] if not is_there(stream)]
        check_disk(missing)
        with Progress("Checking the bundle", sum(part.size for part in bundle.parts)) as progress:
            bundle.verify(progress.advance)
        for stream in missing:
            saved.check(bundle, stream)
        _install_wheels(bundle)
        for stream in missing:
            install(bundle, stream)
    images.keep_names(_base(bundle))
    names = ", ".join(image.name for image in images.IMAGES)
    print(f"{names}: loaded and checked ({time.monotonic() - start:.0f} s). Next: ./invoke up")


def check_sum(bundle: Bundle, sha256: str) -> None:
    """Raises `UserError` when the file has another SHA-256, or `sha256` is none."""
    wanted = sha256.strip().lower()
    if not re.fullmatch("[0-9a-f]{64}", wanted):
        raise UserError(f"--sha256 {sha256}: it is 64 hexadecimal digits, which ./invoke bundle has printed")
    if files.sha256(bundle.file) != wanted:
        raise UserError(
            f"{bundle.file} has another SHA-256 than --sha256 says: it is not the file that was meant; nothing is used"
        )


def check_manifest(bundle: Bundle) -> None:
    """Raises `UserError` unless the manifest has what is used of it, and images of ours for this platform alone."""
    manifest, used = bundle.manifest, "nothing of it is used"
    if not _is_described(manifest):
        raise UserError(f"{bundle.file}: its manifest is none that ./invoke bundle writes: {used}")
    if manifest["platform"] != docker.PLATFORM:
        raise UserError(f"{bundle.file} has images for {manifest['platform']}, not for {docker.PLATFORM}: {used}")
    ours = {image.target: _name(image, manifest) for image in images.IMAGES}
    for stream in manifest["streams"]:
        first, *others = [entry["name"] for entry in stream["images"]] or [""]
        strange = [name for name in others if not BASE.fullmatch(name)]
        if ours.get(stream["name"]) != first or strange:
            named = (strange or [first or stream["name"]])[0]
            raise UserError(f"{bundle.file} has an image that is none of Fearless Labs, {named!r}: {used}")


def _is_described(manifest: object) -> bool:
    """Return whether a manifest has the fields that are used, of their types."""
    if not isinstance(manifest, dict) or not _has(manifest, MANIFEST) or not manifest["streams"]:
        return False
    base, contents = manifest.get("base", ""), manifest.get("contents", {})
    if not isinstance(base, str) or not REFERENCE.fullmatch(base) or not isinstance(contents, dict):
        return False
    entries = [entry for stream in manifest["streams"] if _has(stream, STREAM) for entry in stream["images"]]
    return all(_has(stream, STREAM) for stream in manifest["streams"]) and all(_has(entry, IMAGE) for entry in entries)


def _name(image: images.Image, manifest: Mapping[str, Any]) -> str:
    """The name that an image has in a bundle: its content's, which `check_clone` compares, or that of before."""
    if "contents" not in manifest:
        return image.earlier_name
    return f"{images.REPOSITORY}{image.target}:{str(manifest['contents'].get(image.target))[: images.DIGITS]}"


def _has(entry: object, fields: Mapping[str, type]) -> bool:
    return isinstance(entry, dict) and all(type(entry.get(name)) is kind for name, kind in fields.items())


def check_clone(bundle: Bundle) -> None:
    """The images must be current in this clone, or the next command would build them, which needs the internet."""
    manifest = bundle.manifest
    locks = {image.lock: image.lock_sha256 for image in images.IMAGES}
    differs = [name for name, sha256 in locks.items() if manifest["locks"].get(name) != sha256]
    if "contents" in manifest:
        others = manifest["contents"]
        for image in images.IMAGES:
            if others.get(image.target) != content.content(image.target, image.lock, _base(bundle)):
                differs.append(f"what {image.target} is made of")
    elif manifest["docker_sha256"] != images.docker_sha256():  # of before images were named by content
        differs.append("docker/")
    if differs:
        raise UserError(
            f"This clone is not the bundle's ({', '.join(differs)} differs): use the one inside it, "
            f"tar xf {bundle.file.name} {REPOSITORY} (commit {manifest['commit'][:12]})"
        )


def _base(bundle: Bundle) -> str:
    """The base that this clone's images are made on: its own choice before the bundle's."""
    return content.chosen_base() or bundle.manifest.get("base", "")


def is_same(entry: dict[str, Any], built: images.Built | None) -> bool:
    """Return whether the engine's image is the manifest's: by its id, or by its content where stores differ."""
    if built is None or (entry["labels"], tuple(entry["layers"])) != (built.labels, built.layers):
        return False
    return bool(entry["id"] == built.id or entry["kind"] != built.kind)


def is_there(stream: dict[str, Any]) -> bool:
    """Return whether the engine has all images of a stream; one of ours is known by its name, which is its content."""
    there = ((entry, images.inspect(entry["name"])) for entry in stream["images"])
    return all(is_same(entry, built) or (built and images.NAMED.fullmatch(entry["name"])) for entry, built in there)


def check_disk(missing: list[dict[str, Any]]) -> None:
    """The engine unpacks one stream at a time beside the images."""
    sizes = [stream["unpacked"] for stream in missing]
    images.room((sum(sizes) + max(sizes, default=0)) / 2**30, "Loading")


def locked() -> set[str]:
    """The SHA-256 of each file that the host's lock names."""
    return set(LOCKED.findall((REQUIREMENTS / "host.txt").read_text(encoding="utf-8")))


def _install_wheels(bundle: Bundle) -> None:
    prefix = f"{REPOSITORY}/{WHEELS.relative_to(ROOT)}/"
    for left in WHEELS.glob(".*.part"):  # after a power cut no ledger may know them
        left.unlink()
    known = locked()
    parts = {part.name.removeprefix(prefix): part for part in bundle.named(prefix)}
    for name, part in parts.items():
        if "/" in name or not name.endswith(".whl"):
            raise UserError(f"{bundle.file} has a strange file, {part.name!r}: nothing of it is used")
        if part.sha256 not in known:
            raise UserError(f"{bundle.file}: {name} is not in the lock docker/requirements/host.txt: nothing is used")
    for name, part in parts.items():
        file = WHEELS / name
        if file.exists() and hashlib.sha256(file.read_bytes()).hexdigest() == part.sha256:
            continue
        WHEELS.mkdir(parents=True, exist_ok=True)
        with ledger.beside(file) as half:
            half.write_bytes(b"".join(bundle.read(part)))
            files.sync(half)
            half.replace(file)
    if WHEELS.is_dir():
        files.sync(WHEELS)


def install(bundle: Bundle, stream: dict[str, Any]) -> None:
    """Give the engine the images of a stream and check that they are the manifest's.

    The stream is unpacked here: an engine that is given zstd may crash (moby 26 reads on after the end).
    """
    size = sum(part.size for part in bundle.named(f"images/{stream['name']}.tar.zst."))
    with tempfile.TemporaryFile("w+") as output, Progress(f"Loading {stream['name']}", size) as progress:
        broken = False
        with process.feeding(["docker", "load"], output) as (child, stdin):
            try:
                for block in saved.unpacked(bundle, stream, progress.advance):
                    stdin.write(block)
                stdin.close()
            except BrokenPipeError:
                broken = True
        output.seek(0)
        printed = output.read()
    if child.returncode or broken:
        raise UserError(f"docker load refused {stream['name']}: {reason(printed)}")
    for entry in stream["images"]:
        if not is_same(entry, images.inspect(entry["name"])):
            raise UserError(f"{entry['name']} is another image than the manifest's after docker load: try again")
