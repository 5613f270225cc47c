"""The images in a bundle, as `docker save` has written them: unpacked within bounds, checked before an engine has them.

An engine takes whatever tags such a file has, and would replace an image of anybody's that has one of them.
"""

import json
import re
import tarfile
from collections.abc import Callable, Iterator
from typing import Any

import zstandard

from host.bundle.format import BLOCK, READ, Advance, Bundle, padded
from lib.harness.errors import UserError

WINDOW = 1 << 27
"""Bytes that zstd may look back, as `zstd -d` allows without being asked."""
SPARE = 1 << 28
"""Bytes of a stream besides the images: descriptions, padding."""
MOST = 1 << 24
"""Bytes of a description."""
NAME = re.compile(r"[\w.:-]+(/[\w.:-]+)*")
DESCRIPTIONS = ("manifest.json", "repositories", "index.json")
FULL = "io.containerd.image.name"
SHORT = "org.opencontainers.image.ref.name"


class _Blocks:
    """Blocks as a file that zstd reads."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks

    def read(self, _size: int = -1) -> bytes:
        return next(self._blocks, b"")


def unpacked(bundle: Bundle, stream: dict[str, Any], advance: Advance) -> Iterator[bytes]:
    """The bytes of a stream, at most 1 MiB at a time. `advance`: told how many bytes of the file were read.

    Raises:
        UserError: they are more than the manifest says, or no zstd.
    """
    left = 2 * int(stream["unpacked"]) + SPARE
    for part in bundle.named(f"images/{stream['name']}.tar.zst."):
        unpacker = zstandard.ZstdDecompressor(max_window_size=WINDOW)
        try:
            with unpacker.stream_reader(_Blocks(_told(bundle.read(part), advance)), read_size=READ) as reader:
                while block := reader.read(READ):
                    left -= len(block)
                    if left < 0:
                        raise _refused(bundle, stream, "unpacks to more than the manifest says")
                    yield block
        except zstandard.ZstdError as error:
            raise _refused(bundle, stream, f"cannot be unpacked ({error})") from None


def _told(blocks: Iterator[bytes], advance: Advance) -> Iterator[bytes]:
    for block in blocks:
        advance(len(block))
        yield block


def check(bundle: Bundle, stream: dict[str, Any], advance: Advance = lambda _: None) -> None:
    """Read a stream as an engine would.

    Raises:
        UserError: it has anything but plain files and folders, a tag that the manifest does not list, or is no tar.
    """
    found: dict[str, bytes] = {}
    for name, content in _members(unpacked(bundle, stream, advance), lambda why: _refused(bundle, stream, why)):
        if name in found:
            raise _refused(bundle, stream, f"has {name} twice")
        found[name] = content
    listed = {entry["name"] for entry in stream["images"]}
    try:
        described = {name: json.loads(content, object_pairs_hook=_as_go_reads) for name, content in found.items()}
        strange = sorted(_tags(described) - listed, key=str)
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
        raise _refused(bundle, stream, "has a description that no engine writes") from None
    if strange:
        raise _refused(bundle, stream, f"would replace {strange[0]}, which the manifest does not list")


def _members(blocks: Iterator[bytes], refuse: Callable[[str], UserError]) -> Iterator[tuple[str, bytes]]:
    """Name and content of each of `DESCRIPTIONS` in a tar, of which nothing else is kept."""
    waiting = bytearray()

    def take(size: int, keep: bool) -> bytes:
        kept = bytearray()
        while size:
            if not waiting:
                waiting.extend(next(blocks, b""))
                if not waiting:
                    raise refuse("ends early")
            piece = waiting[:size]
            del waiting[:size]
            size -= len(piece)
            if keep:
                kept += piece
        return bytes(kept)

    while any(block := take(BLOCK, True)):
        try:
            member = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except tarfile.TarError:
            raise refuse("is no tar of images") from None
        name = member.name.rstrip("/")
        is_plain = member.type in (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE) and not member.linkname
        if not is_plain or not NAME.fullmatch(name) or {".", ".."} & set(name.split("/")) or member.size < 0:
            raise refuse(f"has a strange file, {name!r}")
        is_kept = name in DESCRIPTIONS
        if is_kept and member.size > MOST:
            raise refuse(f"has {member.size:,} bytes of {name}")
        content = take(padded(member.size), is_kept)[: member.size]
        if is_kept:
            yield name, content
    if any(waiting) or any(block.count(0) < len(block) for block in blocks):
        raise refuse("goes on behind its end")


def _as_go_reads(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose names are the same in any case, as in Go's encoding/json. Raises `ValueError` for one twice."""
    read = {name.casefold(): value for name, value in pairs}
    if len(read) < len(pairs):
        raise ValueError("a name twice")
    return read


def _tags(descriptions: dict[str, Any]) -> set[str]:
    """Every name that the descriptions give to an image (Docker's own and the OCI image layout's)."""
    tags = {tag for entry in descriptions.get("manifest.json", []) for tag in entry.get("repotags") or []}
    tags |= {f"{name}:{tag}" for name, by_tag in descriptions.get("repositories", {}).items() for tag in by_tag}
    for entry in descriptions.get("index.json", {}).get("manifests", []):
        given = entry.get("annotations") or {}
        name, short = given.get(FULL), given.get(SHORT)
        tags |= {re.sub(r"^docker\.io/(library/)?", "", name)} if name else {short} if short else set()
    return tags


def _refused(bundle: Bundle, stream: dict[str, Any], why: str) -> UserError:
    return UserError(f"{bundle.file}: {stream['name']} {why}: nothing of the bundle is used")
