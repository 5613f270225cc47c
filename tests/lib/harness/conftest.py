"""Fixtures of the harness's tests."""

import compileall
import fcntl
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lib.harness.forks import FORKS
from tests.lib.harness.support import Clone, Server, harness_in

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def clone_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the harness and the test labs as its only labs."""
    root = tmp_path_factory.mktemp("clone")
    harness_in(root)
    assert compileall.compile_dir(root, quiet=1)
    return root


@pytest.fixture(scope="session", autouse=True)
def _forks() -> Iterator[None]:
    yield
    FORKS.close()


@pytest.fixture
def clone(clone_root: Path, tmp_path: Path) -> Clone:
    """That folder with a new, empty journal and no MLflow."""
    journals = tmp_path / "journal"
    journals.mkdir()
    return Clone(clone_root, journals)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An MLflow server for all tests of this process."""
    running = Server(tmp_path_factory.mktemp("mlflow"))
    running.start()
    yield running
    running.kill()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """An empty folder on a disk of 1 MiB: the one that LAB_TINY_DISK names, or one that root mounts."""
    given = os.environ.get("LAB_TINY_DISK")
    if given:
        disk_of_all = os.open(given, os.O_RDONLY)
        fcntl.flock(disk_of_all, fcntl.LOCK_EX)  # test processes share it: one fills it at a time
        folder = Path(given) / secrets.token_hex(4)
        folder.mkdir()
        yield folder
        shutil.rmtree(folder)
        os.close(disk_of_all)
        return
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.fail(
            "This test needs a disk of 1 MiB that it may fill: set LAB_TINY_DISK to a folder on such a tmpfs "
            f"(./invoke test does), or run it as root (mount: {mounted.stderr.strip()})"
        )
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)
