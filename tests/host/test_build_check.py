"""What two builds are compared by."""

import io
import tarfile

from host.build_check import differences, listing


def tar(mtime: int, mode: int = 0o644, content: bytes = b"1") -> io.BytesIO:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        file, link = tarfile.TarInfo("etc/file"), tarfile.TarInfo("link")
        file.size, file.mode, file.mtime, file.uid = len(content), mode, mtime, 1000
        link.type, link.linkname = tarfile.SYMTYPE, "etc/file"
        archive.addfile(file, io.BytesIO(content))
        archive.addfile(link)
    stream.seek(0)
    return stream


def test_times_do_not_differ() -> None:
    assert listing(tar(1)) == listing(tar(2))
    assert differences(listing(tar(1)), listing(tar(2))) == []


def test_modes_contents_and_missing_files_do() -> None:
    first = listing(tar(1))
    assert first["/link"] == "link, 644, 0:0, to etc/file"
    (line,) = differences(first, listing(tar(1, mode=0o600)))
    assert line.startswith("/etc/file: file, 644, 1000:0, 1 bytes, sha256 6b86b273")
    assert "| file, 600" in line
    assert len(differences(first, listing(tar(1, content=b"2")))) == 1
    assert differences(first, {}) == ["/etc/file: only in the first", "/link: only in the first"]
