"""A hostile bundle is refused in one line: exit code 2, nothing written, no image given to the engine."""

import hashlib
import io
import json
import os
import random
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from host.bundle import saved
from host.bundle.format import Bundle
from host.bundle.write import packed
from host.engine import images
from lib.harness.errors import UserError
from tests.host.bad_input.bundles import CASES, RAW, Change, Hostile, tar, without_sums
from tests.host.bad_input.test_bad_input import contents
from tests.host.clone import ROOT
from tests.host.conftest import Invoke, Outcome

Load = Callable[..., Outcome]


@pytest.fixture
def engine(tmp_path: Path) -> Path:
    """The folder of a stand-in engine without images."""
    folder = tmp_path / "engine"
    folder.mkdir()
    program = tmp_path / "bin" / "docker"
    program.parent.mkdir()
    stand_in = ROOT / "tests" / "torture" / "stand_in_docker.py"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "{stand_in}" "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    return folder


@pytest.fixture
def load(invoke: Invoke, engine: Path) -> Load:
    """Run `./invoke load FILE` with that engine."""
    path = f"{engine.parent / 'bin'}{os.pathsep}{os.environ['PATH']}"

    def run(file: Path, *options: str) -> Outcome:
        return invoke("load", str(file), *options, env={"PATH": path, "STAND_IN": str(engine)})

    return run


def refused(outcome: Outcome, part: str) -> None:
    """Fail unless the command ended with one line that has `part`, after what it says of its progress."""
    lines = [line for line in outcome.stderr.splitlines() if not line.startswith("Checking the bundle: ")]
    assert (outcome.returncode, outcome.stdout, len(lines)) == (2, "", 1), outcome.stderr
    assert part in lines[0]
    assert all(sign.isprintable() for sign in lines[0])


def test_a_bundle_that_is_not_changed_is_taken(load: Load, engine: Path, tmp_path: Path) -> None:
    Hostile().write(tmp_path / "b.tar")
    outcome = load(tmp_path / "b.tar")
    assert outcome.returncode == 0, outcome.stderr
    assert {image.name.replace("/", "_") for image in images.IMAGES} <= {path.name for path in engine.iterdir()}


@pytest.mark.parametrize(("change", "part"), CASES.values(), ids=CASES)
def test_one_line_and_nothing_is_used(change: Change, part: str, load: Load, engine: Path, the_copy: Path) -> None:
    hostile, file = Hostile(), engine.parent / "b.tar"
    change(hostile)
    hostile.write(file)
    before = contents(the_copy)
    refused(load(file), part)
    assert contents(the_copy) == before
    assert list(engine.iterdir()) == []


@pytest.mark.parametrize(("change", "part"), RAW.values(), ids=RAW)
def test_bytes_that_no_writer_writes(
    change: Callable[[bytes], bytes], part: str, load: Load, engine: Path, tmp_path: Path
) -> None:
    without_sums(tmp_path / "b.tar", change)
    refused(load(tmp_path / "b.tar"), part)
    assert list(engine.iterdir()) == []


def test_a_stream_that_was_changed_anywhere_has_our_tags_alone_or_is_refused_in_one_line(tmp_path: Path) -> None:
    """Three hundred streams: bytes changed, cut out, put in twice. Those that are taken are read by another reader."""
    file, taken = tmp_path / "b.tar", 0
    for seed in range(300):
        hostile, chance = Hostile(), random.Random(seed)
        hostile.tars.pop("lab-cpu")
        data = bytearray(tar(hostile.members))
        for _ in range(chance.randrange(1, 4)):
            at, size = chance.randrange(len(data)), chance.randrange(1, 600)
            match chance.randrange(4):
                case 0:
                    data[at] ^= 1 << chance.randrange(8)
                case 1:
                    del data[at : at + size]
                case 2:
                    data[at:at] = data[at : at + size]
                case 3:
                    data[at:at] = b"\0" * size
        hostile.packed["tracking"] = b"".join(packed(iter([bytes(data)])))
        hostile.write(file)
        with Bundle(file) as bundle:
            try:
                saved.check(bundle, bundle.manifest["streams"][0])
            except UserError as error:
                assert "\n" not in str(error)
                continue
        taken += 1
        with tarfile.open(fileobj=io.BytesIO(data)) as found:
            for member in found:
                assert (member.isreg() or member.isdir()) and not {"", ".."} & set(member.name.split("/"))
                if member.name == "manifest.json":
                    (entry,) = json.loads(found.extractfile(member).read())  # type: ignore[union-attr]
                    assert set(entry.get("RepoTags") or []) <= {images.TRACKING.name}
    assert 0 < taken < 300


def test_the_sum_that_bundle_has_printed_is_asked_for(load: Load, engine: Path, tmp_path: Path) -> None:
    file = tmp_path / "b.tar"
    Hostile().write(file)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    refused(load(file, "--sha256", "1" * 64), "another SHA-256")
    refused(load(file, "--sha256", digest[:-1]), "64 hexadecimal digits")
    assert list(engine.iterdir()) == []
    assert load(file, "--sha256", digest.upper()).returncode == 0


def test_an_engine_that_changes_what_it_got_is_named(load: Load, engine: Path, tmp_path: Path) -> None:
    """The manifest may say what it likes: what the engine has afterwards is looked at."""
    hostile = Hostile()
    entry = hostile.members[0]
    other = json.loads(entry[1])
    other[0]["RootFS"]["Layers"] = ["sha256:other"]
    data = json.dumps(other).encode()
    entry[0].size = len(data)
    hostile.members[0] = (entry[0], data)
    hostile.write(tmp_path / "b.tar")
    outcome = load(tmp_path / "b.tar")
    assert outcome.returncode == 2
    assert "is another image than the manifest's" in outcome.stderr.splitlines()[-1]


def test_the_corpus_is_large() -> None:
    assert len(CASES) + len(RAW) >= 45
