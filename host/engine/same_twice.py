"""`./invoke build --check`: each image is built twice from nothing, and all files of the two are compared.

Compared are paths, kinds, modes, owners, links, extended attributes and contents; times are not, as a file has the
time of the build. An engine with containerd's image store can write every file with one time (BuildKit,
build-repro.md: SOURCE_DATE_EPOCH and rewrite-timestamp): there the two images must also have the same digest.
The images that are there are left alone.
"""

import hashlib
import json
import sys
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from host.bootstrap import ledger, process
from host.bootstrap.paths import state_path
from host.bootstrap.process import reason
from host.engine import base_image, build, content, docker, images
from host.machine.package_sources import build_settings, sources
from lib.harness.errors import UserError

SHOWN = 20
KINDS = {
    tarfile.REGTYPE: "file",
    tarfile.DIRTYPE: "folder",
    tarfile.SYMTYPE: "link",
    tarfile.LNKTYPE: "hard link",
    tarfile.CHRTYPE: "device",
    tarfile.BLKTYPE: "device",
    tarfile.FIFOTYPE: "pipe",
}
GONE, EMPTIED = ".wh.", ".wh..wh..opq"
"""In a layer: a name that starts so removes the rest of it from the layers below; this one empties its folder."""


@dataclass(frozen=True)
class Build:
    """The content of an image: each path and what it is. `digest`: of its manifest, where the engine can write it."""

    files: dict[str, str]
    digest: str = ""


def check(*wanted: images.Image) -> bool:
    """Build each image twice and print what differs. Returns True when nothing does."""
    docker.require()
    docker.require_plugins()
    make = built_with_digest if docker.has_containerd_store() else built
    same = True
    for image in wanted:
        start = time.monotonic()
        builds = []
        with build.context(image) as folder, build_settings(sources()) as (settings, variables):
            arguments, base = build.build_arguments(image), base_image.options()
            command = build.build_command(image.target, arguments, base, settings)
            variables["SOURCE_DATE_EPOCH"] = str(content.epoch())
            for number in (1, 2):
                print(f"Building {image.target} from nothing ({number} of 2) …", file=sys.stderr, flush=True)
                builds.append(make(image.target, command, variables, folder))
        lines = differences(*builds)
        for line in lines[:SHOWN]:
            print(line)
        digest = f", digest {builds[0].digest}" if builds[0].digest else ""
        what = (
            f"{len(lines):,} differ" if lines else f"both builds have the same {len(builds[0].files):,} files{digest}"
        )
        print(f"{image.target}: {what} ({time.monotonic() - start:.0f} s)", flush=True)
        same = same and not lines
    return same


@contextmanager
def _building(
    target: str, command: list[str], environment: dict[str, str], folder: Path, output: str
) -> Iterator[IO[bytes]]:
    """The standard output of a build of `folder` without a cache. Raises `UserError` when `target` cannot be built."""
    log = state_path("logs", f"check-{target}.log")
    options = ["--no-cache", "--progress=plain", "--output", output, "."]
    broken = False
    with (
        log.open("w", encoding="utf-8") as errors,
        process.reading([*command, *options], errors, cwd=folder, env=environment) as (child, stdout),
    ):
        try:
            yield stdout
            stdout.read()
        except tarfile.TarError:
            broken = True
    if child.returncode or broken:
        raise UserError(f"The build of {target} failed: {reason(log.read_text(encoding='utf-8'))} (all: {log})")


def built(target: str, command: list[str], environment: dict[str, str], folder: Path) -> Build:
    """The files of an image that `command` builds of `folder`, without a cache."""
    with _building(target, command, environment, folder, "type=tar,dest=-") as stream:
        files = listing(stream)
    return Build(files)


def built_with_digest(target: str, command: list[str], environment: dict[str, str], folder: Path) -> Build:
    """The same, none of its files later than SOURCE_DATE_EPOCH, with the digest of its manifest."""
    with ledger.folder("check-") as work:
        layout = work / "image.tar"
        output = f"type=oci,dest={layout},rewrite-timestamp=true,compression=uncompressed"
        with _building(target, command, environment, folder, output):
            pass
        return read_layout(layout)


def read_layout(layout: Path) -> Build:
    """The image in a tar of the OCI image layout (image-spec, image-layout.md), its layers laid upon one another."""
    with tarfile.open(layout) as archive:

        def blob(digest: str) -> IO[bytes]:
            stream = archive.extractfile(f"blobs/{digest.replace(':', '/')}")
            assert stream
            return stream

        stream = archive.extractfile("index.json")
        assert stream
        (described,) = json.load(stream)["manifests"]
        manifest: dict[str, Any] = json.load(blob(described["digest"]))
        files: dict[str, str] = {}
        for layer in manifest["layers"]:
            files = laid_upon(files, listing(blob(layer["digest"])))
    return Build(files, described["digest"])


def laid_upon(below: dict[str, str], layer: dict[str, str]) -> dict[str, str]:
    """The files of a layer upon those below it, which it may remove (image-spec, layer.md, "Whiteouts")."""
    removed = set()
    for path in layer:
        folder, _, name = path.rpartition("/")
        if name == EMPTIED:
            removed.add(f"{folder}/")
        elif name.startswith(GONE):
            removed |= {f"{folder}/{name.removeprefix(GONE)}", f"{folder}/{name.removeprefix(GONE)}/"}
    folders = tuple(path for path in removed if path.endswith("/"))
    kept = {path: facts for path, facts in below.items() if path not in removed and not path.startswith(folders)}
    added = {path: facts for path, facts in layer.items() if not path.rpartition("/")[2].startswith(GONE)}
    return kept | added


def listing(stream: IO[bytes]) -> dict[str, str]:
    """Each path of a tar and what it is, in one line. Raises `tarfile.TarError` when it is no tar."""
    files = {}
    with tarfile.open(fileobj=stream, mode="r|", bufsize=1 << 20) as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isreg() else None
            digest = hashlib.sha256()
            while content and (block := content.read(1 << 20)):
                digest.update(block)
            facts = [KINDS.get(member.type, "other"), f"{member.mode:o}", f"{member.uid}:{member.gid}"]
            facts += [f"{member.size:,} bytes, sha256 {digest.hexdigest()}"] if content else []
            facts += [f"to {member.linkname}"] if member.linkname else []
            facts += [f"{k}={v}" for k, v in sorted(member.pax_headers.items()) if k.startswith("SCHILY.xattr")]
            files["/" + member.name.strip("/").removeprefix("./")] = ", ".join(facts)
    return files


def differences(first: Build, second: Build) -> list[str]:
    """One line for each path that only one of them has, or that is something else in the other, and for the digest."""
    lines = []
    for path in sorted(first.files.keys() | second.files.keys()):
        one, other = first.files.get(path), second.files.get(path)
        if one is None or other is None:
            lines.append(f"{path}: only in the {'second' if one is None else 'first'}")
        elif one != other:
            lines.append(f"{path}: {one} | {other}")
    if first.digest != second.digest:
        lines.append(f"digest: {first.digest} | {second.digest}")
    return lines
