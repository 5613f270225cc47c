"""What two builds are compared by."""

import hashlib
import io
import json
import tarfile
from pathlib import Path

from host.engine.same_twice import Build, differences, laid_upon, listing, read_layout


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


def files(stream: io.BytesIO) -> Build:
    return Build(listing(stream))


def test_times_do_not_differ() -> None:
    assert differences(files(tar(1)), files(tar(2))) == []


def test_modes_contents_and_missing_files_do() -> None:
    first = files(tar(1))
    assert first.files["/link"] == "link, 644, 0:0, to etc/file"
    (line,) = differences(first, files(tar(1, mode=0o600)))
    assert line.startswith("/etc/file: file, 644, 1000:0, 1 bytes, sha256 6b86b273")
    assert "| file, 600" in line
    assert len(differences(first, files(tar(1, content=b"2")))) == 1
    assert differences(first, Build({})) == ["/etc/file: only in the first", "/link: only in the first"]


def test_equal_files_under_two_digests_differ() -> None:
    (line,) = differences(Build({"/a": "file"}, "sha256:1"), Build({"/a": "file"}, "sha256:2"))
    assert line == "digest: sha256:1 | sha256:2"


def test_a_layer_removes_what_its_whiteouts_name() -> None:
    below = dict.fromkeys(("/a", "/a/1", "/a/1/x", "/a/12", "/b", "/b/2"), "old")
    assert laid_upon(below, {"/a/.wh.1": "file"}).keys() == below.keys() - {"/a/1", "/a/1/x"}
    assert laid_upon(below, {"/a": "new", "/a/.wh..wh..opq": "file", "/a/3": "new"}) == {
        "/a": "new",
        "/a/3": "new",
        "/b": "old",
        "/b/2": "old",
    }


def test_an_image_is_read_from_its_layout(tmp_path: Path) -> None:
    blobs: dict[str, bytes] = {}

    def digest_of(data: bytes) -> str:
        name = hashlib.sha256(data).hexdigest()
        blobs[f"blobs/sha256/{name}"] = data
        return f"sha256:{name}"

    layers = [{"digest": digest_of(tar(1, content=content).getvalue())} for content in (b"1", b"2")]
    manifest = digest_of(json.dumps({"layers": layers}).encode())
    blobs["index.json"] = json.dumps({"manifests": [{"digest": manifest}]}).encode()
    layout = tmp_path / "image.tar"
    with tarfile.open(layout, "w") as archive:
        for name, data in blobs.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    assert read_layout(layout) == Build(listing(tar(1, content=b"2")), manifest)
