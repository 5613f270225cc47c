"""The bundle as a file: an uncompressed tar of parts, the manifest and the checksums last (docs/bundle.md).

It is written from front to back, and what a journal beside it lists is whole whatever interrupts the writer.
"""

import fcntl
import hashlib
import io
import json
import os
import re
import tarfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO

from host.bootstrap import files
from lib.harness.errors import UserError

FORMAT = 1
README, MANIFEST, SUMS = "README.txt", "manifest.json", "SHA256SUMS"
TITLE = "Fearless Labs bundle, format "
REPOSITORY = "fearless-labs"  # the folder with all that `tar xf` has to take out
BLOCK = 512
READ = 1 << 20
DESCRIBED = 1 << 26  # bytes that the manifest, or the checksums, may have
COPY_AGAIN = "copy or download the file again"
Advance = Callable[[int], None]


@dataclass(frozen=True)
class Part:
    """A member of the tar. `offset`: where its content begins. `plain_sha256`: of the content unpacked, if packed."""

    name: str
    size: int
    sha256: str
    offset: int
    plain_sha256: str = ""

    @property
    def end(self) -> int:
        """Offset of the next member."""
        return self.offset + padded(self.size)


def padded(size: int) -> int:
    """`size` in whole blocks of a tar."""
    return -(-size // BLOCK) * BLOCK


def header(name: str, size: int, mode: int = 0o644, time: int = 0, link: str = "") -> bytes:
    """The blocks before a member's content: one, or three when its name is long."""
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = size, mode, time
    if link:
        member.type, member.linkname = tarfile.SYMTYPE, link
    return member.tobuf(tarfile.GNU_FORMAT)


class Writer:
    """Writes FILE.part, which `finish` renames. Made again with equal `inputs`, it goes on where another one ended.

    The journal beside it is locked while it is written and is gone after FILE has its name, so that no second writer
    can take the one's file for its own unfinished one. FILE.part is on the disk only together with its journal: one
    without is not ours, after a power cut as well.

    Raises:
        UserError: another command writes it, or a file of its own name is somebody else's.
    """

    def __init__(self, file: Path, inputs: dict[str, Any]) -> None:
        self.file = file
        self.path = file.with_name(f"{file.name}.part")
        self.journal = file.with_name(f"{file.name}.part.journal")
        self.parts: list[Part] = []
        self.marks: set[str] = set()
        self._uncommitted: list[Part] = []
        self._records = self._locked_journal()
        lines: list[dict[str, Any]] = [{}]
        try:
            lines = self._own_lines(json.dumps({next(iter(inputs)): 0})[:-2].encode())
            goes_on = lines[:1] == [inputs] and self._read(lines[1:])
            if not goes_on:
                self.parts, self.marks = [], set()
                self.path.unlink(missing_ok=True)
                files.sync(self.journal.parent)
                self._records.truncate(0)
                self._record(inputs)
            self._stream = os.fdopen(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666), "r+b")
        except BaseException:
            if not lines:  # nothing is there to go on with
                self.journal.unlink()
            self._records.close()
            raise
        self._stream.truncate(self.end)

    def _locked_journal(self) -> IO[bytes]:
        """The journal, held alone. Raises `UserError` while another command holds it."""
        while True:
            stream = os.fdopen(os.open(self.journal, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666), "r+b")
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.path.samestat(os.fstat(stream.fileno()), self.journal.stat()):
                    return stream
            except BlockingIOError:
                stream.close()
                raise UserError(f"Another command is writing {self.path}") from None
            except FileNotFoundError:  # the other one has just finished
                pass
            stream.close()

    def _own_lines(self, begin: bytes) -> list[dict[str, Any]]:
        """The records of the journal; of those that a power cut has torn nothing is left. `begin`: of the first one.

        Raises:
            UserError: the journal, or the file beside it, is not one of an unfinished bundle.
        """
        self._records.seek(0)
        *whole, torn = self._records.read().split(b"\n")
        lines = list(_records_in(whole))
        first = [*whole, torn][0].rstrip(b"\0")  # zeros: what was not written yet
        is_torn = first.startswith(begin) or begin.startswith(first)
        strange = None
        if not (isinstance(lines[0], dict) and "commit" in lines[0] if lines else is_torn):
            strange = self.journal
        elif not lines and self.path.exists():
            strange = self.path
            self.journal.unlink()
        if strange:
            raise UserError(f"{strange} is no part of an unfinished bundle: move it, or name another file with --out")
        self._records.truncate(sum(len(line) + 1 for line in whole[: len(lines)]))
        return lines

    def _read(self, records: list[dict[str, Any]]) -> bool:
        """Take over `parts` and `marks` from the journal. Returns whether the file has all that is listed."""
        for record in records:
            if "forgotten" in record:
                self._forget(record["forgotten"])
            elif "mark" in record:
                self.marks.add(record["mark"])
            else:
                self.parts.append(Part(**record))
        return self.path.exists() and self.path.stat().st_size >= self.end

    def _record(self, *records: dict[str, Any]) -> None:
        self._records.write("".join(json.dumps(record) + "\n" for record in records).encode())
        self._records.flush()
        os.fsync(self._records.fileno())

    def _forget(self, prefix: str) -> None:
        self.parts = [part for part in self.parts if not part.name.startswith(prefix)]

    @property
    def end(self) -> int:
        """Offset of the next part."""
        last = (self._uncommitted or self.parts)[-1:]
        return last[0].end if last else 0

    def known(self, name: str) -> Part | None:
        """The part of this name, when it is whole."""
        return next((part for part in self.parts if part.name == name), None)

    def add(self, name: str, content: Iterable[bytes], mode: int = 0o644, time: int = 0, link: str = "") -> Part:
        """Append a part; it counts from the next `commit` on. Its header is written when its size is known."""
        start, digest, size = self.end, hashlib.sha256(), 0
        offset = start + len(header(name, 0, link=link))
        self._stream.seek(offset)
        for block in content:
            self._stream.write(block)
            digest.update(block)
            size += len(block)
        self._stream.write(bytes(padded(size) - size))
        self._stream.seek(start)
        self._stream.write(header(name, size, mode, time, link))
        part = Part(name, size, digest.hexdigest(), offset)
        self._uncommitted.append(part)
        return part

    def commit(self, mark: str = "", plain_sha256: str = "") -> None:
        """Sync the parts added since the last commit to the disk, then record them in the journal.

        Args:
            mark: names a stage that is complete now; a resumed bundle does not repeat it.
            plain_sha256: the checksum of the parts' content before compression.
        """
        self._stream.flush()
        os.fsync(self._stream.fileno())
        whole = [Part(**(asdict(part) | {"plain_sha256": plain_sha256})) for part in self._uncommitted]
        self._record(*map(asdict, whole), *([{"mark": mark}] if mark else []))
        self.parts += whole
        self.marks |= {mark} if mark else set()
        self._uncommitted = []

    def forget(self, prefix: str) -> None:
        """Drop the last parts, whose names begin with `prefix`."""
        self._forget(prefix)
        self._uncommitted = []
        self._record({"forgotten": prefix})
        self._stream.truncate(self.end)

    def finish(self, manifest: dict[str, Any]) -> None:
        """Write the manifest and the checksums, then give the file its name."""
        listed = [{"name": p.name, "size": p.size, "sha256": p.sha256, "offset": p.offset} for p in self.parts]
        text = (json.dumps(manifest | {"parts": listed}, indent=1, ensure_ascii=False) + "\n").encode()
        self.add(MANIFEST, [text])
        self.add(SUMS, [sums(self.parts, text)])
        self._stream.seek(self.end)
        self._stream.write(bytes(2 * BLOCK))
        self._stream.truncate()
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self.path.replace(self.file)
        files.sync(self.file.parent)
        self.journal.unlink()
        files.sync(self.file.parent)

    def close(self) -> None:
        """Let go of the file; what is committed stays for the next writer."""
        self._stream.close()
        self._records.close()


