"""The name of an instance: made once, kept in .env, kept by a moved clone, a new one for a copy, shared on purpose."""

import json
import os
import re
import shutil
import sqlite3
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from host.engine import images
from host.machine import env_file, instance
from lib.harness.errors import UserError
from tests.host.clone import copy_clone, share_venv
from tests.host.conftest import NO_ENGINE, Invoke, Outcome, one_line

UNNAMED: dict[str, str | None] = {**NO_ENGINE, "LAB_INSTANCE": None}


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    return share_venv(copy_clone(tmp_path / "Some Clone's $HOME #1 한글"))


def settings(clone: Path) -> dict[str, str]:
    return env_file.read(clone / ".env")


def name_it(invoke: Invoke, clone: Path) -> str:
    """Run the command that makes a name without an engine; it deletes nothing, as the answer is no name."""
    outcome = invoke("down", "--volumes", root=clone, env=UNNAMED, input="\n")
    assert outcome.returncode == 2
    return settings(clone)["LAB_INSTANCE"]


def status(invoke: Invoke, clone: Path, **env: str | None) -> tuple[dict[str, Any], Outcome]:
    outcome = invoke("status", "--json", root=clone, env=UNNAMED | env)
    assert outcome.returncode == 0, outcome.stderr
    return json.loads(outcome.stdout), outcome


def database(clone: Path) -> Path:
    """A database of local mode in which MLflow has put the addresses of artifacts."""
    file = clone / ".local" / "mlflow.db"
    file.parent.mkdir(exist_ok=True)
    root = (clone / ".local" / "artifacts").as_uri()
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE experiments (name TEXT, artifact_location TEXT)")
        connection.execute("CREATE TABLE runs (run_uuid TEXT, artifact_uri TEXT)")
        connection.execute("CREATE TABLE model_versions (name TEXT, source TEXT, storage_location TEXT)")
        connection.execute("INSERT INTO experiments VALUES ('mlp', ?)", (f"{root}/1",))
        connection.execute("INSERT INTO runs VALUES ('a', ?)", (f"{root}/1/a/artifacts",))
        connection.execute("INSERT INTO model_versions VALUES ('lenet', 'models:/m-1', ?)", (f"{root}/1/models/m-1",))
    return file


def addresses(file: Path) -> list[str]:
    query = (
        "SELECT artifact_location FROM experiments UNION ALL SELECT artifact_uri FROM runs "
        "UNION ALL SELECT source FROM model_versions UNION ALL SELECT storage_location FROM model_versions"
    )
    with closing(sqlite3.connect(file)) as connection:
        return [address for (address,) in connection.execute(query)]


def test_a_name_is_made_once_by_commands_that_start_at_once(invoke: Invoke, clone: Path) -> None:
    (clone / ".env").write_text("# ours\nLAB_MEMORY=2g", encoding="utf-8")
    with ThreadPoolExecutor(4) as pool:
        names = set(pool.map(lambda _: name_it(invoke, clone), range(4)))
    (name,) = names
    assert re.fullmatch(r"some-clone-s-home-1-[0-9a-f]{6}", name)
    assert settings(clone) == {"LAB_MEMORY": "2g", "LAB_INSTANCE": name, "LAB_INSTANCE_FOLDER": str(clone)}
    assert (clone / ".env").read_text(encoding="utf-8").startswith("# ours\nLAB_MEMORY=2g\n")
    assert (clone / ".env").stat().st_mode & 0o777 == 0o600
    assert not list(clone.glob(".env.*"))


def test_compose_typed_in_the_clone_means_the_instance_and_its_images(invoke: Invoke, clone: Path) -> None:
    if not shutil.which("docker"):
        (pytest.fail if os.environ.get("CI") else pytest.skip)("the program docker reads the file")
    name = name_it(invoke, clone)
    names = {setting: image.name for setting, image in images.SETTINGS.items()}
    env_file.keep({"JUPYTER_TOKEN": "t", **names}, clone / ".env")
    environment = {
        key: value for key, value in os.environ.items() if key not in {"LAB_INSTANCE", "COMPOSE_PROJECT_NAME"}
    }
    for shared in ({}, {"LAB_INSTANCE": "class"}):
        done = subprocess.run(
            ["docker", "compose", "config", "--format", "json"],
            cwd=clone, env=environment | NO_ENGINE | shared, capture_output=True, text=True, check=True,
        )  # fmt: skip
        config = json.loads(done.stdout)
        expected = shared.get("LAB_INSTANCE", name)
        assert config["name"] == expected
        assert {service["image"] for service in config["services"].values()} == set(names.values())
        assert {volume["name"] for volume in config["volumes"].values()} == {
            f"{expected}_mlflow",
            f"{expected}_journal",
        }


def test_a_moved_clone_goes_on(invoke: Invoke, clone: Path) -> None:
    name, file = name_it(invoke, clone), database(clone)
    before = addresses(file)
    moved = clone.rename(clone.with_name("moved"))
    present, outcome = status(invoke, moved)
    assert (present["instance"], outcome.stderr) == (name, "")
    assert settings(moved)["LAB_INSTANCE_FOLDER"] == str(moved)
    assert addresses(moved / ".local" / "mlflow.db") == [
        address.replace(clone.as_uri(), moved.as_uri()) for address in before
    ]


