"""Whose the old fixed name is, on a real engine: kept by the first clone that starts, said to every other one."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from host.engine import docker, project
from host.machine import env_file, instance
from lib.harness.errors import UserError
from tests.host.clone import new_project

NAMED = "compose.yaml"
OF_OLD = "JUPYTER_TOKEN=of-an-older-version\n"


@pytest.fixture
def old(real_engine: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The old fixed name, in this test another one, with a volume of Compose's; deleted at the end."""
    name = new_project()
    monkeypatch.setattr(project, "DEFAULT", name)
    monkeypatch.delenv("LAB_INSTANCE", raising=False)
    call("volume", "create", "--label", f"com.docker.compose.project={name}", f"{name}_journal")
    yield name
    for container in call("ps", "--all", "--quiet", "--filter", project.label(name)).split():
        call("rm", "--force", container)
    for volume in project.volumes(name):
        call("volume", "rm", volume)


def call(*args: str) -> str:
    return subprocess.run(["docker", *args], capture_output=True, text=True, check=True).stdout


class Start(Protocol):
    def __call__(self, clone: Path, *, of_old: bool = False) -> str: ...


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Start:
    """Ask for the name of the instance as a command of the clone in a folder does. `of_old`: it was used before."""

    def name_in(clone: Path, *, of_old: bool = False) -> str:
        clone.mkdir(exist_ok=True)
        (clone / NAMED).touch()
        file = clone / ".env"
        if of_old:
            file.write_text(OF_OLD, encoding="utf-8")
        read, keep = env_file.read, ENV_FILE_KEEP
        monkeypatch.setattr(instance, "ROOT", clone)
        monkeypatch.setattr(instance, "STATE", clone / ".local")
        monkeypatch.setattr(env_file, "setting", lambda key, of=file: read(of).get(key))
        monkeypatch.setattr(env_file, "keep", lambda settings: keep(settings, file))
        project.name.cache_clear()
        try:
            return project.name()
        finally:
            project.name.cache_clear()

    return name_in


ENV_FILE_KEEP = env_file.keep


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that refuses this user, as one whose group they are not in."""

    def refuse() -> docker.Server:
        raise docker.EngineError("its socket refuses this user", "sudo usermod")

    monkeypatch.delenv("LAB_INSTANCE", raising=False)
    monkeypatch.setattr(docker, "server", refuse)


@pytest.mark.usefixtures("refusing")
def test_a_new_clone_in_local_mode_needs_no_engine_for_its_name(start: Start, tmp_path: Path) -> None:
    made = start(tmp_path / "first")
    assert made.startswith("first-")
    assert start(tmp_path / "first") == made


@pytest.mark.usefixtures("refusing")
def test_a_clone_that_may_have_the_old_name_is_not_given_another_one(start: Start, tmp_path: Path) -> None:
    with pytest.raises(docker.EngineError):
        start(tmp_path / "first", of_old=True)
    assert project.display_name() == "unknown (Docker: its socket refuses this user: sudo usermod)"
    assert env_file.read(tmp_path / "first" / ".env") == {"JUPYTER_TOKEN": "of-an-older-version"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("LAB_INSTANCE=old\nLAB_INSTANCE_FOLDER=/x\nJUPYTER_TOKEN=t\n", "JUPYTER_TOKEN=t\n"),
        ("LAB_INSTANCE=old\n", "LAB_INSTANCE=old\n"),
        ("LAB_INSTANCE=other\nLAB_INSTANCE_FOLDER=/x\n", "LAB_INSTANCE=other\nLAB_INSTANCE_FOLDER=/x\n"),
    ],
    ids=["its own", "shared by hand", "another name"],
)
def test_the_old_name_goes_with_its_volumes(
    before: str, after: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its marker is gone: another clone would take the name and the runs to come."""
    file, read, keep = tmp_path / ".env", env_file.read, env_file.keep
    file.write_text(before, encoding="utf-8")
    monkeypatch.setattr(project, "DEFAULT", "old")
    monkeypatch.setattr(env_file, "setting", lambda key: read(file).get(key))
    monkeypatch.setattr(env_file, "keep", lambda settings: keep(settings, file))
    project.give_up_default()
    assert file.read_text(encoding="utf-8") == after


