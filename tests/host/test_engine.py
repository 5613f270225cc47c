"""The engine and its plugins: versions as they are printed, none at all, too old, out of reach."""

import os
import re
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from host.bootstrap.paths import ROOT
from host.engine import compose, docker, images
from host.engine.docker import MINIMUM, Version
from lib.harness.errors import UserError
from tests.host.conftest import NO_ENGINE, Invoke, one_line


@pytest.mark.parametrize(
    ("printed", "numbers"),
    [
        ("26.1.5+dfsg1", (26, 1, 5)),
        ("29.0.0-rc.1", (29, 0, 0)),
        ("20.10.24", (20, 10, 24)),
        ("Docker Compose version v2.29.1-desktop.1", (2, 29, 1)),
        ("Docker Compose version 2.26.1-4", (2, 26, 1)),
        ("github.com/docker/buildx v0.17.1 257815a6fbaee88976808020bf04274388275ae8", (0, 17, 1)),
        ("github.com/docker/buildx 0.13.1+ds1 0.13.1+ds1-3", (0, 13, 1)),
    ],
)
def test_versions_are_read_as_tools_print_them(printed: str, numbers: tuple[int, ...]) -> None:
    assert Version.read(printed).numbers == numbers


def test_versions_compare_by_number() -> None:
    assert Version((25, 0, 5)).fits("engine")
    assert not Version((25, 0, 4)).fits("engine"), "its internal networks look names up outside"
    assert not Version((24, 0, 9)).fits("engine")
    assert Version((2, 100)).fits("compose")
    assert not Version((2, 9, 9)).fits("compose")


def test_a_version_without_a_number_counts_as_new_enough_and_is_named(
    invoke: Invoke, fake_engine: Callable[..., dict[str, str]], fake_plugin: Callable[[str, str], dict[str, str]]
) -> None:
    """`dev`, as of an engine or a plugin that somebody, or Arch, has built."""
    environment = fake_engine("dev", arch="arm64") | fake_plugin("compose", "Docker Compose version dev")
    lines = invoke("build", env=environment).stderr.splitlines()
    assert lines[0] == "Docker engine 'dev', no number, so it counts as new enough."
    assert "linux/arm64" in lines[1]
    outcome = invoke("doctor", env=environment)
    row = next(line for line in outcome.stdout.splitlines() if "docker compose" in line)
    assert row.startswith("ok")
    assert "'Docker Compose version dev', no number, so it counts as new enough" in row


@pytest.fixture
def docker_says(tmp_path: Path) -> Callable[[str], dict[str, str]]:
    """A command `docker` of these lines of sh, first on the PATH."""

    def make(script: str) -> dict[str, str]:
        program = tmp_path / "bin" / "docker"
        program.parent.mkdir()
        program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        program.chmod(0o755)
        return {"PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"}

    return make


ANSWERS = {
    "ssh": (
        "echo 'error during connect: stderr=me@labhost: Permission denied (publickey).' >&2; exit 1",
        "Permission denied (publickey)",
    ),
    "old client": (
        "echo 'Error response from daemon: client version 1.99 is too new. Maximum is 1.45' >&2; exit 1",
        "client version 1.99 is too new",
    ),
    "internal": (
        "echo 'Error response from daemon: open /etc/x: too many open files' >&2; exit 1",
        "too many open files",
    ),
    "silent": ("exit 7", "it gave no reason"),
    "socket": (
        "echo 'permission denied while trying to connect to the Docker daemon socket' >&2; exit 1",
        "sudo usermod -aG docker",
    ),
    "podman 4": (
        'case "$1" in version) echo 4.3.1;; compose) echo podman-compose version 1.0.6;; buildx) echo buildah 1.28.2;; '
        "*) exit 125;; esac",
        "this is podman, which is not Docker",
    ),
    "podman 5": (
        'echo "Emulate Docker CLI using podman. Create /etc/containers/nodocker to quiet msg." >&2; '
        'echo "Error: template: version:1:8: can\'t evaluate field Components" >&2; exit 125',
        "this is podman, which is not Docker",
    ),
    "podman's socket": ('echo "5.2.0 linux/amd64 Podman Engine,Conmon,"', "this is podman, which is not Docker"),
}
"""By name: a client, and a part of the line about it."""


