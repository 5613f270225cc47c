"""Instances in one clone: what one stops or deletes is its own, and tests and benchmarks never use the user's."""

import ast
import errno
import itertools
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from host.machine import env_file, instance, labs_owner
from host.services import without_docker as local_mode
from host.services.service import MLFLOW
from lib.harness.errors import UserError
from tests.host.clone import ROOT, command, copy_clone, share_venv
from tests.host.conftest import NO_ENGINE, Invoke, one_line

RECORDED = ("journal/20260101-000000-mlp-abcdef/run.jsonl", "artifacts/1/claims.json", "mlflow.db", "mlflow.db-wal")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    return share_venv(copy_clone(tmp_path / "clone"))


def record(folder: Path) -> dict[Path, str]:
    """Put runs into an instance's folder, each file with a content of its own."""
    planted = {folder / name: f"{folder.name} {name}" for name in RECORDED}
    for file, content in planted.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")
    return planted


def contents(planted: dict[Path, str]) -> dict[Path, str]:
    return {file: file.read_text(encoding="utf-8") for file in planted if file.exists()}


@pytest.fixture
def without_docker(tmp_path: Path) -> dict[str, str | None]:
    """An environment in which there is no command docker."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for tool in ("bash", "dirname", "git"):
        (programs / tool).symlink_to(str(shutil.which(tool)))
    return {"PATH": str(programs)}


@pytest.mark.parametrize("deleted", [None, "fearless-test-one"])
def test_deleting_the_runs_of_one_instance_leaves_those_of_the_others(
    invoke: Invoke, clone: Path, deleted: str | None, without_docker: dict[str, str | None]
) -> None:
    (clone / ".env").write_text(f"LAB_INSTANCE=ours\nLAB_INSTANCE_FOLDER={clone}\n", encoding="utf-8")
    planted = {
        None: record(clone / ".local"),
        "fearless-test-one": record(clone / ".local" / "instances" / "fearless-test-one"),
        "fearless-test-two": record(clone / ".local" / "instances" / "fearless-test-two"),
    }
    name = deleted or "ours"
    environment = without_docker | {"LAB_INSTANCE": deleted}
    outcome = invoke("down", "--volumes", root=clone, env=environment, input=f"{name}\n")
    assert outcome.returncode == 0, outcome.stderr
    assert f"Delete {name} of {clone}: 1 run, 0.0 MB" in outcome.stderr
    assert outcome.stdout == f"Deleted {name}: 1 run, 0.0 MB\n"
    assert contents(planted.pop(deleted)) == {}
    for kept in planted.values():
        assert contents(kept) == kept


@pytest.mark.parametrize("answer", ["", "y\n", "yes\n", "OURS\n", "our\n", "\n", None])
def test_nothing_is_deleted_without_the_name(
    invoke: Invoke, clone: Path, answer: str | None, without_docker: dict[str, str | None]
) -> None:
    (clone / ".env").write_text(f"LAB_INSTANCE=ours\nLAB_INSTANCE_FOLDER={clone}\n", encoding="utf-8")
    kept = record(clone / ".local")
    closed: dict[str, Any] = {"preexec_fn": lambda: os.close(0)} if answer is None else {"input": answer}
    outcome = invoke("down", "--volumes", root=clone, env=without_docker | {"LAB_INSTANCE": None}, **closed)
    assert one_line(outcome).endswith("Nothing was deleted or stopped: type ours to delete it")
    assert contents(kept) == kept


@pytest.mark.parametrize("name", ["ours", instance.DEFAULT])
def test_the_question_says_when_runs_of_other_clones_may_be_meant(
    invoke: Invoke, clone: Path, name: str, without_docker: dict[str, str | None]
) -> None:
    (clone / ".env").write_text(f"LAB_INSTANCE={name}\n", encoding="utf-8")
    asked = invoke("down", "--volumes", root=clone, env=without_docker | {"LAB_INSTANCE": None}, input="\n").stderr
    assert ("runs of other clones may be among them" in asked) is (name == instance.DEFAULT)


@pytest.mark.parametrize(
    ("written", "noted", "shared"),
    [
        ("LAB_INSTANCE=ours\nLAB_INSTANCE_FOLDER=.\n", True, None),
        ("LAB_INSTANCE=ours\n", False, None),
        ("LAB_INSTANCE=ours\nLAB_INSTANCE_FOLDER=.\n", False, "class"),
        ("JUPYTER_TOKEN=of-an-older-version\n", False, None),
    ],
)
def test_the_local_half_stays_when_the_engine_that_may_have_the_other_is_away(
    invoke: Invoke, clone: Path, written: str, noted: bool, shared: str | None
) -> None:
    if not shutil.which("docker"):
        pytest.skip("without the command docker there is no other half")
    (clone / ".env").write_text(written.replace("=.", f"={clone}"), encoding="utf-8")
    kept = record(clone / ".local")
    if noted:
        (clone / ".local" / instance.ENGINE).touch()
    outcome = invoke("down", "--volumes", root=clone, env=NO_ENGINE | {"LAB_INSTANCE": shared}, input="ours\n")
    assert one_line(outcome).startswith("Nothing was deleted: the engine that has this instance's volumes")
    assert contents(kept) == kept


def test_what_cannot_be_deleted_is_named(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record(clone / ".local")
    monkeypatch.setattr(instance, "STATE", clone / ".local")
    monkeypatch.setattr(instance, "known", lambda: None)
    monkeypatch.setattr(shutil, "rmtree", refused)
    with pytest.raises(UserError, match=r"Not everything was deleted: \S+journal is still there \(Permission denied\)"):
        local_mode.delete()


def test_a_service_of_another_user_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def of_another_user(pid: int, number: int) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "killpg", of_another_user)
    with pytest.raises(UserError, match=r"^mlflow \(process 4711\) was started by another user: sudo ./invoke down$"):
        local_mode._send(MLFLOW, 4711, signal.SIGTERM)


def refused(path: Path) -> None:
    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))


@pytest.fixture
def labs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder labs/ of root's with a notebook in it."""
    if os.getuid() != 0:
        pytest.skip("labs/ is lent by root alone")
    folder = tmp_path / "labs"
    folder.mkdir()
    (folder / "00.ipynb").touch()
    monkeypatch.setattr(labs_owner, "LABS", folder)
    monkeypatch.setattr(instance, "STATE", tmp_path / ".local")
    yield folder


