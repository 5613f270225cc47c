"""Tar archives that others may have made: files at paths below a folder, and nothing else."""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import IO

KINDS = {
    tarfile.SYMTYPE: "a symbolic link",
    tarfile.LNKTYPE: "a link",
    tarfile.DIRTYPE: "a folder",
    tarfile.CHRTYPE: "a device",
    tarfile.BLKTYPE: "a device",
    tarfile.FIFOTYPE: "a pipe",
}

DAMAGE = (tarfile.ReadError, EOFError, zlib.error, OSError)
PIECE = 1 << 20
MOST = 1 << 28
"""Bytes of the files of an archive that is read into memory: those of a run have some hundred thousand."""


def plain_files(stream: IO[bytes]) -> Iterator[tuple[str, bytes, int]]:
    """Path, content and mode of each file of an archive, compressed or not.

    Raises:
        tarfile.TarError: as `streamed_files`, or it has more than memory is for.
    """
    size = 0
    for path, pieces, mode in streamed_files(stream):
        content = bytearray()
        for piece in pieces:
            size += len(piece)
            if size > MOST:
                raise tarfile.TarError(f"more than {MOST:,} bytes of files")
            content += piece
        yield path, bytes(content), mode


def streamed_files(stream: IO[bytes]) -> Iterator[tuple[str, Iterator[bytes], int]]:
    """Path, content in pieces, and mode of each file of an archive; the pieces are read before the next file is.

    Raises:
        tarfile.TarError: it is damaged, or has a member that is no plain file, whose path does not stay below the
            folder that it is unpacked to, or that has the place of another one. Members before that are given.
    """
    files, folders = set[PurePosixPath](), set[PurePosixPath]()
    try:
        with tarfile.open(fileobj=stream) as tar:
            for member in tar:
                path = PurePosixPath(member.name)
                why = KINDS.get(member.type) or _why_strange(member, path)
                if not why and (path in files or path in folders or not files.isdisjoint(path.parents)):
                    why = "there twice"
                if why:
                    raise tarfile.TarError(f"a strange file, {member.name!r} ({why})")
                files.add(path)
                folders.update(path.parents)
                content = tar.extractfile(member)
                assert content is not None
                yield path.as_posix(), _pieces(member, content), member.mode
    except DAMAGE as error:
        raise _damaged(error) from None


def _pieces(member: tarfile.TarInfo, content: IO[bytes]) -> Iterator[bytes]:
    left = member.size
    try:
        while piece := content.read(PIECE):
            left -= len(piece)
            yield piece
        if left:
            raise tarfile.ReadError(f"only a part of {member.name!r}")
    except DAMAGE as error:
        raise _damaged(error) from None


def _damaged(error: Exception) -> tarfile.ReadError:
    return tarfile.ReadError(f"a damaged archive ({str(error).partition(':')[0]})")


def _why_strange(member: tarfile.TarInfo, path: PurePosixPath) -> str:
    if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE):
        return "no plain file"
    if path.is_absolute():
        return "an absolute path"
    if ".." in path.parts or not path.parts or path.as_posix() != member.name or "\0" in member.name:
        return "not a path in a folder"
    return ""
