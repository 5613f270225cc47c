"""Files that cannot be used are one line each; what root makes in a user's clone becomes the user's."""

import errno
import os
import shlex
from pathlib import Path

import pytest

from host.bootstrap import files
from lib.harness import errors
from tests.host.clone import copy_clone, share_venv
from tests.host.conftest import NO_ENGINE, Invoke, one_line

OWNER = (1234, 1235)


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone of this user's, in a folder with a space in its name."""
    root = tmp_path / "the clone"
    root.mkdir()
    monkeypatch.setattr(files, "ROOT", root)
    return root


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.EACCES, "sudo chown -R"),
        (errno.EPERM, "sudo chown -R"),
        (errno.EROFS, "read-only: clone to a folder"),
        (errno.ENOSPC, "the disk is full"),
        (errno.ENOTDIR, "mend that"),
    ],
)
def test_a_file_is_named_with_the_remedy(clone: Path, number: int, remedy: str) -> None:
    line = str(files.refused(OSError(number, os.strerror(number), str(clone / ".env"))))
    assert line.startswith(f"{clone}/.env: {os.strerror(number)}; ")
    assert remedy in line


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EROFS])
def test_what_is_not_in_the_clone_is_not_taken_from_its_owner(clone: Path, number: int) -> None:
    line = str(files.refused(OSError(number, os.strerror(number), str(clone.parent / "records"))))
    assert line.endswith("; use a place that you may read and write")


def test_a_remedy_names_one_folder_whatever_is_in_its_name(clone: Path) -> None:
    """Without quotes a shell took the owner of another folder's files: that of the name's first word."""
    *_, path = shlex.split(files.taking(clone / ".local").replace("$(id -u):$(id -g)", "owner"))
    assert path == str(clone / ".local")


@pytest.mark.skipif(os.getuid() != 0, reason="root alone can give a clone to another user")
def test_another_users_clone_is_not_taken_over(clone: Path) -> None:
    os.chown(clone, *OWNER)
    line = str(files.refused(PermissionError(errno.EACCES, "Permission denied", str(clone / ".local"))))
    assert line.endswith("the clone is not yours, so clone to a folder of your own")


def test_an_error_that_is_about_no_file_is_a_bug_and_stays_one() -> None:
    assert files.refused(BrokenPipeError(errno.EPIPE, "Broken pipe")) is None
    assert files.refused(ConnectionRefusedError(errno.ECONNREFUSED, "refused")) is None
    assert files.refused(OSError(errno.ENOSPC, "No space left on device")) is not None


def test_a_message_is_one_line_that_no_terminal_obeys() -> None:
    assert errors.one_line("a\nb\x1b]52;c;x\x07\u2028c 한글 …") == "a b\\x1b]52;c;x\\x07 c 한글 …"
    assert errors.one_line("\udcff") == "\\udcff"


@pytest.fixture
def owned(tmp_path: Path) -> Path:
    """A folder of somebody else's with files of root's in it."""
    if os.getuid() != 0:
        pytest.skip("root alone leaves files of root's")
    root = tmp_path / "clone"
    for name in (".local/locks/build", ".venv/stamp", ".env", "lib/theirs.py"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    (tmp_path / "elsewhere").touch()
    (root / "link").symlink_to(tmp_path / "elsewhere")
    os.link(tmp_path / "elsewhere", root / "second-name")
    for path in (root, root / "lib"):
        os.chown(path, *OWNER)
    os.chown(root / "lib" / "theirs.py", 77, 77)
    return root


def test_what_root_made_becomes_the_owners(owned: Path) -> None:
    files.give_back(owned)
    owners = {
        path.relative_to(owned).as_posix(): (path.lstat().st_uid, path.lstat().st_gid) for path in owned.rglob("*")
    }
    assert owners.pop("lib/theirs.py") == (77, 77)
    assert owners.pop("second-name") == (0, 0), "it is also a file elsewhere"
    assert set(owners.values()) == {OWNER}
    assert (owned.parent / "elsewhere").stat().st_uid == 0


def test_what_goes_while_it_is_given_back_is_passed_over(owned: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command has ended when this is done: a file that another one removes just then is no traceback."""
    locks = owned / ".local" / "locks"
    (locks / "services").touch()
    chown = os.chown

    def removing(path: Path, *args: int, **options: bool) -> None:
        for other in locks.iterdir():
            if Path(path).parent == locks and other != Path(path):
                other.unlink()
        chown(path, *args, **options)

    monkeypatch.setattr(os, "chown", removing)
    files.give_back(owned)
    assert [path.stat().st_uid for path in locks.iterdir()] == [OWNER[0]]


def test_a_clone_of_roots_stays_roots(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    files.give_back(tmp_path)
    assert (tmp_path / "file").stat().st_uid == os.getuid()


@pytest.mark.skipif(os.getuid() != 0, reason="root alone can lock others out")
@pytest.mark.parametrize("words", [("--list",), ("doctor",), ("lab", "nowhere")], ids=" ".join)
def test_one_sudo_locks_nobody_out_however_it_ends(invoke: Invoke, tmp_path: Path, words: tuple[str, ...]) -> None:
    root = share_venv(copy_clone(tmp_path / "clone"))
    for path in [root, *root.rglob("*")]:
        os.chown(path, *OWNER, follow_symlinks=False)
    (root / ".local" / "locks").mkdir(parents=True)
    (root / ".env").write_text("JUPYTER_TOKEN=x\n", encoding="utf-8")
    invoke(*words, root=root, env=NO_ENGINE)
    assert {path.lstat().st_uid for path in root.rglob("*")} == {OWNER[0]}


@pytest.mark.parametrize("broken", [".local", ".local/locks"])
def test_a_state_folder_that_is_a_file_is_one_line(invoke: Invoke, tmp_path: Path, broken: str) -> None:
    root = share_venv(copy_clone(tmp_path / "clone"))
    (root / broken).parent.mkdir(exist_ok=True)
    (root / broken).touch()
    line = one_line(invoke("down", root=root, env=NO_ENGINE | {"LAB_INSTANCE": "fearless-test-files"}))
    assert ".local" in line or "No Docker engine" in line
