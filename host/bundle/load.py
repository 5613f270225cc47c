"""`./invoke load FILE`: checks a bundle whole, then gives the engine its images and the clone its wheels.

Nothing is taken from a file that is damaged. An interrupted command goes on at the first image that is not there yet.
"""

import hashlib
import tempfile
import time
from typing import Any

import zstandard

from host.bootstrap import files, ledger, process
from host.bootstrap.flock import held
from host.bootstrap.paths import ROOT, caller_path
from host.bootstrap.process import reason
from host.bootstrap.venv import WHEELS
from host.bundle.format import REPOSITORY, Bundle
from host.bundle.progress import Progress
from host.engine import content, docker, images
from lib.harness.errors import UserError


def load(name: str) -> None:
    """Verify the bundle in the file `name` and install it. Raises `UserError` before anything is used."""
    start = time.monotonic()
    with Bundle(caller_path(name)) as bundle, held("load"):
        docker.require()
        check_clone(bundle)
        missing = [stream for stream in bundle.manifest["streams"] if not is_there(stream)]
        check_disk(missing)
        with Progress("Checking the bundle", sum(part.size for part in bundle.parts)) as progress:
            bundle.verify(progress.advance)
        _install_wheels(bundle)
        for stream in missing:
            install(bundle, stream)
    images.keep_names(bundle.manifest.get("base", ""))
    names = ", ".join(image.name for image in images.IMAGES)
    print(f"{names}: loaded and checked ({time.monotonic() - start:.0f} s). Next: ./invoke up")


def check_clone(bundle: Bundle) -> None:
    """The images must be current in this clone, or the next command would build them, which needs the internet."""
    manifest = bundle.manifest
    locks = {image.lock: image.lock_sha256 for image in images.IMAGES}
    differs = [name for name, sha256 in locks.items() if manifest["locks"].get(name) != sha256]
    if "contents" in manifest:
        others = manifest["contents"]
        for image in images.IMAGES:
            base = content.chosen_base() or manifest.get("base", "")
            if others.get(image.target) != content.content(image.target, image.lock, base):
                differs.append(f"what {image.target} is made of")
    elif manifest["docker_sha256"] != images.docker_sha256():  # of before images were named by content
        differs.append("docker/")
    if differs:
        raise UserError(
            f"This clone is not the bundle's ({', '.join(differs)} differs): use the one inside it, "
            f"tar xf {bundle.file.name} {REPOSITORY} (commit {manifest['commit'][:12]})"
        )


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


def _install_wheels(bundle: Bundle) -> None:
    prefix = f"{REPOSITORY}/{WHEELS.relative_to(ROOT)}/"
    for left in WHEELS.glob(".*.part"):  # after a power cut no ledger may know them
        left.unlink()
    for part in bundle.named(prefix):
        name = part.name.removeprefix(prefix)
        if "/" in name or not name.endswith(".whl"):
            raise UserError(f"{bundle.file} has a strange file, {part.name!r}: nothing of it is used")
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
    parts = bundle.named(f"images/{stream['name']}.tar.zst.")
    size = sum(part.size for part in parts)
    with tempfile.TemporaryFile("w+") as output, Progress(f"Loading {stream['name']}", size) as progress:
        broken = False
        with process.feeding(["docker", "load"], output) as (child, stdin):
            try:
                for part in parts:
                    unpacker = zstandard.ZstdDecompressor().decompressobj()
                    for block in bundle.read(part):
                        stdin.write(unpacker.decompress(block))
                        progress.advance(len(block))
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
