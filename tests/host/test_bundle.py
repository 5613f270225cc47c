"""The bundle's file: whole after an interruption, opened by tar, refused in one line that names the damaged part."""

import fcntl
import io
import json
import secrets
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest
import zstandard

from host.bundle import clone, load, write
from host.bundle.format import BLOCK, FORMAT, README, SUMS, Blocks, Bundle, Part, Writer, without_times
from host.engine import content, docker, images
from lib.harness.errors import UserError
from tests.host.bad_input.bundles import Hostile
from tests.host.conftest import NO_ENGINE, Invoke, one_line

INPUTS = {"commit": "1"}
LONG = f"fearless-labs/.local/wheels/{'a-long-name-' * 12}.whl"
CONTENT = {
    README: write.welcome("b.tar", ["3.11"]),
    "fearless-labs/a b.txt": b"x" * 700,
    LONG: b"wheel",
    "images/0": b"",
}


def write_bundle(file: Path, content: dict[str, bytes] = CONTENT, inputs: dict[str, Any] = INPUTS) -> None:
    """A bundle of these parts, each committed by itself; those that an earlier writer left are kept."""
    writer = Writer(file, inputs)
    for name, data in content.items():
        if not writer.known(name):
            writer.add(name, [data[:3], data[3:]])
            writer.commit()
    writer.finish({"format": FORMAT})
    writer.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    write_bundle(tmp_path / "b.tar")
    return tmp_path / "b.tar"


def refused(file: Path) -> str:
    """What the reader says of a file that it does not take."""
    with pytest.raises(UserError) as error:
        checked(file)
    assert "\n" not in str(error.value)
    return str(error.value)


def checked(file: Path) -> list[Part]:
    with Bundle(file) as found:
        found.verify(lambda _: None)
        return found.parts


def test_tar_and_sha256sum_open_it(file: Path, tmp_path: Path) -> None:
    assert [path.name for path in tmp_path.iterdir()] == ["b.tar"]
    subprocess.run(["tar", "xf", file], cwd=tmp_path, check=True, capture_output=True)
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", SUMS], cwd=tmp_path, check=True)
    assert (tmp_path / LONG).read_bytes() == b"wheel"
    assert {part.name: part.size for part in checked(file)} == {name: len(data) for name, data in CONTENT.items()}


def test_a_link_is_a_link(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "b.tar", INPUTS)
    writer.add(README, [CONTENT[README]])
    writer.add("fearless-labs/link", [], link="a b.txt")
    writer.commit()
    writer.finish({})
    writer.close()
    assert [part.name for part in checked(tmp_path / "b.tar")] == [README, "fearless-labs/link"]
    with tarfile.open(tmp_path / "b.tar") as archive:
        assert archive.getmember("fearless-labs/link").linkname == "a b.txt"


def test_it_goes_on_at_the_first_part_that_is_not_whole(file: Path, tmp_path: Path) -> None:
    whole = file.read_bytes()
    for stop in range(len(CONTENT)):
        again = tmp_path / f"{stop}.tar"
        writer = Writer(again, INPUTS)
        for name, data in list(CONTENT.items())[:stop]:
            writer.add(name, [data[:3], data[3:]])
            writer.commit()
        writer.add("torn", [b"half of "])
        writer.close()
        with writer.journal.open("a", encoding="utf-8") as journal:
            journal.write('{"name": "to')
        resumed = Writer(again, INPUTS)
        assert [part.name for part in resumed.parts] == list(CONTENT)[:stop]
        resumed.close()
        write_bundle(again)
        assert again.read_bytes() == whole


