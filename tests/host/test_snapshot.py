"""Snapshots of code: each stays as it was taken, equal content is there once, and no more are kept than are needed."""

import multiprocessing
import os
import secrets
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from host.bootstrap import ledger
from host.engine import images
from host.machine import instance
from host.runs import snapshot
from host.runs.snapshot import KEPT, LABEL, Tree, taken
from lib.harness.errors import UserError

TREE: Tree = {"lib/a.py": b"a = 1\n", "lib/deep/b.py": b"", "labs/mine": None, "labs/link": "../lib/a.py"}


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the snapshots of an instance of the test's own."""
    monkeypatch.setattr(instance, "STATE", tmp_path / "state")
    return instance.path("code")


def numbered(number: int) -> Tree:
    return {"lib/a.py": f"a = {number}\n".encode()}


def test_it_has_the_content_and_whoever_may_read_the_folder_may_read_it(store: Path) -> None:
    before = os.umask(0o077)
    try:
        with taken(TREE) as folder:
            assert (folder / "lib/a.py").read_bytes() == (folder / "labs/link").read_bytes() == b"a = 1\n"
            assert list((folder / "labs/mine").iterdir()) == []
            paths = [folder, *folder.rglob("*")]
            assert all(path.stat().st_mode & 0o444 == 0o444 for path in paths)
            assert all(path.stat().st_mode & 0o111 == 0o111 for path in paths if path.is_dir())
    finally:
        os.umask(before)


def test_equal_content_is_there_once_and_other_content_beside_it(store: Path) -> None:
    with (
        taken(TREE) as one,
        taken({name: TREE[name] for name in sorted(TREE, reverse=True)}) as same,
        taken({**TREE, "lib/a.py": b"a = 2\n"}) as new,
    ):
        assert one == same != new
        assert (one / "lib/a.py").read_bytes() == b"a = 1\n"
        assert {path.name for path in store.iterdir()} == {one.name, new.name}


@pytest.mark.parametrize("change", [{"lib/a.py": None}, {"lib/a.py": "b.py"}, {"lib/a.pyb": b""}, {"labs/link": b"x"}])
def test_any_difference_is_another_name(change: Tree) -> None:
    assert snapshot.name_of({**TREE, **change}) != snapshot.name_of(TREE)


def torn(folder: Path) -> None:
    (folder / "lib/a.py").chmod(0o600)
    os.truncate(folder / "lib/a.py", 0)


def edited(folder: Path) -> None:
    (folder / "lib/a.py").chmod(0o600)
    (folder / "lib/a.py").write_bytes(b"a = 9\n")


def lost(folder: Path) -> None:
    (folder / "lib/deep/b.py").unlink()


def added(folder: Path) -> None:
    (folder / "lib/random.py").write_bytes(b"")


def led_elsewhere(folder: Path) -> None:
    (folder / "labs/link").unlink()
    (folder / "labs/link").symlink_to("/")


@pytest.mark.parametrize("damage", [torn, edited, lost, added, led_elsewhere])
def test_one_that_is_not_as_it_was_written_is_made_again(damage: Callable[[Path], None], store: Path) -> None:
    with taken(TREE) as folder:
        pass
    damage(folder)
    with taken(TREE) as again:
        assert again == folder
        assert {p.relative_to(again).as_posix() for p in again.rglob("*") if not p.is_dir()} == {
            "lib/a.py",
            "lib/deep/b.py",
            "labs/link",
        }
        assert (again / "labs/link").read_bytes() == b"a = 1\n"


def test_one_that_was_changed_stays_while_it_is_in_use(store: Path) -> None:
    """A lab of local mode that writes beside itself goes on with its own when the same lab begins once more."""
    with taken(TREE) as folder:
        added(folder)
        with taken(TREE) as again:
            assert again == folder
            assert not (again / "lib/random.py").exists()
            (left,) = store.glob(f"{snapshot.OLD}*")
            assert (left / "lib/deep/b.py").exists()
    with taken(numbered(1)):
        assert not list(store.glob(f"{snapshot.OLD}*"))


def test_what_python_leaves_in_it_is_no_damage(store: Path) -> None:
    with taken(TREE) as folder:
        subprocess.run([sys.executable, "-c", "import a"], env={"PYTHONPATH": str(folder / "lib")}, check=True)
        assert (folder / "lib/__pycache__").is_dir()
        made = folder.stat().st_ino
    with taken(TREE) as again:
        assert again.stat().st_ino == made


def test_no_more_are_kept_than_that_and_those_in_use(store: Path) -> None:
    with ExitStack() as stack:
        used = [stack.enter_context(taken(numbered(number))) for number in range(3)]
        for number in range(3, 3 * KEPT):
            with taken(numbered(number)):
                pass
        assert all((folder / "lib/a.py").read_bytes() == b"a = %d\n" % i for i, folder in enumerate(used))
        assert len(list(store.iterdir())) == KEPT + len(used)
    with taken(numbered(100)):
        pass
    assert len(list(store.iterdir())) == KEPT


def test_what_an_interrupted_command_has_left_goes(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A snapshot that was being removed goes at the next one; one that was being made, with its command."""
    (store / f"{snapshot.OLD}half" / "lib").mkdir(parents=True)
    with taken(TREE) as folder:
        assert list(store.iterdir()) == [folder]

    def interrupted(path: Path, data: bytes) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_bytes", interrupted)
    with pytest.raises(KeyboardInterrupt), taken(numbered(1)):
        pass
    assert list(store.iterdir()) == [folder]


def take_all(state: Path, start: "multiprocessing.synchronize.Barrier") -> None:
    for module in (instance, ledger):
        vars(module)["STATE"] = state
    start.wait(60)
    for number in range(4 * KEPT):
        with taken(numbered(number % (2 * KEPT))) as folder:
            assert (folder / "lib/a.py").read_bytes() == b"a = %d\n" % (number % (2 * KEPT))


def test_commands_at_the_same_time_do_not_disturb_each_other(tmp_path: Path, store: Path) -> None:
    """Each makes, uses and removes the same snapshots as the others."""
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(3)
    processes = [context.Process(target=take_all, args=(tmp_path / "state", start)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert all(len(path.name) == 64 for path in store.iterdir())


def test_a_place_that_cannot_be_written_is_one_line(store: Path) -> None:
    store.write_text("a file")
    with pytest.raises(UserError, match=f"{store} cannot be written") as error, taken(TREE):
        pass
    assert "\n" not in str(error.value)


@pytest.mark.usefixtures("real_engine")
def test_one_that_a_container_has_stays_though_its_command_was_killed(store: Path) -> None:
    built = images.must_inspect(images.LAB)
    with taken(numbered(0)) as folder:
        pass
    name = f"fearless-test-{secrets.token_hex(4)}"
    label = f"--label={LABEL}={folder.name}"
    subprocess.run(["docker", "create", "--name", name, label, built.id], capture_output=True, check=True)
    try:
        for number in range(1, 2 * KEPT):
            with taken(numbered(number)):
                pass
        assert folder.is_dir()
    finally:
        subprocess.run(["docker", "rm", "--force", name], capture_output=True, check=True)
    with taken(numbered(100)):
        pass
    assert not folder.exists()
