"""The engine and its plugins: versions as they are printed, none at all, too old, out of reach."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from host.engine.docker import MINIMUM, Version
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
    assert Version((25, 0, 0)).fits("engine")
    assert not Version((24, 0, 9)).fits("engine")
    assert Version((2, 100)).fits("compose")
    assert not Version((2, 9, 9)).fits("compose")


@pytest.mark.parametrize(
    ("engine", "compose", "message"),
    [
        ("dev", "v2.29.1", "Docker engine: 'dev' is no version"),
        ("26.1.5", "dev", "docker compose: 'Docker Compose version dev' is no version"),
    ],
)
def test_a_version_without_a_number_is_one_line(
    *,
    invoke: Invoke,
    fake_engine: Callable[[str], dict[str, str]],
    fake_plugin: Callable[[str, str], dict[str, str]],
    engine: str,
    compose: str,
    message: str,
) -> None:
    environment = fake_engine(engine) | fake_plugin("compose", f"Docker Compose version {compose}")
    assert one_line(invoke("build", env=environment)).startswith(message)


def test_doctor_names_a_version_without_a_number(invoke: Invoke, fake_engine: Callable[[str], dict[str, str]]) -> None:
    outcome = invoke("doctor", env=fake_engine("dev"))
    assert (outcome.returncode, outcome.stderr) == (1, "")
    row = next(line for line in outcome.stdout.splitlines() if "Docker engine" in line)
    assert row.startswith("NO")
    assert "'dev' is no version" in outcome.stdout


def test_an_old_engine_is_named_with_what_is_needed(
    invoke: Invoke, fake_engine: Callable[[str], dict[str, str]]
) -> None:
    line = one_line(invoke("build", env=fake_engine("20.10.24")))
    assert "Docker engine 20.10.24 is too old" in line
    assert f"{MINIMUM['engine'][0]}.0 or newer" in line
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
    assert "20.10.24 (25.0 or newer is needed)" in row


@pytest.mark.usefixtures("real_engine")
def test_doctor_is_content_with_a_machine_that_runs_the_labs(invoke: Invoke) -> None:
    outcome = invoke("doctor")
    assert outcome.returncode == 0, outcome.stdout
    assert outcome.stderr == ""
    subjects = ("Docker engine", "docker compose", "docker buildx", "Free disk", "fearless-labs/lab-cpu", "User", "GPU")
    for subject in subjects:
        assert subject in outcome.stdout
