"""Bundles as somebody writes them who means harm: whole, with sums that fit, and each with one thing that is wrong."""

from __future__ import annotations

import hashlib
import io
import json
import os
import random
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from host.bundle.format import FORMAT, README, Writer
from host.bundle.write import packed, welcome
from host.engine import docker, images

TRACKING, LAB = images.IMAGES
SIZE = 60_000
Member = tuple[tarfile.TarInfo, bytes]
Change = Callable[["Hostile"], object]


def facts(image: images.Image) -> dict[str, Any]:
    """What the stand-in engine says of an image, and keeps as it."""
    labels = {images.LOCK: image.lock_sha256, images.CONTENT: image.content}
    layer = random.Random(image.target).randbytes(32).hex()
    return {"Id": f"sha256:{image.target:0>64}", "Size": SIZE, "Config": {"Labels": labels},
            "RootFS": {"Layers": [f"sha256:{layer}"]}}  # fmt: skip


def member(name: str, data: bytes = b"", kind: bytes = tarfile.REGTYPE, link: str = "") -> Member:
    """A member of a tar."""
    made = tarfile.TarInfo(name)
    made.size, made.type, made.linkname = len(data), kind, link
    return made, data


def described(**entry: Any) -> bytes:
    """A manifest.json of an engine's."""
    return json.dumps([{"Config": "blobs/sha256/0", "Layers": [], **entry}]).encode()


@dataclass
class Hostile:
    """A bundle before it is written.

    Attributes:
        wheels: content by the names behind the folder of wheels.
        tars: the members of each image's stream, by the name of the image's target.
        packed: streams that are written as they are.
        manifest: its fields.
    """

    wheels: dict[str, bytes] = field(default_factory=dict)
    tars: dict[str, list[Member]] = field(default_factory=dict)
    packed: dict[str, bytes] = field(default_factory=dict)
    manifest: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for image in images.IMAGES:
            content = json.dumps([facts(image)]).encode()
            repository, _, tag = image.name.partition(":")
            self.tars[image.target] = [
                member(image.name.replace("/", "_"), content),
                member("blobs", kind=tarfile.DIRTYPE),
                member("manifest.json", described(RepoTags=[image.name])),
                member("repositories", json.dumps({repository: {tag: "0"}}).encode()),
            ]
        self.manifest = {
            "format": FORMAT,
            "commit": "1" * 40,
            "platform": docker.PLATFORM,
            "base": "",
            "contents": {image.target: image.content for image in images.IMAGES},
            "docker_sha256": images.docker_sha256(),
            "locks": {image.lock: image.lock_sha256 for image in images.IMAGES},
            "streams": [stream(image) for image in images.IMAGES],
        }

    def write(self, file: Path) -> None:
        """Write the file, with the sums that fit."""
        writer = Writer(file, {"commit": "1"})
        writer.add(README, [welcome(file.name, ["3.11"])])
        for name, data in self.wheels.items():
            writer.add(f"fearless-labs/.local/wheels/{name}", [data])
        for target, members in self.tars.items():
            data = self.packed.get(target) or b"".join(packed(iter([tar(members)])))
            writer.add(f"images/{target}.tar.zst.000", [data])
        writer.commit()
        writer.finish(self.manifest)
        writer.close()

    @property
    def stream(self) -> dict[str, Any]:
        """The manifest's entry of the first stream."""
        entry: dict[str, Any] = self.manifest["streams"][0]
        return entry

    @property
    def members(self) -> list[Member]:
        """The members of the first stream."""
        return self.tars[TRACKING.target]


def stream(image: images.Image) -> dict[str, Any]:
    """The manifest's entry of an image's stream."""
    known = facts(image)
    entry = {"name": image.name, "id": known["Id"], "kind": "config digest", "size": SIZE}
    entry |= {"labels": known["Config"]["Labels"], "layers": known["RootFS"]["Layers"]}
    return {"name": image.target, "unpacked": SIZE, "images": [entry]}


def tar(members: list[Member]) -> bytes:
    """A tar of these members, whatever their names."""
    blocks = [made.tobuf(tarfile.GNU_FORMAT) + data + bytes(-len(data) % 512) for made, data in members]
    return b"".join([*blocks, bytes(1024)])


def wheel(name: str, data: bytes = b"import os") -> Change:
    return lambda bundle: bundle.wheels.update({name: data})


