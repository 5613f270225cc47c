"""Commands on a real engine that a signal ends at fifty random moments: what is there before and after is the same."""

import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lib.harness.signals import ENDING
from tests.host.clone import ROOT, Instance, copy_clone, share_venv
from tests.host.test_interrupted import environment, local_state
from tests.host.test_signals import is_alive, until

COMMANDS = {
    "up": ("up",),
    "lab": ("lab", "tiny", "--quick"),
    "build": ("build",),
    "bundle": ("bundle", "--out", "{out}/labs.tar"),
    "reproduce": ("reproduce", "last:tiny"),
}
MOMENTS = {"up": 12, "lab": 12, "build": 11, "bundle": 4, "reproduce": 11}
"""Fifty; fewest of the command that takes minutes."""
MARK = "LAB_TEST_INTERRUPTED"


@pytest.fixture(scope="module")
def clone(real_engine: None) -> Iterator[Instance]:
    """An instance with a recorded run. Its services do not run."""
    with tempfile.TemporaryDirectory() as folder:
        root = share_venv(copy_clone(Path(folder, "clone"), history=True))
        tiny = root / "lib" / "tiny"
        tiny.mkdir()
        (tiny / "__init__.py").write_text('"""A lab that takes a second."""\n', encoding="utf-8")
        shutil.copy(ROOT / "tests" / "lib" / "harness" / "labs" / "tiny.py", tiny / "lab.py")
        for name in ("labs", "tmp", "out"):
            (root if name == "labs" else Path(folder)).joinpath(name).mkdir(exist_ok=True)
        made = Instance(root, {"TMPDIR": str(Path(folder, "tmp")), MARK: folder, "LAB_RESTART": "no"})
        try:
            made.must("lab", "tiny", "--quick")
            made.must("down")
            yield made
        finally:
            made.remove()


def state(clone: Instance) -> set[str]:
    """Containers, networks, volumes, processes, temporary files and .local."""
    listings = (
        ("ps", "--all", "--format", "{{.Names}}"),
        ("network", "ls", "--format", "{{.Name}}"),
        ("volume", "ls", "-q"),
    )
    seen = local_state(clone.root) | {str(path) for path in Path(clone.environment["TMPDIR"]).rglob("*")}
    for listing in listings:
        names = subprocess.run(["docker", *listing], capture_output=True, text=True, check=True).stdout.split()
        seen |= {f"{listing[0]} {name}" for name in names if name.startswith(clone.project)}
    mark = f"{MARK}={clone.environment[MARK]}".encode()
    processes = [int(path.name) for path in Path("/proc").glob("[0-9]*")]
    return seen | {f"process {pid}" for pid in processes if mark in environment(pid) and is_alive(pid)}


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_nothing_is_left_of_a_command_that_a_signal_ends_at_a_random_moment(clone: Instance, name: str) -> None:
    out = Path(clone.environment[MARK], "out")
    command = [word.format(out=out) for word in COMMANDS[name]]
    begun = time.monotonic()
    clone.must(*command)
    duration = time.monotonic() - begun
    choose = random.Random(name)
    for _ in range(MOMENTS[name]):
        clone.must("down")
        shutil.rmtree(out)  # FILE.part of a bundle is kept, for the next command to go on from
        out.mkdir()
        before, number = state(clone), choose.choice(ENDING)
        assert_nothing_is_left(clone, command, before, choose.uniform(0, duration), number)


def assert_nothing_is_left(
    clone: Instance, command: list[str], before: set[str], seconds: float, number: signal.Signals
) -> None:
    program = clone.start(*command)
    time.sleep(seconds)
    program.send_signal(number)
    _, err = program.communicate(timeout=600)
    assert "Traceback" not in err, (seconds, err)
    if program.returncode == 0:
        return  # it was done
    assert program.returncode in (128 + number, -number), (seconds, err)
    until(lambda: not [one for one in state(clone) - before if one.startswith("process")])
    clone.invoke("--list")
    left = state(clone) ^ before
    assert not left, (seconds, number, os.linesep.join(sorted(left)))