@pytest.mark.parametrize("whole", [True, False], ids=["the folder", ".env alone"])
def test_a_copied_clone_gets_a_name_of_its_own_and_says_so(invoke: Invoke, clone: Path, whole: bool) -> None:
    name, file = name_it(invoke, clone), database(clone)
    env_file.keep({"JUPYTER_TOKEN": "secret", "JUPYTER_PORT": "9999"}, clone / ".env")
    untouched, before = (clone / ".env").read_bytes(), addresses(file)
    copy = clone.with_name("copy")
    if whole:
        shutil.copytree(clone, copy, symlinks=True)
    else:
        shutil.copy(clone / ".env", share_venv(copy_clone(copy)))
    present, outcome = status(invoke, copy)
    assert present["instance"] != name
    assert (
        outcome.stderr
        == f"This clone is a copy: {name} is the instance of {clone}, this one's is {present['instance']}.\n"
    )
    assert settings(copy) == {
        "JUPYTER_PORT": "9999",
        "LAB_INSTANCE": present["instance"],
        "LAB_INSTANCE_FOLDER": str(copy),
    }
    assert (clone / ".env").read_bytes() == untouched
    assert addresses(file) == before
    if whole:
        assert all(address.startswith((copy.as_uri(), "models:/")) for address in addresses(copy / ".local/mlflow.db"))
    again, outcome = status(invoke, copy)
    assert (again["instance"], outcome.stderr) == (present["instance"], "")


def test_a_copy_whose_original_is_gone_is_a_move(invoke: Invoke, clone: Path) -> None:
    name = name_it(invoke, clone)
    copy = shutil.copytree(clone, clone.with_name("copy"), symlinks=True)
    shutil.rmtree(clone)
    assert status(invoke, copy)[0]["instance"] == name


def test_a_clone_in_the_place_of_the_original_does_not_take_its_name_away(invoke: Invoke, clone: Path) -> None:
    name = name_it(invoke, clone)
    moved = clone.rename(clone.with_name("moved"))
    other = name_it(invoke, share_venv(copy_clone(clone)))
    assert status(invoke, moved)[0]["instance"] == name != other


def test_another_path_to_the_clone_is_the_clone(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link = clone.with_name("link")
    link.symlink_to(clone)
    monkeypatch.setattr(instance, "ROOT", clone)
    assert instance.is_here(str(link))
    assert not instance.is_here(str(clone.parent))
    assert not instance.is_here("\0")


def test_a_name_written_by_hand_is_shared(invoke: Invoke, clone: Path) -> None:
    other = share_venv(copy_clone(clone.with_name("other")))
    for root in (clone, other):
        (root / ".env").write_text("LAB_INSTANCE=class\n", encoding="utf-8")
        present, outcome = status(invoke, root)
        assert (present["instance"], outcome.stderr) == ("class", "")
        assert (root / ".env").read_text(encoding="utf-8") == "LAB_INSTANCE=class\n"


def test_the_environment_shares_an_instance_and_writes_nothing(invoke: Invoke, clone: Path) -> None:
    present, outcome = status(invoke, clone, LAB_INSTANCE="class", COMPOSE_PROJECT_NAME="another-program")
    assert (present["instance"], present["shared"], outcome.stderr) == ("class", True, "")
    assert not (clone / ".env").exists()


@pytest.mark.parametrize("name", ["../x", "A", "-a", "a b", "a" * 64])
def test_a_name_that_compose_does_not_take_is_one_line(invoke: Invoke, clone: Path, name: str) -> None:
    for env, written in ((UNNAMED | {"LAB_INSTANCE": name}, ""), (UNNAMED, f"LAB_INSTANCE='{name}'\n")):
        (clone / ".env").write_text(written, encoding="utf-8")
        line = one_line(invoke("down", "--volumes", root=clone, env=env, input=f"{name}\n"))
        assert line.startswith(f"LAB_INSTANCE={name}: use up to 63 lower-case letters")


def test_a_name_for_compose_alone_is_refused(invoke: Invoke, clone: Path) -> None:
    """`docker compose` typed in the clone meant that project, every command of ours another one."""
    for others in ("", "LAB_INSTANCE=class\n"):
        (clone / ".env").write_text(f"COMPOSE_PROJECT_NAME=old # mine\n{others}", encoding="utf-8")
        line = one_line(invoke("status", root=clone, env=UNNAMED))
        assert line.startswith("COMPOSE_PROJECT_NAME=old in .env: ")
        assert "write LAB_INSTANCE=old instead" in line
    (clone / ".env").write_text("COMPOSE_PROJECT_NAME=class\nLAB_INSTANCE=class\n", encoding="utf-8")
    present, outcome = status(invoke, clone)
    assert (present["instance"], outcome.stderr) == ("class", "")


@pytest.mark.parametrize(
    "value", ["plain", "/a/b.c:d@e+f-g_h", "a b", "it's", 'a"b', "a\\b", "a\\'b", "$HOME", "#1", "한글", ""]
)
def test_a_kept_setting_is_read_back(value: str, tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("# first\nexport KEY='old' # gone\nOTHER=1 # stays", encoding="utf-8")
    env_file.keep({"KEY": value}, file)
    assert env_file.setting("KEY", file) == value
    assert file.read_text(encoding="utf-8").startswith("# first\nOTHER=1 # stays\nKEY=")
    env_file.keep({"KEY": None}, file)
    assert file.read_text(encoding="utf-8") == "# first\nOTHER=1 # stays\n"


def test_settings_are_kept_in_the_file_that_a_link_names(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / ".env"
    target.write_text("OTHER=1\n", encoding="utf-8")
    link.symlink_to(target)
    env_file.keep({"KEY": "2"}, link)
    assert link.is_symlink()
    assert env_file.read(target) == {"OTHER": "1", "KEY": "2"}


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"\.env cannot be written \("):
        env_file.keep({"KEY": "1"}, tmp_path / "nowhere" / ".env")
