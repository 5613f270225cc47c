"""What a power cut leaves of a bundle that is written: the next command goes on with it or replaces it."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from host.bootstrap import files
from host.bundle import load
from host.bundle.format import README, Bundle, Writer
from tests.host.test_bundle import CONTENT, INPUTS, write_bundle


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A whole bundle."""
    write_bundle(tmp_path / "b.tar")
    return tmp_path / "b.tar"


def unfinished(file: Path, inputs: dict[str, Any] = INPUTS) -> None:
    """A bundle of one part that is interrupted."""
    writer = Writer(file, inputs)
    writer.add(README, [CONTENT[README]])
    writer.commit()
    writer.close()


@pytest.mark.parametrize(
    "left", [b"", b'{"com', b'{"commit": "0', bytes(60), b'{"commit": ' + bytes(9), bytes(9) + b"\n"]
)
def test_a_journal_whose_first_record_a_power_cut_has_torn_is_replaced(file: Path, tmp_path: Path, left: bytes) -> None:
    again = tmp_path / "again.tar"
    (tmp_path / "again.tar.part.journal").write_bytes(left)
    write_bundle(again)
    assert again.read_bytes() == file.read_bytes()


@pytest.mark.parametrize("torn", [b'{"name": "to', bytes(40), bytes(40) + b'}\n{"mark": "images"}\n'])
def test_a_later_record_that_a_power_cut_has_torn_does_not_count(file: Path, tmp_path: Path, torn: bytes) -> None:
    again = tmp_path / "again.tar"
    unfinished(again)
    with (tmp_path / "again.tar.part.journal").open("ab") as journal:
        journal.write(torn)
    writer = Writer(again, INPUTS)
    assert ([part.name for part in writer.parts], writer.marks) == ([README], set())
    writer.close()
    write_bundle(again)
    assert again.read_bytes() == file.read_bytes()


@pytest.mark.parametrize("gone", ["b.tar.part", "b.tar"])
def test_a_journal_without_its_file_begins_anew(file: Path, tmp_path: Path, gone: str) -> None:
    """A power cut may spare the old name of a file that has got its own, or the journal of one that has not."""
    whole = file.read_bytes()
    unfinished(file)
    (tmp_path / gone).unlink()
    write_bundle(file)
    assert file.read_bytes() == whole
    assert [path.name for path in tmp_path.iterdir()] == ["b.tar"]


def test_a_part_is_on_the_disk_only_together_with_its_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise a power cut could leave one that the next command takes for somebody else's, and refuses."""
    names: list[list[str]] = []
    sync = files.sync

    def synced(folder: Path) -> None:
        sync(folder)
        names.append(sorted(path.name for path in folder.iterdir()))
        if "b.tar.part.journal" in names[-1] and len(names) > 1:
            assert (folder / "b.tar.part.journal").read_bytes(), "it is emptied after the part is gone"

    monkeypatch.setattr(files, "sync", synced)
    unfinished(tmp_path / "b.tar", {"commit": "0"})
    write_bundle(tmp_path / "b.tar")
    assert names == [["b.tar.part.journal"], ["b.tar.part.journal"], ["b.tar", "b.tar.part.journal"], ["b.tar"]]


def test_a_wheel_that_was_not_whole_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheels = tmp_path / "clone" / "wheels"
    monkeypatch.setattr(load, "ROOT", tmp_path / "clone")
    monkeypatch.setattr(load, "WHEELS", wheels)
    monkeypatch.setattr(load, "locked", lambda: {hashlib.sha256(b"whole").hexdigest()})
    wheels.mkdir(parents=True)
    (wheels / ".one.whl.0a1b2c3d.part").write_bytes(b"half")
    write_bundle(tmp_path / "b.tar", {README: CONTENT[README], "fearless-labs/wheels/two.whl": b"whole"})
    with Bundle(tmp_path / "b.tar") as bundle:
        load._install_wheels(bundle)
    assert {path.name: path.read_bytes() for path in wheels.iterdir()} == {"two.whl": b"whole"}
