"""Fixtures of the host's tests: ./invoke as a user runs it, in a copy of the clone."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from host.bootstrap import paths
from host.engine import docker, volumes
from host.records import room
from tests.host import untouched
from tests.host.clone import ROOT, command, copy_clone, new_project, share_venv
from tests.host.fake_engine import FakeEngine

NO_ENGINE = {"DOCKER_HOST": "unix:///nonexistent/docker.sock"}
Outcome = subprocess.CompletedProcess[str]
Invoke = Callable[..., Outcome]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: only with ./invoke test --all")
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a background job of a shell has it
        signal.signal(signal.SIGINT, signal.default_int_handler)
    state = Path(tempfile.mkdtemp(prefix="fearless-test-state-"))
    config.add_cleanup(lambda: shutil.rmtree(state))
    own_state(state)
    untouched.watch(paths.ROOT)


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the images of a stand-in for the engine (stand_in_docker.py), which has none."""
    program = tmp_path / "bin" / "docker"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -I {ROOT}/tests/host/stand_in_docker.py "$@"\n')
    program.chmod(0o755)
    folder = tmp_path / "engine" / "images"
    folder.mkdir(parents=True)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("STAND_IN", str(folder.parent))
    monkeypatch.setenv("LAB_INSTANCE", new_project())
    return folder


@pytest.fixture
def without_rooms(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what is run again in a stand-in for a container need no volume, and leave nothing to take in."""
    monkeypatch.setattr(room, "opened", lambda: nullcontext("room"))
    monkeypatch.setattr(room, "take_in", lambda *_: None)
    monkeypatch.setattr(volumes, "full_name", lambda name: name)


def own_state(state: Path) -> None:
    """Let the host's modules, loaded ones and those to come, keep their state in `state` and not in the clone."""
    for name, module in list(sys.modules.items()):
        if name.startswith("host.") and vars(module).get("STATE") == paths.ROOT / ".local":
            vars(module)["STATE"] = state


@pytest.fixture(scope="session")
def the_copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the clone that no test changes."""
    return share_venv(copy_clone(tmp_path_factory.mktemp("copy") / "clone"))


@pytest.fixture
def invoke(the_copy: Path) -> Invoke:
    """Run ./invoke with arguments, in `root` or the copy; `env` is added to the environment, None removes a variable.

    The instance is the test's own unless `env` names one.
    """
    project = new_project()

    def run(*args: str, root: Path = the_copy, env: dict[str, str | None] | None = None, **options: object) -> Outcome:
        merged = {**os.environ, "LAB_INSTANCE": project, **(env or {})}
        settings: dict[str, object] = {"stdin": subprocess.DEVNULL, "timeout": 120} | options
        if "input" in settings:
            del settings["stdin"]
        return subprocess.run(  # type: ignore[call-overload, no-any-return]
            command(root, *args),
            env={key: value for key, value in merged.items() if value is not None},
            capture_output=True,
            text=True,
            check=False,
            **settings,
        )

    return run


@pytest.fixture
def fake_engine(tmp_path: Path) -> Iterator[Callable[..., dict[str, str]]]:
    """Start an engine that knows its version and what is said; gives the environment in which `docker` talks to it."""
    started: list[FakeEngine] = []

    def start(version: str, info: dict[str, Any] | None = None, arch: str = "amd64") -> dict[str, str]:
        started.append(FakeEngine(tmp_path / "engine.sock", version, info, arch))
        return {"DOCKER_HOST": started[-1].address}

    yield start
    for fake in started:
        fake.stop()


@pytest.fixture
def fake_nvidia_smi(tmp_path: Path) -> Callable[..., dict[str, str]]:
    """A driver's `nvidia-smi` that lists these GPUs, or fails as it does without its driver; gives the environment."""

    def make(*names: str, driver: str = "580.65.06") -> dict[str, str]:
        listing = "\n".join(f"GPU {i}: {name} (UUID: GPU-{i:08}-0000)" for i, name in enumerate(names))
        program = tmp_path / "driver" / "nvidia-smi"
        program.parent.mkdir()
        script = f'case "$1" in\n-L) echo "{listing}" ;;\n--query-gpu=driver_version) echo {driver} ;;\nesac\n'
        if not names:
            script = "echo 'NVIDIA-SMI has failed because there is no driver.'\nexit 9\n"
        program.write_text(f"#!/bin/sh\n{script}", encoding="utf-8")
        program.chmod(0o755)
        return {"PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"}

    return make


@pytest.fixture
def fake_plugin(tmp_path: Path) -> Callable[[str, str], dict[str, str]]:
    """A plugin of `docker` that knows only its version; gives the environment in which `docker` finds it first."""

    def make(name: str, version_line: str) -> dict[str, str]:
        plugin = tmp_path / "config" / "cli-plugins" / f"docker-{name}"
        plugin.parent.mkdir(parents=True)
        about = '{"SchemaVersion": "0.1.0", "Vendor": "test"}'
        plugin.write_text(
            f"#!/bin/sh\n[ \"$1\" = docker-cli-plugin-metadata ] && echo '{about}' || echo '{version_line}'\n",
            encoding="utf-8",
        )
        plugin.chmod(0o755)
        return {"DOCKER_CONFIG": str(tmp_path / "config")}

    return make


@pytest.fixture(scope="session")
def real_engine() -> None:
    """The engine of this machine. Without one the test is skipped; in CI that is a failure."""
    if not docker.available():
        (pytest.fail if os.environ.get("CI") else pytest.skip)("no Docker engine answers: ./invoke doctor")


def one_line(outcome: Outcome, code: int = 2) -> str:
    """The one line on stderr of a command that failed as bad input does: this exit code, no traceback, no output."""
    lines = outcome.stderr.splitlines()
    assert outcome.returncode == code, outcome.stderr
    assert outcome.stdout == ""
    assert len(lines) == 1, outcome.stderr
    return lines[0]
