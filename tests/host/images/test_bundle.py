"""The whole of it: a bundle of this clone, given to an engine that has no images on a machine that has no network."""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from host.engine import images
from tests.host.clone import command, copy_clone, share_venv
from tests.host.conftest import Outcome

InTheRoom = Callable[..., Outcome]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy with git's history, which a bundle carries."""
    return share_venv(copy_clone(tmp_path_factory.mktemp("teacher") / "clone", history=True))


@pytest.fixture(scope="module")
def file(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle, made by the command."""
    made = tmp_path_factory.mktemp("bundle") / "labs.tar"
    done = subprocess.run(
        command(clone, "bundle", "--out", made), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(made))
    assert [path.name for path in made.parent.iterdir()] == ["labs.tar"]
    return made


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InTheRoom]:
    """Runs a command in a network of its own, which leads nowhere, with an engine of its own, which is empty."""
    if os.getuid() or not all(map(shutil.which, ("dockerd", "unshare", "nsenter", "ip"))):
        (pytest.fail if os.environ.get("CI") else pytest.skip)("an engine of the test's own needs root and dockerd")
    folder = tmp_path_factory.mktemp("engine")
    address = f"unix://{folder}/sock"
    command = ["unshare", "--net", "dockerd", f"--data-root={folder}/data", f"--exec-root={folder}/exec"]
    with (folder / "log").open("w", encoding="utf-8") as log:
        engine = subprocess.Popen([*command, f"--pidfile={folder}/pid", f"--host={address}"], stdout=log, stderr=log)

    def run(*words: str | Path, cwd: Path) -> Outcome:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
        return subprocess.run(
            ["nsenter", f"--net=/proc/{engine.pid}/ns/net", *words],
            cwd=cwd,
            env=environment | {"DOCKER_HOST": address},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    try:
        deadline = time.monotonic() + 60
        while run("docker", "version", cwd=folder).returncode:
            assert engine.poll() is None, (folder / "log").read_text(encoding="utf-8")
            assert time.monotonic() < deadline
            time.sleep(0.2)
        run("ip", "link", "set", "lo", "up", cwd=folder)
        yield run
    finally:
        engine.terminate()
        engine.wait()
        shutil.rmtree(folder / "data")


@pytest.mark.slow
def test_a_lab_runs_where_there_is_nothing_but_the_file(file: Path, room: InTheRoom, tmp_path: Path) -> None:
    tmp_path.parent.parent.chmod(0o755)
    for parent in (tmp_path, tmp_path.parent):
        parent.chmod(0o755)
    assert room("docker", "images", "--quiet", cwd=tmp_path).stdout == ""
    assert room("tar", "xf", file, "fearless-labs", cwd=tmp_path).returncode == 0
    student = tmp_path / "fearless-labs"

    def invoke(*words: str | Path) -> Outcome:
        return room(*command(student, *words), cwd=student)

    loaded = invoke("load", file)
    assert loaded.returncode == 0, loaded.stderr
    again = invoke("load", file)
    assert "Loading" not in again.stderr

    lab = invoke("lab", "optimizers", "--quick")
    assert lab.returncode == 0, lab.stderr
    assert "In MLflow" in lab.stdout
    up = invoke("up")
    assert up.returncode == 0, up.stderr
    for part, some in (("lib", "test_seeds"), ("host", "test_ports")):
        tested = invoke("test", "--only", part, "-k", some)
        assert tested.returncode == 0, tested.stdout + tested.stderr
        assert re.search(r"^[1-9]\d* passed", tested.stdout, re.M)
    down = invoke("down")
    assert down.returncode == 0, down.stderr


@pytest.mark.slow
def test_a_damaged_bundle_gives_the_engine_nothing(clone: Path, file: Path, room: InTheRoom, tmp_path: Path) -> None:
    bad = tmp_path / "bad.tar"
    shutil.copyfile(file, bad)
    with bad.open("r+b") as stream:
        stream.seek(file.stat().st_size * 2 // 3)
        byte = stream.read(1)
        stream.seek(-1, os.SEEK_CUR)
        stream.write(bytes([byte[0] ^ 1]))
    shown = ("docker", "images", "--no-trunc")  # in no order: they all have the time of their base
    before = sorted(room(*shown, cwd=tmp_path).stdout.splitlines())
    outcome = room(*command(clone, "load", bad), cwd=tmp_path)
    assert outcome.returncode == 2
    assert "images/lab-cpu.tar.zst.00" in outcome.stderr.splitlines()[-1]
    assert "is damaged" in outcome.stderr.splitlines()[-1]
    assert sorted(room(*shown, cwd=tmp_path).stdout.splitlines()) == before


@pytest.mark.slow
def test_two_builds_from_nothing_have_the_same_files(capsys: pytest.CaptureFixture[str]) -> None:
    """The other image has even the same digest (`test_digest`)."""
    from host.engine.same_twice import check

    assert check(images.LAB), capsys.readouterr().out
