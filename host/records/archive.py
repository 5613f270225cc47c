"""The file of a backup: a tar, compressed by Zstandard, with a hash of every member, written whole or not at all.

`backup.json` comes first and says what the file is, `SHA256SUMS` last, in the form of sha256sum. Between them are the
files of an instance: `volumes/…` those of the engine, `local/…` those of local mode.
"""

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Protocol, cast

import zstandard

from host.bootstrap import files, ledger
from lib.harness.commands.store import is_inside
from lib.harness.errors import UserError

FORMAT = 1
ABOUT, SUMS = "backup.json", "SHA256SUMS"
VOLUMES, LOCAL = "volumes", "local"
BLOCK = 1 << 20
PACKED = 1 << 12
"""Bytes that are decompressed at a time: few, as a hostile file makes much of them."""
LARGEST_TEXT = 64 << 20
"""The most bytes that the file's own lists may have."""


@dataclass(frozen=True)
class About:
    """The description of a backup, in itself.

    Attributes:
        format: of the file.
        instance: the name of the instance that it is of.
        time: when it was made, in ISO 8601.
        version: of Fearless Labs.
        mlflow: version of MLflow, whose database it has.
        artifacts: the address of local mode's artifacts, as its database names it.
        settings: those of .env that are no secret and say nothing of this instance alone.
    """

    format: int
    instance: str
    time: str
    version: str
    mlflow: str
    artifacts: str
    settings: dict[str, str]


@dataclass(frozen=True)
class Contents:
    """A whole file that was checked. `names`: of its members, without the two of its own; `size`: their bytes."""

    about: About
    names: list[str]
    size: int

    def has(self, part: str) -> bool:
        """Return whether there is a file of `part`."""
        return any(name.startswith(f"{part}/") for name in self.names)

    @property
    def runs(self) -> int:
        """Number of runs."""
        return sum(name.endswith("/run.jsonl") for name in self.names)


