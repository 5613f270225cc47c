"""Git is asked about the clone alone: never another repository, and what it does not answer is unknown."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from host.bundle import clone as bundled
from host.machine import git

Facts = Callable[[], tuple[str, str]]


def run(folder: Path, *args: str) -> str:
    identity = ["-c", "user.name=n", "-c", "user.email=a@b.c", "-c", "init.defaultBranch=main"]
    command = ["git", "-C", str(folder), *identity, *args]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def repository(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True)
    run(folder, "init", "--quiet")
    for name, content in files.items():
        (folder / name).write_text(content, encoding="utf-8")
    run(folder, "add", ".")
    run(folder, "commit", "--quiet", "--message", folder.name)
    return folder


@pytest.fixture
def ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository that the host takes for the clone."""
    made = repository(tmp_path / "ours", lab="one")
    root_is(made, monkeypatch)
    return made


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """A repository of somebody else's, with something staged."""
    made = repository(tmp_path / "other", precious="work")
    (made / "staged").write_text("soon", encoding="utf-8")
    run(made, "add", "staged")
    return made


def root_is(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git._git, "__kwdefaults__", {"root": folder})
    monkeypatch.setattr(bundled, "ROOT", folder)


def state(folder: Path) -> tuple[str, ...]:
    return run(folder, "rev-parse", "HEAD"), run(folder, "status", "--porcelain"), run(folder, "ls-files", "--stage")


OF_A_HOOK = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR")


@pytest.mark.parametrize("name", OF_A_HOOK)
def test_a_hook_of_another_repository_changes_nothing(
    name: str, ours: Path, other: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`bundle` in a hook of a linked worktree replaced the branch of that worktree, and emptied its index."""
    before, head = state(other), run(ours, "rev-parse", "HEAD").strip()
    inside = {"GIT_WORK_TREE": "", "GIT_INDEX_FILE": ".git/index", "GIT_OBJECT_DIRECTORY": ".git/objects"}
    monkeypatch.setenv(name, str(other / inside.get(name, ".git")))
    made = bundled.history(tmp_path / "made")
    answers = git.commit(), git.dirty(), git.tracked()
    monkeypatch.delenv(name)
    assert state(other) == before
    assert answers == (head, "false", ["lab"])
    assert any(path.name == "HEAD" for path in made)
    assert run(tmp_path / "made", "rev-parse", "HEAD").strip() == head


def test_without_a_repository_nothing_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root_is(tmp_path, monkeypatch)
    assert (git.commit(), git.dirty(), git.tracked(), git.time()) == ("unknown", "unknown", [], 0)


def test_a_clone_without_git_in_somebody_elses_repository_is_not_theirs(
    other: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = other / "labs"
    inside.mkdir()
    (inside / "lab.py").touch()
    root_is(inside, monkeypatch)
    assert (git.commit(), git.dirty(), git.tracked(), git.untracked()) == ("unknown", "unknown", [], [])


def test_before_the_first_commit_and_with_a_damaged_repository_nothing_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tmp_path, "init", "--quiet")
    root_is(tmp_path, monkeypatch)
    assert (git.commit(), git.dirty()) == ("unknown", "unknown")
    (tmp_path / ".git" / "HEAD").write_text("torn", encoding="utf-8")
    assert (git.commit(), git.dirty()) == ("unknown", "unknown")


def test_a_new_lab_counts_whatever_the_callers_settings_hide(
    ours: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    (home / ".config" / "git").mkdir(parents=True)
    (home / ".config" / "git" / "ignore").write_text("*.py\n", encoding="utf-8")
    settings = "[status]\n\tshowUntrackedFiles = no\n[log]\n\tshowSignature = true\n[core]\n\texcludesFile = ~/hidden\n"
    (home / ".gitconfig").write_text(settings, encoding="utf-8")
    (home / "hidden").write_text("*\n", encoding="utf-8")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    for key, value in {"COUNT": "1", "KEY_0": "status.showUntrackedFiles", "VALUE_0": "no"}.items():
        monkeypatch.setenv(f"GIT_CONFIG_{key}", value)
    run(ours, "config", "status.showUntrackedFiles", "no")
    assert git.dirty() == "false"
    (ours / "width.py").touch()
    assert git.dirty() == "true"
    assert git.untracked() == ["width.py"]
    assert git.time() > 0


def test_a_worktree_and_another_users_clone_are_the_clone(
    ours: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = run(ours, "rev-parse", "HEAD").strip()
    run(ours, "worktree", "add", "--quiet", str(tmp_path / "tree"))
    root_is(tmp_path / "tree", monkeypatch)
    assert (git.commit(), git.dirty()) == (head, "false")
    root_is(ours, monkeypatch)
    if os.getuid() == 0:
        for path in [ours, *ours.rglob("*")]:
            os.chown(path, 1234, 1234)
    assert (git.commit(), git.dirty()) == (head, "false")
    assert bundled.history(tmp_path / "made")


def test_a_file_of_any_commit_is_known_and_one_of_another_repository_is_not(ours: Path, other: Path) -> None:
    (ours / "lab").write_text("two", encoding="utf-8")
    run(ours, "commit", "--quiet", "--all", "--message", "two")
    assert git.knows([b"one", b"two"])
    assert not git.knows([b"one", (other / "precious").read_bytes()])
    (ours / "lab").write_text("three", encoding="utf-8")
    assert not git.knows([b"three"]), "it is in no commit"
    assert not git.knows([])


def test_without_a_repository_no_file_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root_is(tmp_path, monkeypatch)
    assert not git.knows([b""])


def test_a_question_writes_nothing(ours: Path) -> None:
    (ours / "lab").touch()
    index = ours / ".git" / "index"
    before = index.read_bytes(), index.stat().st_mtime_ns
    assert git.dirty() == "false"
    assert (index.read_bytes(), index.stat().st_mtime_ns) == before


def test_a_history_that_git_cannot_give_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root_is(tmp_path, monkeypatch)
    assert bundled.history(tmp_path / "made") == []
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert "Without git's history, so runs will name no commit (fatal: " in lines[0]


def test_a_clone_without_all_files_is_bundled_without_its_history(
    ours: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Git has two marks of such a clone, of which one was known: there was no bundle at all."""
    (ours / "lab").write_text("two", encoding="utf-8")
    run(ours, "commit", "--quiet", "--all", "--message", "later")
    run(ours, "config", "uploadpack.allowFilter", "true")
    run(tmp_path, "clone", "--quiet", "--filter=blob:none", ours.as_uri(), "part")
    ours.rename(ours.with_name("away"))
    root_is(tmp_path / "part", monkeypatch)
    assert git.dirty() == "false"
    assert bundled.history(tmp_path / "made") == []
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("bundle from a full clone to have it")
    run(tmp_path / "part", "config", "--unset", "remote.origin.promisor")
    assert not git.is_partial()
    run(tmp_path / "part", "config", "extensions.partialClone", "origin")
    assert git.is_partial()
