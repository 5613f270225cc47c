"""`./invoke bundle`: everything that a room without internet needs, in one checked file.

The file is written once, from front to back: the images go from the engine through zstd into it. An interrupted
command leaves FILE.part, and the next one goes on from there if it would write the same.
"""

import hashlib
import itertools
import re
import shutil
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zstandard

from host.bootstrap import files as of_disk
from host.bootstrap import ledger, process
from host.bootstrap.paths import REQUIREMENTS, ROOT, caller_path
from host.bootstrap.process import reason
from host.bootstrap.venv import WHEELS
from host.bundle import clone
from host.bundle.format import FORMAT, MANIFEST, README, REPOSITORY, SUMS, TITLE, Blocks, Writer, without_times
from host.bundle.progress import Progress
from host.engine import build, content, docker, images
from host.machine import git
from lib.harness.errors import UserError

LEVEL = 6  # of zstd
PART = 1 << 28  # bytes of an image in one part: what an interruption costs at most
PACKED = 0.4  # of an image's size, to ask whether the disk is large enough; about 0.3 is used
WELCOME = """\
{title}{format}

Fearless Labs for a machine without internet: Linux on x86-64, Docker, Python {pythons}.

    tar xf {file} {repository} && cd {repository} && ./invoke load ../{file}

Then ./invoke up, ./invoke lab NAME, ./invoke test. {manifest} says what is in here; {sums} is for sha256sum --check.
"""
CLONE = "clone for Python "  # the mark of the clone in the journal, and the versions its wheels are for


@dataclass(frozen=True)
class Stream:
    """The result of one `docker save`: its name in the bundle, and its images as the engine has them."""

    name: str
    holds: dict[str, images.Built]

    @property
    def size(self) -> int:
        """Bytes of the largest image, which has the layers of the others."""
        return max(built.size for built in self.holds.values())

    def part(self, number: int) -> str:
        """Name of one of its parts; in order they are one zstd file."""
        return f"images/{self.name}.tar.zst.{number:03}"


def bundle(name: str) -> None:
    """Write the bundle to the file `name`. Raises `UserError`, before anything is written where that is possible."""
    start = time.monotonic()
    file = caller_path(name)
    if not file.parent.is_dir():
        raise UserError(f"--out {name}: there is no folder {file.parent}")
    if file.is_dir():
        raise UserError(f"--out {name}: this is a folder; name a file in it")
    clone.check()
    docker.require()
    build.ensure(*images.IMAGES)
    streams = [stream_of(image) for image in images.IMAGES]
    files = clone.files()
    inputs = {
        "format": FORMAT,
        "commit": git.commit(),
        "dirty": git.dirty(),
        "files": clone.sha256(files),
        "images": {name: built.id for stream in streams for name, built in stream.holds.items()},
        "level": LEVEL,
        "part": PART,
    }
    try:
        writer = Writer(file, inputs)
    except OSError as error:
        raise UserError(f"--out {name}: it cannot be written ({error.strerror})") from None
    try:
        _check_disk(file, streams, writer)
        _write(writer, inputs, files, streams)
    except OSError as error:
        raise UserError(f"--out {name}: {error.strerror}; mend that, and the same command goes on from here") from None
    finally:
        writer.close()
    print(f"{file} ({file.stat().st_size / 1e9:.2f} GB, {time.monotonic() - start:.0f} s)")
    print(f"SHA-256 {of_disk.sha256(file)}: tell it in another way, for ./invoke load FILE --sha256 SUM")


def stream_of(image: images.Image) -> Stream:
    """`image` and the base that its label names, which `./invoke test` compares it with; it adds no layer."""
    built = images.must_inspect(image)
    held = {image.name: built}
    label = built.labels.get("org.fearless-labs.base", "")
    digest = re.search(r"sha256:[0-9a-f]{64}", label)
    if image is images.TRACKING and digest:
        name = label.split(" ")[0]
        # the name may be another image's by now; one that is not ours would replace the other machine's image
        for reference in (name, digest[0]) if "@" in name or name == content.LOCAL else (digest[0],):
            base = images.inspect(reference)
            if base and (base.id == digest[0] or "@" in reference):
                held[reference] = base
                break
    return Stream(image.target, held)


def _check_disk(file: Path, streams: list[Stream], writer: Writer) -> None:
    needed = sum(stream.size for stream in streams) * PACKED - writer.end
    free = shutil.disk_usage(file.parent).free
    if free < needed:
        raise UserError(f"A bundle needs {needed / 2**30:.1f} GiB free in {file.parent}, there are {free / 2**30:.1f}")
    images.room(max(stream.size for stream in streams) / 2**30, "docker save")