def test_other_inputs_begin_anew(file: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.tar"
    writer = Writer(again, {"commit": "0"})
    writer.add(README, [b"of another commit"])
    writer.commit()
    writer.close()
    write_bundle(again)
    assert again.read_bytes() == file.read_bytes()


def test_two_writers_of_one_file(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "b.tar", INPUTS)
    with pytest.raises(UserError, match="Another command is writing"):
        Writer(tmp_path / "b.tar", INPUTS)
    writer.close()


def test_a_writer_that_comes_as_another_one_ends_leaves_its_file_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first one ends after the second has opened what both write, and before it has the lock."""
    file = tmp_path / "b.tar"
    first = Writer(file, INPUTS)
    first.add(README, [CONTENT[README]])
    first.commit()
    lock, held = fcntl.flock, [first]

    def end_first(stream: IO[bytes], how: int) -> None:
        while held:
            held.pop().finish({})
            first.close()
        lock(stream, how)

    monkeypatch.setattr(fcntl, "flock", end_first)
    second = Writer(file, INPUTS)
    assert second.parts == []
    second.close()
    assert [part.name for part in checked(file)] == [README]


@pytest.mark.parametrize("name", ["b.tar.part", "b.tar.part.journal"])
@pytest.mark.parametrize("content", [b"mine", b"mine\n", b'["mine"]\n', b'{"whose": "mine"}\n'])
def test_a_file_of_the_users_beside_it_is_left_alone(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=f"{name} is no part of an unfinished bundle: move it"):
        Writer(tmp_path / "b.tar", INPUTS)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {name: content}


def test_a_part_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "b.tar.part").mkdir()
    with pytest.raises((OSError, UserError)):
        Writer(tmp_path / "b.tar", INPUTS)
    assert [path.name for path in tmp_path.iterdir()] == ["b.tar.part"]


@pytest.mark.parametrize("name", ["../escaped.whl", "{}/escaped.whl", "a/b.whl", "..", "code.py"])
def test_a_wheel_is_a_file_of_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(load, "ROOT", tmp_path / "clone")
    monkeypatch.setattr(load, "WHEELS", tmp_path / "clone" / "wheels")
    write_bundle(tmp_path / "b.tar", {README: CONTENT[README], f"fearless-labs/wheels/{name.format(tmp_path)}": b"x"})
    with Bundle(tmp_path / "b.tar") as bundle, pytest.raises(UserError, match="strange file"):
        load._install_wheels(bundle)
    assert [path.name for path in tmp_path.iterdir()] == ["b.tar"]


@pytest.mark.parametrize("name", [name for name, data in CONTENT.items() if data])
def test_one_changed_byte_of_content_is_named(file: Path, name: str) -> None:
    part = next(part for part in checked(file) if part.name == name)
    data = bytearray(file.read_bytes())
    data[part.offset + part.size - 1] ^= 1
    file.write_bytes(data)
    assert f"{name} is damaged" in refused(file)


def test_any_changed_byte_of_a_header_or_the_manifest_is_refused(file: Path) -> None:
    data = file.read_bytes()
    held = {position for part in checked(file) for position in range(part.offset, part.end)}
    for position in range(0, len(data) - 2 * BLOCK, 7):
        changed = bytearray(data)
        changed[position] ^= 4
        if position not in held and data[position]:
            file.write_bytes(changed)
            assert "damaged" in (said := refused(file)) or "not a bundle" in said or "cut off" in said


def test_a_file_that_is_cut_off_is_refused(file: Path) -> None:
    data = file.read_bytes()
    for size in range(BLOCK + 200, len(data) - 3 * BLOCK, 301):
        file.write_bytes(data[:size])
        assert "cut off" in refused(file)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not a bundle of Fearless Labs: ./invoke bundle"),
        (b"PK" + bytes(2000), "not a bundle"),
        (None, "not a file"),
    ],
)
def test_what_is_no_bundle(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "b.tar"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    assert said in refused(path)


def test_any_other_tar_is_no_bundle(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "other.tar", "w") as archive:
        archive.add(__file__, README)
    assert "not a bundle" in refused(tmp_path / "other.tar")


def test_another_format_is_named(tmp_path: Path) -> None:
    write_bundle(tmp_path / "b.tar", {README: CONTENT[README].replace(b"format 1\n", b"format 9\n")})
    assert "format 9, this clone reads format 1" in refused(tmp_path / "b.tar")


def test_load_says_what_is_wrong_in_one_line(invoke: Invoke, file: Path, tmp_path: Path) -> None:
    Hostile().write(tmp_path / "whole.tar")
    assert "nowhere.tar: there is no such file" in one_line(invoke("load", "nowhere.tar"))
    assert "No Docker engine" in one_line(invoke("load", str(tmp_path / "whole.tar"), env=NO_ENGINE))
    file.write_bytes(file.read_bytes()[:5000])
    assert "cut off" in one_line(invoke("load", str(file), env=NO_ENGINE))


@pytest.mark.parametrize(("out", "said"), [("missing/b.tar", "no folder"), (".", "a folder")])
def test_a_place_that_cannot_be_written_is_one_line(invoke: Invoke, out: str, said: str) -> None:
    assert said in one_line(invoke("bundle", "--out", out, env=NO_ENGINE))


def test_a_clone_of_another_commit_is_refused(file: Path) -> None:
    message = r"tracking\.txt, cpu\.txt differs\): use the one inside it, tar xf b\.tar"
    with Bundle(file) as found, pytest.raises(UserError, match=message):
        found.manifest |= {"commit": "c" * 40, "locks": {}, "docker_sha256": images.docker_sha256()}
        load.check_clone(found)


def test_a_clone_whose_images_are_made_of_something_else_is_refused(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that has chosen no base takes the bundle's."""
    monkeypatch.setattr(content, "chosen_base", str)
    base = "registry.example/debian:bookworm"
    locks = {image.lock: image.lock_sha256 for image in images.IMAGES}
    contents = {image.target: content.content(image.target, image.lock, base) for image in images.IMAGES}
    with Bundle(file) as found:
        found.manifest |= {"commit": "c" * 40, "locks": locks, "contents": contents, "base": base}
        load.check_clone(found)
        found.manifest["contents"]["lab-cpu"] = "0" * 64
        with pytest.raises(UserError, match=r"is not the bundle's \(what lab-cpu is made of differs\)"):
            load.check_clone(found)


def test_a_full_disk_is_said_with_the_number_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docker, "free_gib", lambda: 1.5)
    with pytest.raises(UserError, match=r"needs 4\.0 GiB free.* there are 1\.5"):
        load.check_disk([{"unpacked": 2**31}])
    load.check_disk([])