def replaced(**fields: Any) -> Change:
    """Change fields of the manifest; None removes one."""

    def change(bundle: Hostile) -> None:
        bundle.manifest |= fields
        bundle.manifest = {name: value for name, value in bundle.manifest.items() if value is not None}

    return change


def streams(**fields: Any) -> Change:
    """Change fields of the manifest's first stream."""
    return lambda bundle: bundle.stream.update(fields)


def named(name: str) -> Change:
    """List an image of this name besides ours."""

    def change(bundle: Hostile) -> None:
        bundle.stream["images"].append({**bundle.stream["images"][0], "name": name})

    return change


def renamed(name: str) -> Change:
    """List an image of this name in the place of ours."""
    return lambda bundle: bundle.stream["images"][0].update({"name": name})


def added(*members: Member) -> Change:
    return lambda bundle: bundle.members.extend(members)


def instead(name: str, data: bytes) -> Change:
    """Another content for a description in the first stream."""

    def change(bundle: Hostile) -> None:
        bundle.members[:] = [each for each in bundle.members if each[0].name != name]
        bundle.members.append(member(name, data))

    return change


def raw(data: bytes) -> Change:
    return lambda bundle: bundle.packed.update({TRACKING.target: data})


def oci(**annotations: str) -> bytes:
    """An index.json of the OCI image layout with one image."""
    return json.dumps({"manifests": [{"digest": "sha256:0", "annotations": annotations}]}).encode()


def bomb() -> bytes:
    """A few kilobytes that unpack to 400 MB of zeros."""
    return b"".join(packed(bytes(1 << 20) for _ in range(400)))


def ended_early() -> bytes:
    return b"".join(packed(iter([tar([member("blobs/sha256/0", bytes(5000))])[:3000]])))


CASES: dict[str, tuple[Change, str]] = {
    "a wheel above its folder": (wheel("../tasks.whl"), "strange file"),
    "a wheel with an absolute name": (wheel("/etc/cron.d/x.whl"), "strange file"),
    "a wheel in a folder": (wheel("a/b.whl"), "strange file"),
    "a wheel that is its folder's parent": (wheel(".."), "strange file"),
    "a program among the wheels": (wheel("sitecustomize.py"), "strange file"),
    "a wheel with control characters": (wheel("\x1b]52;c;AAAA\x07.whl"), "is not in the lock"),
    "a wheel that the lock does not know": (wheel("invoke-9.9-py3-none-any.whl"), "is not in the lock"),
    "an image of another project in the list": (named("python:3.12"), "'python:3.12'"),
    "a stream of another project": (renamed("registry.example/company/app:latest"), "registry.example"),
    "an image of another content": (renamed("fearless-labs/tracking:0123456789ab"), "none of Fearless Labs"),
    "an image whose name is an option": (named("--help"), "'--help'"),
    "an image with control characters": (named("\x1b[2Jx:1"), "none of Fearless Labs"),
    "a stream of another name": (streams(name="../tracking"), "none of Fearless Labs"),
    "a stream without images": (streams(images=[]), "none of Fearless Labs"),
    "another tag in the stream": (instead("manifest.json", described(RepoTags=["python:3.12"])), "replace python:3.12"),
    "a second tag in the stream": (
        instead("manifest.json", described(RepoTags=[TRACKING.name, "debian:stable"])),
        "replace debian:stable",
    ),
    "a tag as Go would read it": (instead("manifest.json", described(repotags=["python:3.12"])), "replace python:3.12"),
    "a tag that is there twice": (
        instead("manifest.json", '[{"RepoTags":["python:3.12"],"repoTag\u017f":["x:1"]}]'.encode()),
        "description that no engine writes",
    ),
    "a tag of the old description": (instead("repositories", b'{"python": {"3.12": "0"}}'), "replace python:3.12"),
    "a tag of the new description": (
        added(member("index.json", oci(**{"io.containerd.image.name": "docker.io/library/python:3.12"}))),
        "replace python:3.12",
    ),
    "a short tag of the new description": (
        added(member("index.json", oci(**{"org.opencontainers.image.ref.name": "python:3.12"}))),
        "replace python:3.12",
    ),
    "two descriptions": (added(member("manifest.json", described(RepoTags=["python:3.12"]))), "manifest.json twice"),
    "a description that is a link": (
        added(member("index.json", kind=tarfile.SYMTYPE, link="manifest.json")),
        "strange file, 'index.json'",
    ),
    "a description that is none": (instead("manifest.json", b"[[]]"), "description that no engine writes"),
    "a description without end": (instead("manifest.json", b"[" * 100_000), "description that no engine writes"),
    "a description of 20 MB": (instead("manifest.json", bytes(20 << 20)), "of manifest.json"),
    "a path out of the stream": (added(member("../../etc/passwd", b"root")), "strange file"),
    "an absolute path in the stream": (added(member("/etc/passwd", b"root")), "strange file"),
    "a link in the stream": (added(member("blobs/a", kind=tarfile.SYMTYPE, link="/etc/shadow")), "strange file"),
    "a hard link in the stream": (added(member("blobs/a", kind=tarfile.LNKTYPE, link="b")), "strange file"),
    "a device in the stream": (added(member("blobs/sda", kind=tarfile.BLKTYPE)), "strange file"),
    "a pipe in the stream": (added(member("blobs/pipe", kind=tarfile.FIFOTYPE)), "strange file"),
    "control characters in the stream": (added(member("blobs/\x1b[2J", b"x")), "strange file"),
    "a bomb": (raw(bomb()), "more than the manifest says"),
    "a stream that is not packed": (raw(b"plain"), "cannot be unpacked"),
    "something behind the end": (raw(b"".join(packed(iter([tar([]), tar([member("x", b"x")])])))), "behind its end"),
    "a stream that ends early": (raw(ended_early()), "ends early"),
    "a stream that is no tar": (raw(b"".join(packed(iter([os.urandom(5000)])))), "no tar of images"),
    "less than nothing to unpack": (streams(unpacked=-(1 << 40)), "more than the manifest says"),
    "a size that is a text": (streams(unpacked="1"), "manifest"),
    "another processor": (replaced(platform="linux/arm64"), "linux/arm64"),
    "no platform": (replaced(platform=None), "manifest"),
    "no streams": (replaced(streams=[]), "manifest"),
    "streams that are a text": (replaced(streams="x"), "manifest"),
    "an image without labels": (lambda bundle: bundle.stream["images"][0].pop("labels"), "manifest"),
    "a base with a line of .env": (replaced(base="debian\nJUPYTER_TOKEN=known"), "manifest"),
    "a base that is an option": (replaced(base="--help"), "manifest"),
    "a base that is a list": (replaced(base=["debian"]), "manifest"),
    "a base that the contents are not of": (replaced(base="debian:stable"), "is not the bundle's"),
    "contents that are a list": (replaced(contents=[]), "manifest"),
    "no contents": (replaced(contents={}), "none of Fearless Labs"),
    "other locks": (replaced(locks={}), "is not the bundle's"),
}
"""What is changed in a bundle that is taken, and a part of the line that refuses it."""


