"""Archives that others have made: anything but plain files below a folder is refused, by one line that names it."""

from __future__ import annotations

import gzip
import io
import tarfile

import pytest

from lib.harness.recording import archive as archives
from lib.harness.recording import provenance
from lib.harness.recording.archive import plain_files

KINDS = {
    tarfile.SYMTYPE: "a symbolic link",
    tarfile.LNKTYPE: "a link",
    tarfile.DIRTYPE: "a folder",
    tarfile.CHRTYPE: "a device",
    tarfile.BLKTYPE: "a device",
    tarfile.FIFOTYPE: "a pipe",
    tarfile.CONTTYPE: "no plain file",
    tarfile.GNUTYPE_SPARSE: "no plain file",
}


def archive(*members: tuple[str, bytes]) -> bytes:
    """A tar of members of these names and kinds, each of 3 bytes where it has any."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for name, kind in members:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "nowhere"
            member.size = 3 if kind == tarfile.REGTYPE else 0
            tar.addfile(member, io.BytesIO(b"abc"))
    return stream.getvalue()


def refused(data: bytes) -> str:
    with pytest.raises(tarfile.TarError) as error:
        list(plain_files(io.BytesIO(data)))
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("packed", [False, True])
def test_files_are_read_whatever_packs_them(packed: bool) -> None:
    data = archive(("lib/a.py", tarfile.REGTYPE), ("lib/b/c.py", tarfile.REGTYPE), ("a b", tarfile.AREGTYPE))
    found = list(plain_files(io.BytesIO(gzip.compress(data) if packed else data)))
    assert [(name, content) for name, content, _ in found] == [
        ("lib/a.py", b"abc"),
        ("lib/b/c.py", b"abc"),
        ("a b", b""),
    ]


@pytest.mark.parametrize(("kind", "why"), KINDS.items())
def test_what_is_no_plain_file_is_named(kind: bytes, why: str) -> None:
    said = refused(archive(("first", tarfile.REGTYPE), ("lib/x", kind), ("last", tarfile.REGTYPE)))
    assert said == f"a strange file, 'lib/x' ({why})"


@pytest.mark.parametrize(
    "name", [".", "..", "/", "/etc/x", "../x", "lib/../../x", "./x", "lib//x", "lib/./x", "lib/.."]
)
def test_a_path_that_leads_elsewhere_is_named(name: str) -> None:
    assert f"a strange file, {name!r}" in refused(archive((name, tarfile.REGTYPE)))


@pytest.mark.parametrize("names", [("a", "a"), ("a", "a/b"), ("a/b", "a"), ("a/b/c", "a/b")])
def test_two_files_cannot_have_one_place(names: tuple[str, str]) -> None:
    assert f"{names[1]!r} (there twice)" in refused(archive(*((name, tarfile.REGTYPE) for name in names)))


def test_what_a_terminal_would_obey_is_written_out() -> None:
    assert "\x1b" not in refused(archive(("\x1b[2J/..", tarfile.REGTYPE)))


def test_a_damaged_archive_is_one_line() -> None:
    data = gzip.compress(archive(("lib/a.py", tarfile.REGTYPE)))
    for damaged in (b"", b"no archive", data[: len(data) // 2]):
        assert refused(damaged)
    plain = archive(("lib/a.py", tarfile.REGTYPE), ("lib/b.py", tarfile.REGTYPE))
    for end in (513, 514, 600, 1537, 1538):
        assert refused(plain[:end])


def test_an_archive_that_unpacks_to_more_than_memory_is_for_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data = archive(*((name, tarfile.REGTYPE) for name in "abc"))
    monkeypatch.setattr(archives, "MOST", 9)
    assert len(list(plain_files(io.BytesIO(data)))) == 3
    monkeypatch.setattr(archives, "MOST", 8)
    assert refused(data) == "more than 8 bytes of files"


def test_a_record_with_such_a_file_is_refused_like_a_damaged_one() -> None:
    with pytest.raises(tarfile.TarError, match="strange file"):
        provenance.unpacked(gzip.compress(archive(("lib/x", tarfile.SYMTYPE))))