@pytest.mark.parametrize("name", ANSWERS)
def test_an_engine_that_answers_with_an_error_is_that_error_and_never_local_mode(
    invoke: Invoke, docker_says: Callable[[str], dict[str, str]], name: str
) -> None:
    script, part = ANSWERS[name]
    environment = docker_says(script)
    line = one_line(invoke("lab", "mlp", env=environment))
    assert line.startswith("Docker: ")
    assert part in line
    outcome = invoke("doctor", env=environment | {"COLUMNS": "300"})
    assert (outcome.returncode, outcome.stderr) == (1, "")
    row = next(line for line in outcome.stdout.splitlines() if "Docker engine" in line)
    assert row.startswith("NO")
    assert part.split()[0] in row
    assert "buildah" not in outcome.stdout


def test_an_engine_that_hangs_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket that takes the connection and never answers, as a paused Docker Desktop."""
    monkeypatch.setattr(docker, "QUESTION", 1.0)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "hung.sock"))
        listening.listen()
        monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/hung.sock")
        with pytest.raises(docker.EngineError, match=r"^Docker: the engine does not answer within 1 s: restart it"):
            docker.available()


@pytest.mark.parametrize("environment", [{"DOCKER_CONTEXT": "nope"}, {"DOCKER_CERT_PATH": "/nowhere"}], ids=str)
def test_a_wrong_setting_of_docker_is_in_dockers_words(invoke: Invoke, environment: dict[str, str]) -> None:
    tls = {"DOCKER_HOST": "tcp://127.0.0.1:1", "DOCKER_TLS_VERIFY": "1"} if "DOCKER_CERT_PATH" in environment else {}
    line = one_line(invoke("lab", "mlp", env=environment | tls))
    assert next(iter(environment.values())) in line


@pytest.mark.usefixtures("real_engine")
def test_a_home_that_cannot_be_written_is_buildx_own_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCKER_CONFIG", raising=False)
    monkeypatch.setenv("HOME", "/proc")
    with pytest.raises(docker.EngineError, match=r"buildx cannot build \(mkdir /proc/\.docker.*set DOCKER_CONFIG"):
        docker.require_builder()


def test_an_image_is_missing_only_when_the_engine_says_so(
    docker_says: Callable[[str], dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hiccup of the engine started a build of 10 GiB."""
    script = 'case "$3" in gone) echo "Error: No such image: gone" >&2;; *) echo EOF >&2;; esac; exit 1'
    monkeypatch.setenv("PATH", docker_says(script)["PATH"])
    assert images.inspect("gone") is None
    with pytest.raises(UserError, match="docker image inspect other: EOF"):
        images.inspect("other")
    monkeypatch.setenv("LAB_INSTANCE", "one")
    with pytest.raises(UserError, match=r"docker ps --all: EOF"):
        compose.containers()