class Readable(Protocol):
    """A stream of bytes."""

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes."""


class Writer:
    """Writes the members of a backup."""

    def __init__(self, tar: tarfile.TarFile):
        self._tar = tar
        self._sums: list[str] = []
        self.names: list[str] = []
        self.size = 0

    def add(self, name: str, size: int, content: Readable) -> None:
        """Add a member of `size` bytes."""
        hashed = _Hashed(content)
        self._add(name, size, hashed)
        self._sums.append(f"{hashed.sha256.hexdigest()}  {name}\n")
        self.names.append(name)
        self.size += size

    def begin(self, about: About) -> None:
        """Add what the file is."""
        text = json.dumps(asdict(about), indent=2).encode()
        self.add(ABOUT, len(text), io.BytesIO(text))

    def end(self) -> None:
        """Add the hashes."""
        text = "".join(self._sums).encode()
        self._add(SUMS, len(text), io.BytesIO(text))

    def _add(self, name: str, size: int, content: Readable) -> None:
        info = tarfile.TarInfo(name)
        info.size, info.mode = size, 0o644
        self._tar.addfile(info, cast(IO[bytes], content))


class _Hashed:
    """A stream that is hashed while it is read."""

    def __init__(self, content: Readable):
        self.sha256 = hashlib.sha256()
        self._content = content

    def read(self, size: int = -1) -> bytes:
        data = self._content.read(size)
        self.sha256.update(data)
        return data


@contextmanager
def writing(file: Path) -> Iterator[Writer]:
    """A writer of a new file, which appears under its name when the block has ended well and it is on the disk.

    Raises:
        UserError: it cannot be written.
    """
    try:
        with ledger.beside(file) as part:
            with part.open("xb") as raw:
                compressor = zstandard.ZstdCompressor(level=3, write_checksum=True)
                with (
                    compressor.stream_writer(raw, closefd=False) as stream,
                    tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as tar,
                ):
                    writer = Writer(tar)
                    yield writer
                    writer.end()
                raw.flush()
                os.fsync(raw.fileno())
            part.rename(file)
            files.sync(file.parent)
    except OSError as error:
        raise UserError(f"{file} cannot be written ({error.strerror or error})") from None


def check(file: Path) -> Contents:
    """The contents of a backup, every byte of which was read and is as it was written.

    Raises:
        UserError: it is none, of a version that this one does not read, or damaged.
    """
    sums: dict[str, str] = {}
    listed: dict[str, str] | None = None
    about: About | None = None
    size = 0
    try:
        for name, length, content in members(file):
            if listed is not None or name in sums:
                raise ValueError(f"{name} is there twice")
            if name == SUMS:
                listed = _read_sums(content.read(LARGEST_TEXT).decode())
                continue
            hashed = _Hashed(content)
            if about is None:
                about = _read_about(name, hashed.read(LARGEST_TEXT), file)
            elif not (is_inside(name) and name.startswith((f"{VOLUMES}/", f"{LOCAL}/"))):
                raise ValueError(f"{name} does not belong there")
            while hashed.read(BLOCK):
                pass
            sums[name], size = hashed.sha256.hexdigest(), size + length
    except OSError as error:
        raise UserError(f"{file} cannot be read ({error.strerror or error})") from None
    except (tarfile.TarError, zstandard.ZstdError, EOFError, ValueError, RecursionError) as error:
        raise UserError(f"{file} is damaged or no backup: {error}; take another copy of it") from None
    if listed is None or about is None:
        raise UserError(f"{file} is damaged or no backup: its end is missing; take another copy of it")
    if changed := sorted({name for name, _ in sums.items() ^ listed.items()}):
        raise UserError(f"{file} is damaged: {changed[0]} is not as it was written; take another copy of it")
    return Contents(about, [name for name in sums if name != ABOUT], size)


def members(file: Path) -> Iterator[tuple[str, int, IO[bytes]]]:
    """Name, size and bytes of each member of a backup, in order. Raises `ValueError` for one that is no plain file."""
    with file.open("rb") as raw:
        stream = _Decompressed(raw)
        with tarfile.open(fileobj=cast(IO[bytes], stream), mode="r|") as tar:
            for info in tar:
                content = tar.extractfile(info) if info.isreg() else None
                if content is None:
                    raise ValueError(f"{info.name} is no plain file")
                yield info.name, info.size, content
        while stream.read(BLOCK):
            pass


class _Decompressed:
    """The content of a file that is one frame of Zstandard, whole and with nothing behind it."""

    def __init__(self, raw: IO[bytes]):
        self._raw = raw
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._block, self._at = b"", 0

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes. Raises `EOFError` where the file ends early, `ValueError` where it does not end."""
        data = bytearray()
        while len(data) < size:
            if self._at == len(self._block) and not self._next():
                break
            piece = self._block[self._at : self._at + size - len(data)]
            self._at += len(piece)
            data += piece
        return bytes(data)

    def _next(self) -> bool:
        """Decompress some more; False at the end."""
        if self._frame.eof:
            if self._frame.unused_data or self._raw.read(1):
                raise ValueError("there is something behind its end")
            return False
        packed = self._raw.read(PACKED)
        if not packed:
            raise EOFError("its end is missing")
        self._block, self._at = self._frame.decompress(packed), 0
        return True


def _read_sums(text: str) -> dict[str, str]:
    pairs = (line.partition("  ")[::2] for line in text.splitlines())
    return {name: digest for digest, name in pairs}


def _read_about(name: str, text: bytes, file: Path) -> About:
    """Return the description. Raises `UserError` for another version, `ValueError` for what no version writes."""
    about = json.loads(text) if name == ABOUT else None
    if not isinstance(about, dict) or not isinstance(about.get("format"), int):
        raise ValueError("it does not begin with what a backup is")
    if about["format"] != FORMAT:
        raise UserError(
            f"{file} is a backup of format {about['format']}, this version reads format {FORMAT}: use the version that "
            f"wrote it, {str(about.get('version', 'unknown'))[:20]!r}"
        )
    try:
        known = About(**about)
    except TypeError as error:
        raise ValueError(str(error)) from None
    texts = [known.instance, known.time, known.version, known.mlflow, known.artifacts]
    pairs = known.settings.items() if isinstance(known.settings, dict) else [(None, None)]
    if not all(isinstance(text, str) for text in [*texts, *(word for pair in pairs for word in pair)]):
        raise ValueError(f"{ABOUT} has fields of other types")
    return known