def test_a_stream_is_taken_in_pieces() -> None:
    blocks = Blocks(iter([b"ab", b"", b"cdefg", b"h"]))
    assert [b"".join(blocks.take(3)) for _ in range(2)] == [b"abc", b"def"]
    assert not blocks.empty()
    assert b"".join(blocks.take(9)) == b"gh"
    assert blocks.empty()


def archive(time: int, *extra: str) -> bytes:
    """A small tar with a folder, a link and a file, all of this time."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as made:
        for name in ("folder", "folder/file", "link", *extra):
            member = tarfile.TarInfo(name)
            member.mtime = time + 0.5
            if name == "folder":
                member.type = tarfile.DIRTYPE
            elif name == "link":
                member.type, member.linkname = tarfile.SYMTYPE, "folder/file"
            else:
                member.size = 1000
            made.addfile(member, io.BytesIO(bytes(member.size)))
    return stream.getvalue()


def test_what_an_engine_saves_is_the_same_at_any_time() -> None:
    one, other = (b"".join(without_times(io.BytesIO(archive(time)))) for time in (10**9, 2 * 10**9))
    assert one == other
    with tarfile.open(fileobj=io.BytesIO(one)) as found:
        assert found.getnames() == ["folder", "folder/file", "link"]
        assert found.getmember("link").linkname == "folder/file"


def test_a_stream_that_ends_early_is_an_error() -> None:
    with pytest.raises(tarfile.TarError):
        list(without_times(io.BytesIO(archive(0, "last")[:3000])))


def test_parts_are_one_zstd_file() -> None:
    pieces = [b"one " * 1000, b"two"]
    joined = b"".join(block for piece in pieces for block in write.packed(iter([piece])))
    with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(joined), read_across_frames=True) as reader:
        assert reader.read() == b"".join(pieces)


def test_markers_of_a_lock() -> None:
    lock = (
        "# made by uv\na==1 \\\n    --hash=sha256:00\n    # via b\nwin==1 ; sys_platform == 'win32' \\\n"
        "    --hash=sha256:11\nold==2 ; python_full_version < '3.11' \\\n    --hash=sha256:22\n"
    )
    plain = clone.without_markers(lock)
    assert " ".join(plain.split()) == "# made by uv a==1 \\ --hash=sha256:00 # via b old==2 \\ --hash=sha256:22"


@pytest.fixture
def image() -> Iterator[str]:
    """A small image of the test's own."""
    name = f"fearless-test/{secrets.token_hex(4)}:latest"
    command = ["docker", "import", "--change", "LABEL one=1", "-", name]
    subprocess.run(command, input=archive(0, *map(str, range(500))), capture_output=True, check=True)
    yield name
    docker.call("rmi", "--force", name)