def _records_in(lines: list[bytes]) -> Iterator[Any]:
    """The records of lines, up to the first that is none."""
    for line in lines:
        try:
            yield json.loads(line)
        except ValueError:
            return


def sums(parts: list[Part], manifest: bytes) -> bytes:
    """The text for `sha256sum --check`: every part and the manifest."""
    lines = [f"{part.sha256}  {part.name}\n" for part in parts]
    return "".join([*lines, f"{hashlib.sha256(manifest).hexdigest()}  {MANIFEST}\n"]).encode()


class Bundle:
    """A bundle that is read. Raises `UserError` in one line for a file that is none, is cut off or is damaged."""

    def __init__(self, file: Path) -> None:
        self.file = file
        if not file.exists():
            raise UserError(f"{file}: there is no such file")
        if not file.is_file():
            raise UserError(f"{file} is not a file: name the one that ./invoke bundle has written")
        try:
            self.stream: BinaryIO = file.open("rb")
        except OSError as error:
            raise UserError(f"{file} cannot be read: {error.strerror}") from None
        try:
            self._check_format()
            self._read_index()
        except BaseException:
            self.stream.close()
            raise

    def __enter__(self) -> "Bundle":
        return self

    def __exit__(self, *_: object) -> None:
        self.stream.close()

    def _read_index(self) -> None:
        members, text, checksums = self._members()
        if not checksums.endswith(f"\n{hashlib.sha256(text).hexdigest()}  {MANIFEST}\n".encode()):
            raise UserError(f"{self.file}: {MANIFEST} or {SUMS} is damaged: {COPY_AGAIN}")
        try:
            self.manifest: dict[str, Any] = json.loads(text)
            self.parts = [Part(**entry) for entry in self.manifest["parts"]]
        except (ValueError, TypeError, KeyError, RecursionError):
            raise UserError(f"{self.file}: its {MANIFEST} is none of a bundle: nothing of it is used") from None
        for part, member in zip(self.parts, members, strict=False):
            if (part.name, part.size, part.offset) != member:
                raise UserError(f"{self.file}: {part.name} is damaged (its header): {COPY_AGAIN}")
        if len(self.parts) != len(members) or checksums != sums(self.parts, text):
            raise UserError(f"{self.file}: {SUMS} is damaged: {COPY_AGAIN}")

    def _check_format(self) -> None:
        try:
            first = tarfile.TarInfo.frombuf(self.stream.read(BLOCK), "utf-8", "surrogateescape")
        except tarfile.TarError:
            raise UserError(f"{self.file} is not a bundle of Fearless Labs: ./invoke bundle writes one") from None
        text = self.stream.read(max(0, min(first.size, 4096))).decode(errors="replace")
        match = re.match(rf"{TITLE}(\d+)\n", text)
        if first.name != README or not match:
            raise UserError(f"{self.file} is not a bundle of Fearless Labs: ./invoke bundle writes one")
        if int(match[1]) != FORMAT:
            raise UserError(
                f"{self.file} is a bundle of format {match[1]}, this clone reads format {FORMAT}: use the clone inside "
                f"it (tar xf {self.file.name} {REPOSITORY})"
            )

    def _members(self) -> tuple[list[tuple[str, int, int]], bytes, bytes]:
        """Name, size and offset of every part as the tar has them; the manifest; the checksums."""
        total, offset, last, long = self.file.stat().st_size, 0, "its beginning", ""
        members: list[tuple[str, int, int]] = []
        text = b""
        while True:
            self.stream.seek(offset)
            block = self.stream.read(BLOCK)
            if len(block) < BLOCK:
                raise UserError(f"{self.file} is cut off after {last}: {COPY_AGAIN}")
            try:
                member = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
                if member.tobuf(tarfile.GNU_FORMAT) != block:
                    raise tarfile.HeaderError("bytes that the header's checksum leaves out")
            except tarfile.TarError:
                raise UserError(f"{self.file} is damaged after {last} (at byte {offset:,}): {COPY_AGAIN}") from None
            size = 0 if member.issym() else member.size
            if size < 0 or (member.name in (MANIFEST, SUMS) and size > DESCRIBED):
                raise UserError(f"{self.file} is damaged after {last} (at byte {offset:,}): {COPY_AGAIN}")
            begin, offset = offset + BLOCK, offset + BLOCK + padded(size)
            if member.type == tarfile.GNUTYPE_LONGNAME:
                long = self.stream.read(min(size, 4096)).rstrip(b"\0").decode(errors="surrogateescape")
                continue
            last, long = long or member.name, ""
            if offset > total:
                raise UserError(f"{self.file} is cut off in {last}: {COPY_AGAIN}")
            if member.name == MANIFEST:
                text = self.stream.read(size)
            elif member.name == SUMS:
                return members, text, self.stream.read(size)
            else:
                members.append((last, size, begin))

    def read(self, part: Part) -> Iterator[bytes]:
        """The content of a part. Raises `UserError` at its end when it is not what the manifest says."""
        digest = hashlib.sha256()
        self.stream.seek(part.offset)
        left = part.size
        while left:
            block = self.stream.read(min(left, READ))
            if not block:
                break
            digest.update(block)
            left -= len(block)
            yield block
        if digest.hexdigest() != part.sha256:
            raise UserError(f"{self.file}: {part.name} is damaged (another SHA-256 than the manifest's): {COPY_AGAIN}")

    def verify(self, advance: Advance) -> None:
        """Read every part. Raises `UserError` that names the first damaged one."""
        for part in self.parts:
            for block in self.read(part):
                advance(len(block))

    def named(self, prefix: str) -> list[Part]:
        """The parts whose names begin with `prefix`."""
        return [part for part in self.parts if part.name.startswith(prefix)]


class Blocks:
    """A stream of blocks that is taken in pieces of a given number of bytes."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = filter(None, blocks)
        self._rest = b""

    def empty(self) -> bool:
        """Return whether nothing is left."""
        self._rest = self._rest or next(self._blocks, b"")
        return not self._rest

    def take(self, size: int) -> Iterator[bytes]:
        """The next `size` bytes, fewer at the end."""
        while size:
            block = self._rest or next(self._blocks, b"")
            if not block:
                return
            block, self._rest = block[:size], block[size:]
            size -= len(block)
            yield block


def without_times(stream: IO[bytes]) -> Iterator[bytes]:
    """A tar whose members are all of time 0 and have no extended headers: equal content gives equal bytes.

    Raises:
        tarfile.TarError: it is no tar, or it ends early.
    """
    with tarfile.open(fileobj=stream, mode="r|", bufsize=READ) as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isreg() else io.BytesIO()
            member.mtime, member.pax_headers = 0, {}
            yield member.tobuf(tarfile.GNU_FORMAT)
            while content and (block := content.read(READ)):
                yield block
            yield bytes(padded(member.size) - member.size if member.isreg() else 0)
    yield bytes(2 * BLOCK)