def test_no_remedy_deletes_what_is_not_ours(
    docker_says: Callable[[str], dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = 'echo "Error: No such image: $3" >&2; exit 1'
    ours = "image\\ ls*--filter\\ label=org.fearless-labs.docker"
    script = f'case "$*" in info*) echo /;; {ours}) echo a1b2;; image\\ inspect*) {missing};; *) exit 9;; esac'
    monkeypatch.setenv("PATH", docker_says(script)["PATH"])
    with pytest.raises(UserError) as error:
        images.room(1e9, "Building")
    assert str(error.value).endswith(": ./invoke clean removes images of Fearless Labs that nothing needs; or free it")
    files = [*(ROOT / "host").rglob("*.py"), *(ROOT / "docs").glob("*.md"), ROOT / "README.md", ROOT / "README.ko.md"]
    for file in files:
        assert not re.search(r"(system|image|builder|volume|container) prune", file.read_text(encoding="utf-8")), file


def test_an_old_engine_is_named_with_what_is_needed(
    invoke: Invoke, fake_engine: Callable[[str], dict[str, str]]
) -> None:
    line = one_line(invoke("build", env=fake_engine("20.10.24")))
    assert "Docker engine 20.10.24 is too old" in line
    assert f"{'.'.join(map(str, MINIMUM['engine']))} or newer" in line
    assert "./invoke doctor" in line


@pytest.mark.parametrize("words", [("build",), ("lab", "optimizers"), ("up",), ("claims",)], ids=" ".join)
def test_an_engine_on_another_processor_is_refused_before_anything_is_built(
    invoke: Invoke, fake_engine: Callable[..., dict[str, str]], words: tuple[str, ...]
) -> None:
    line = one_line(invoke(*words, env=fake_engine("27.1.0", arch="arm64")))
    assert "linux/arm64" in line
    assert "x86-64 Linux" in line


def test_doctor_names_the_processor_that_is_needed(invoke: Invoke, fake_engine: Callable[..., dict[str, str]]) -> None:
    outcome = invoke("doctor", env=fake_engine("27.1.0", arch="arm64"))
    assert outcome.returncode == 1
    row = next(line for line in outcome.stdout.splitlines() if "Docker engine" in line)
    assert row.startswith("NO")
    assert "linux/arm64 (linux/amd64 is needed)" in row


@pytest.mark.parametrize(
    ("plugin", "said"),
    [
        (("compose", "Docker Compose version v2.3.3"), "docker compose 2.3.3 is too old: 2.21 or newer"),
        (("buildx", "github.com/docker/buildx v0.9.1 ed00243"), "docker buildx 0.9.1 is too old: 0.12 or newer"),
    ],
)
def test_an_old_plugin_is_named_with_what_is_needed(
    invoke: Invoke,
    fake_engine: Callable[[str], dict[str, str]],
    fake_plugin: Callable[[str, str], dict[str, str]],
    plugin: tuple[str, str],
    said: str,
) -> None:
    assert said in one_line(invoke("build", env=fake_engine("26.1.5") | fake_plugin(*plugin)))


def test_without_the_docker_command_the_line_says_so(invoke: Invoke, tmp_path: Path) -> None:
    for tool in ("bash", "dirname", "git"):
        (tmp_path / tool).symlink_to(f"/usr/bin/{tool}")
    assert "no command docker" in one_line(invoke("build", env={"PATH": str(tmp_path)}))


def test_doctor_without_an_engine_says_the_command_that_mends_it(invoke: Invoke) -> None:
    outcome = invoke("doctor", env=NO_ENGINE)
    assert outcome.returncode == 1
    row = next(line for line in outcome.stdout.splitlines() if "Docker engine" in line)
    assert row.startswith("NO")
    assert "install Docker Engine" in row
    assert ("sudo ./invoke doctor --fix" in outcome.stdout) == bool(shutil.which("apt-get"))


def test_doctor_names_an_old_engine(invoke: Invoke, fake_engine: Callable[[str], dict[str, str]]) -> None:
    outcome = invoke("doctor", env=fake_engine("20.10.24"))
    assert outcome.returncode == 1
    row = next(line for line in outcome.stdout.splitlines() if "Docker engine" in line)
    assert row.startswith("NO")
    assert "20.10.24 (25.0.5 or newer is needed)" in row


@pytest.mark.usefixtures("real_engine")
def test_doctor_is_content_with_a_machine_that_runs_the_labs(invoke: Invoke) -> None:
    outcome = invoke("doctor")
    assert outcome.returncode == 0, outcome.stdout
    assert outcome.stderr == ""
    subjects = ("Docker engine", "docker compose", "docker buildx", "Free disk", "fearless-labs/lab-cpu", "User", "GPU")
    for subject in subjects:
        assert subject in outcome.stdout