@pytest.fixture
def stream(image: str) -> write.Stream:
    built = images.inspect(image)
    assert built
    return write.Stream("tiny", {image: built})


def add(writer: Writer, stream: write.Stream, stop_after: int = 2**62) -> None:
    """The stream's parts, interrupted after so many bytes."""
    seen = 0

    def advance(size: int) -> None:
        nonlocal seen
        seen += size
        if seen > stop_after:
            raise KeyboardInterrupt

    write.add_images(writer, stream, advance)


@pytest.mark.usefixtures("real_engine")
def test_an_image_goes_through_a_bundle_that_was_interrupted(
    tmp_path: Path, stream: write.Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write, "PART", 1 << 18)
    writer = Writer(tmp_path / "b.tar", INPUTS)
    writer.add(README, [CONTENT[README]])
    writer.commit("clone for Python 3.11")
    with pytest.raises(KeyboardInterrupt):
        add(writer, stream, stop_after=600_000)
    writer.close()
    before = json.dumps([part.__dict__ for part in writer.parts])
    assert len(writer.parts) > 2

    writer = Writer(tmp_path / "b.tar", INPUTS)
    add(writer, stream)
    assert json.dumps([part.__dict__ for part in writer.parts]).startswith(before[:-1])
    writer.finish(write.manifest(writer, {"commit": "1", "dirty": False}, [stream]))
    writer.close()

    name, built = next(iter(stream.holds.items()))
    docker.call("rmi", "--force", name)
    with Bundle(tmp_path / "b.tar") as found:
        found.verify(lambda _: None)
        entry = found.manifest["streams"][0]
        assert not load.is_there(entry)
        load.install(found, entry)
        assert load.is_there(entry)
        assert images.inspect(name) == built

        entry["images"][0]["labels"] = {"one": "2"}
        with pytest.raises(UserError, match="another image than the manifest's"):
            load.install(found, entry)


@pytest.mark.usefixtures("real_engine")
def test_what_was_written_in_another_way_is_written_again(
    tmp_path: Path, stream: write.Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = Writer(tmp_path / "b.tar", INPUTS)
    writer.add(stream.part(0), [b"packed by another version of the engine"])
    writer.commit(plain_sha256="0" * 64)
    add(writer, stream)
    first = writer.known(stream.part(0))
    assert first
    assert first.plain_sha256 != "0" * 64
    assert [part.name for part in writer.parts] == [stream.part(0)]
    writer.close()


@pytest.mark.usefixtures("real_engine")
def test_an_image_that_is_gone_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"docker save ended early: .*([Nn]o such image|does not exist)"):
        list(write.saved(["fearless-test/none:none"]))


@pytest.mark.usefixtures("real_engine")
def test_what_the_engine_refuses_is_said(tmp_path: Path) -> None:
    packed = b"".join(write.packed(iter([b"no tar"])))
    write_bundle(tmp_path / "b.tar", CONTENT | {"images/tiny.tar.zst.000": packed})
    with Bundle(tmp_path / "b.tar") as found, pytest.raises(UserError, match="docker load refused tiny: "):
        load.install(found, {"name": "tiny", "unpacked": 6, "images": []})