def test_labs_stays_with_an_instance_that_runs_when_another_one_stops(
    labs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def owners() -> set[int]:
        return {path.stat().st_uid for path in (labs, *labs.iterdir())}

    monkeypatch.setattr(env_file, "setting", lambda _: "ours")
    for name in ("ours", "other"):
        monkeypatch.setattr(instance, "known", lambda name=name: name)
        labs_owner.lend()
        assert owners() == {1000}
    labs_owner.give_back()
    labs_owner.give_back()
    assert owners() == {1000}
    monkeypatch.setattr(instance, "known", lambda: "ours")
    labs_owner.give_back()
    assert owners() == {0}


def test_the_clone_itself_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(ROOT)
    for root in (ROOT, tmp_path / "link"):
        with pytest.raises(ValueError, match="in a copy"):
            command(root, "down")
    assert command(tmp_path, "down") == [str(tmp_path / "invoke"), "down"]


STARTERS = {"invoke", "./invoke", "tasks.py"}
"""What a program that starts a command of the clone has to name."""
ACTING = {
    "host.services.up_down": ("up", "down"),
    "host.services.without_docker": ("up", "down", "delete"),
    "host.services.stop": ("stop", "delete"),
    "host.records.restore": ("restore",),
}
"""What starts and stops the services of the clone in which it is imported."""


def offences(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """The lines of a module that start a command other than through `clone.command`, or services in this process."""
    compared = {part for node in ast.walk(tree) if isinstance(node, ast.Compare) for part in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and node.value in STARTERS and node not in compared:
            yield node.lineno, f"names {node.value!r}"
        if isinstance(node, ast.List | ast.Tuple):
            words = [item.value for item in node.elts if isinstance(item, ast.Constant)]
            if ("-m", "host") in itertools.pairwise(words):
                yield node.lineno, "starts the module host"
        if isinstance(node, ast.Import) and any(name.name == "tasks" for name in node.names):
            yield node.lineno, "imports tasks"
        if isinstance(node, ast.ImportFrom) and node.module == "tasks":
            yield node.lineno, "imports tasks"
        for module, names in ACTING.items():
            if isinstance(node, ast.ImportFrom) and node.module == module:
                yield from ((node.lineno, f"imports {n.name}") for n in node.names if n.name in names)
            if (
                isinstance(node, ast.Attribute)
                and node.attr in names
                and isinstance(node.value, ast.Name)
                and node.value.id == module.rpartition(".")[2]
            ):
                yield node.lineno, f"calls {module}.{node.attr}"


def test_tests_and_benchmarks_start_commands_in_copies_alone() -> None:
    copying = ("tests/host/clone.py", "tests/torture/host_cases.py")
    allowed = {*(ROOT / file for file in copying), Path(__file__)}
    files = [file for folder in ("tests", "benchmarks") for file in (ROOT / folder).rglob("*.py")]
    bad = [
        f"{file.relative_to(ROOT)}:{line}: {what}; use tests.host.clone"
        for file in files
        if file not in allowed
        for line, what in offences(ast.parse(file.read_text(encoding="utf-8")))
    ]
    assert len(files) > 50
    assert bad == []


@pytest.mark.parametrize(
    "source",
    [
        'run([ROOT / "invoke", "up"])',
        'run(["./invoke", "down", "--volumes"], cwd=ROOT)',
        'run([sys.executable, "-m", "host", "down"], cwd=ROOT)',
        "from host.services import without_docker\nwithout_docker.down(True)",
        "from host.services.up_down import down",
        "import tasks",
    ],
)
def test_a_command_in_the_clone_itself_would_be_seen(source: str) -> None:
    assert list(offences(ast.parse(source)))