def without_sums(file: Path, change: Callable[[bytes], bytes]) -> None:
    """Write a bundle and change its bytes, its sums with them as far as `change` does so."""
    Hostile().write(file)
    file.write_bytes(change(file.read_bytes()))


def negative(data: bytes) -> bytes:
    """A member whose size leads back to itself, in the place of the second one."""
    made = tarfile.TarInfo("fearless-labs/x")
    made.size = -512
    first = tarfile.TarInfo.frombuf(data[:512], "utf-8", "strict")
    begin = 512 + -(-first.size // 512) * 512
    return data[:begin] + made.tobuf(tarfile.GNU_FORMAT) + data[begin + 512 :]


def another_list(parts: object) -> Callable[[bytes], bytes]:
    """A manifest with another list of parts, and the sums that fit."""

    def change(data: bytes) -> bytes:
        with tarfile.open(fileobj=io.BytesIO(data)) as found:
            content = {each.name: found.extractfile(each) for each in found if each.isreg()}
            held = {name: stream.read() for name, stream in content.items() if stream}
        text = json.dumps({**json.loads(held["manifest.json"]), "parts": parts}).encode()
        sums = held["SHA256SUMS"].splitlines(keepends=True)[:-1]
        sums.append(f"{hashlib.sha256(text).hexdigest()}  manifest.json\n".encode())
        held |= {"manifest.json": text, "SHA256SUMS": b"".join(sums)}
        return tar([member(name, each) for name, each in held.items()])

    return change


RAW: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "a size that leads back": (negative, "damaged after"),
    "a list of parts that is none": (another_list(7), "none of a bundle"),
    "parts without their fields": (another_list([{"name": "x"}]), "none of a bundle"),
    "a list without the parts": (another_list([]), "SHA256SUMS is damaged"),
}
"""Changes of the bytes of a whole bundle."""