def test_the_first_clone_keeps_the_old_name_and_the_second_one_says_whose_it_is(
    old: str, start: Start, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = tmp_path / "first", tmp_path / "second, and 'last'"
    assert start(first, of_old=True) == old
    assert capsys.readouterr().err == ""
    kept = env_file.read(first / ".env")
    assert (kept["LAB_INSTANCE"], kept["LAB_INSTANCE_FOLDER"]) == (old, str(first))
    assert (first / ".local" / instance.ENGINE).exists(), "its volumes are there, whatever it starts"
    made = start(second, of_old=True)
    assert not (second / ".local" / instance.ENGINE).exists()
    assert made.startswith("second-and-last-")
    assert capsys.readouterr().err == f"The instance {old} belongs to {first}: this clone's is {made}.\n"
    assert (start(first), start(second)) == (old, made)
    assert capsys.readouterr().err == ""


def test_a_new_clone_that_goes_on_with_the_old_name_says_so_once(
    old: str, start: Start, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (start(tmp_path / "new"), start(tmp_path / "new")) == (old, old)
    assert capsys.readouterr().err == (
        f"This clone goes on with {old}, whose runs are older than the clone "
        "(another LAB_INSTANCE in .env leaves them alone).\n"
    )


def test_a_clone_that_has_lost_its_settings_finds_its_instance_again(old: str, start: Start, tmp_path: Path) -> None:
    assert start(tmp_path / "first", of_old=True) == old
    (tmp_path / "first" / ".env").unlink()
    assert start(tmp_path / "first") == old


def test_an_owner_that_is_gone_is_named_and_nothing_is_taken_unasked(
    old: str, start: Start, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    start(first, of_old=True)
    first.rename(tmp_path / "elsewhere")
    made = start(second)
    assert made != old
    assert capsys.readouterr().err == (
        f"The instance {old} belongs to {first}, which is gone (LAB_INSTANCE={old} in .env takes it over): "
        f"this clone's is {made}.\n"
    )
    assert call("volume", "ls", "--quiet", "--filter", project.label(old)).split() == [f"{old}_journal"]


@pytest.mark.parametrize("there", [True, False])
def test_the_containers_of_the_old_version_say_whose_they_are(
    old: str, start: Start, tmp_path: Path, there: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = tmp_path / "first, a", tmp_path / "second"
    if there:
        first.mkdir()
        (first / NAMED).touch()
    image = call("images", "--quiet", "--no-trunc").split()
    if not image:
        pytest.skip("the engine has no image to make a container from")
    labels = {"com.docker.compose.project": old, project.WORKING_DIR: str(first)}
    options = [word for key, value in labels.items() for word in ("--label", f"{key}={value}")]
    call("create", *options, "--entrypoint", "none", image[0])
    assert (start(second, of_old=True) == old) is not there
    assert (f"The instance {old} belongs to {first}:" in capsys.readouterr().err) is there


def test_an_engine_without_the_old_name_gives_every_clone_its_own(
    real_engine: None, start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    name = new_project()
    monkeypatch.setattr(project, "DEFAULT", name)
    monkeypatch.delenv("LAB_INSTANCE", raising=False)
    assert start(tmp_path / "first").startswith("first-")
    assert project.volumes(name) == []
    assert capsys.readouterr().err == ""


def test_volumes_of_others_are_not_deleted(old: str, monkeypatch: pytest.MonkeyPatch) -> None:
    other = new_project()
    call("volume", "create", "--label", f"com.docker.compose.project={other}", f"{old}_of_another")
    call("volume", "create", f"{old}-plain")
    try:
        call("volume", "create", "--label", f"{project.LABEL}=/x", project.marker(old))
        monkeypatch.setattr(project, "name", lambda: old)
        project.remove_volumes()
        assert project.volumes(old) == []
        assert set(call("volume", "ls", "--quiet", "--filter", f"name={old}").split()) == {
            f"{old}_of_another",
            f"{old}-plain",
        }
    finally:
        call("volume", "rm", f"{old}_of_another", f"{old}-plain")


def test_a_volume_that_stays_is_an_error(old: str, monkeypatch: pytest.MonkeyPatch) -> None:
    image = call("images", "--quiet", "--no-trunc").split()
    if not image:
        pytest.skip("the engine has no image to make a container from")
    container = call("create", "--volume", f"{old}_journal:/x", "--entrypoint", "none", image[0]).strip()
    monkeypatch.setattr(project, "name", lambda: old)
    try:
        with pytest.raises(UserError, match=rf"Not everything was deleted: {old}_journal is still there \(.*in use"):
            project.remove_volumes()
    finally:
        call("rm", container)


def test_the_label_is_what_the_engine_shows(old: str, start: Start, tmp_path: Path) -> None:
    start(tmp_path / "first", of_old=True)
    shown = json.loads(call("volume", "inspect", project.marker(old)))[0]["Labels"]
    assert shown == {project.LABEL: str(tmp_path / "first")}