def _write(writer: Writer, inputs: dict[str, Any], files: list[clone.File], streams: list[Stream]) -> None:
    if any(mark.startswith(CLONE) for mark in writer.marks):
        print(f"Going on after {writer.parts[-1].name}", file=sys.stderr)
    else:
        writer.forget("")
        _add_clone(writer, files)
    with Progress("Packing the images", sum(stream.size for stream in streams)) as progress:
        for stream in streams:
            add_images(writer, stream, progress.advance)
    writer.finish(manifest(writer, inputs, streams))


def _add_clone(writer: Writer, files: list[clone.File]) -> None:
    """The clone: the first parts, in one go."""
    made = git.time()
    with ledger.folder("bundle-") as work:
        print("Fetching the wheels of the host's side …", file=sys.stderr, flush=True)
        pythons = clone.wheels(work / "wheels")
        more = {f".git/{path.relative_to(work / 'git/.git')}": path for path in clone.history(work / "git")}
        wheels = WHEELS.relative_to(ROOT)
        more |= {f"{wheels}/{path.name}": path for path in sorted((work / "wheels").iterdir())}
        writer.add(README, [welcome(writer.file.name, pythons)], time=made)
        for file in files:
            writer.add(f"{REPOSITORY}/{file.path}", [file.content()], file.mode, made, file.link)
        for name, path in more.items():
            writer.add(f"{REPOSITORY}/{name}", [path.read_bytes()], time=made)
    writer.commit(CLONE + " ".join(pythons))


def welcome(name: str, pythons: list[str]) -> bytes:
    """The text that the file begins with."""
    return WELCOME.format(
        title=TITLE, format=FORMAT, file=name, repository=REPOSITORY, manifest=MANIFEST, sums=SUMS,
        pythons=", ".join(pythons),
    ).encode()  # fmt: skip


def add_images(writer: Writer, stream: Stream, advance: Callable[[int], None]) -> None:
    """The parts of a stream that are not there yet. What an earlier command wrote is compared, not packed again."""
    if stream.name in writer.marks:
        advance(stream.size)
        return
    blocks = Blocks(saved(list(stream.holds)))
    for number in itertools.count():
        plain = hashlib.sha256()

        def take(plain: "hashlib._Hash" = plain) -> Iterator[bytes]:
            for block in blocks.take(PART):
                plain.update(block)
                advance(len(block))
                yield block

        known = writer.known(stream.part(number))
        if known:
            for _ in take():
                pass
            if plain.hexdigest() != known.plain_sha256:  # another version of the engine writes it in another way
                writer.forget(f"images/{stream.name}.")
                add_images(writer, stream, advance)
                return
            continue
        if blocks.empty():
            break
        writer.add(stream.part(number), packed(take()))
        writer.commit(plain_sha256=plain.hexdigest())
    writer.commit(stream.name)


def packed(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """One zstd frame, made on all cores; the bytes do not depend on how many there are."""
    packer = zstandard.ZstdCompressor(level=LEVEL, threads=-1, write_checksum=True).compressobj()
    for block in blocks:
        yield packer.compress(block)
    yield packer.flush()


def saved(names: list[str]) -> Iterator[bytes]:
    """The bytes of `docker save NAMES`, without its times. Raises `UserError` with the engine's reason."""
    with tempfile.TemporaryFile("w+") as errors:
        cut_off = False
        with process.reading(["docker", "save", *names], errors) as (child, stdout):
            try:
                yield from without_times(stdout)
                stdout.read()
            except tarfile.TarError:
                cut_off = True
        if child.returncode or cut_off:
            errors.seek(0)
            raise UserError(f"docker save ended early: {reason(errors.read())}")


def manifest(writer: Writer, inputs: dict[str, Any], streams: list[Stream]) -> dict[str, Any]:
    """The bundle's description of itself; the list of its parts is added when it is written."""
    locks = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(REQUIREMENTS.glob("*.txt"))}
    pythons = next(mark for mark in writer.marks if mark.startswith(CLONE)).removeprefix(CLONE)
    return {
        "format": FORMAT,
        "commit": inputs["commit"],
        "dirty": inputs["dirty"],
        "platform": "linux/amd64",
        "pythons": pythons.split(),
        "base": content.chosen_base(),
        "contents": {image.target: image.content for image in images.IMAGES},
        "docker_sha256": images.docker_sha256(),  # which earlier versions compare
        "locks": locks,
        "streams": [
            {
                "name": stream.name,
                "unpacked": stream.size,
                "images": [
                    {
                        "name": name,
                        "id": built.id,
                        "kind": built.kind,
                        "size": built.size,
                        "labels": built.labels,
                        "layers": built.layers,
                    }
                    for name, built in stream.holds.items()
                ],
            }
            for stream in streams
        ],
    }
