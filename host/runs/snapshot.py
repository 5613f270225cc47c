"""Snapshots: folders named by their content, from which a command runs its code whatever becomes of the clone.

They are in the instance's own folder, and equal content is there once. A snapshot is used while its folder is locked or
a container has its name in the label `LABEL`; of those that are not, the newest are kept for the next command.
"""

import fcntl
import hashlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from host.engine import docker
from host.machine import instance
from lib.harness.errors import UserError

LABEL = "org.fearless-labs.code"
KEPT = 8
"""Snapshots that stay though nothing uses them: a lab whose code is as it was need not copy it again."""
NEW, OLD = ".new-", ".old-"
LOOK_SECONDS = 5.0
TIME = 0
"""The time of change of all files in a snapshot: one that was changed later has another."""

Tree = Mapping[str, bytes | str | None]
"""A folder's content by path: a file's bytes, a link's target, None for an empty folder."""


@contextmanager
def taken(tree: Tree) -> Iterator[Path]:
    """The folder with this content, which nobody changes or removes during the block.

    Raises:
        UserError: it cannot be written.
    """
    store = instance.path("code")
    try:
        store.mkdir(exist_ok=True)
        folder, lock = _locked(store, tree)
    except OSError as error:
        remedy = "sudo chown -R $(id -u) .local" if isinstance(error, PermissionError) else "mend that first"
        raise UserError(f"{error.filename or store} cannot be written ({error.strerror}): {remedy}") from None
    try:
        _remove_unused(store)
        yield folder
    finally:
        os.close(lock)


def name_of(tree: Tree) -> str:
    """The name of a snapshot: a SHA-256 over its paths and what is there."""
    digest = hashlib.sha256()
    for path, content in sorted(tree.items()):
        kind = {bytes: b"file", str: b"link"}.get(type(content), b"folder")
        data = os.fsencode(content) if isinstance(content, str) else content or b""
        digest.update(kind + b"\0" + os.fsencode(path) + b"\0" + hashlib.sha256(data).digest())
    return digest.hexdigest()


def _is_whole(folder: Path, tree: Tree) -> bool:
    """Return whether a snapshot is as it was written: nothing torn by a power cut, nothing edited, nothing added."""
    paths = set()
    todo = [("", str(folder))]
    while todo:
        prefix, here = todo.pop()
        for entry in os.scandir(here):
            path = prefix + entry.name
            content = tree.get(path)
            if entry.is_symlink():
                same = content == str(Path(entry.path).readlink())
            elif entry.is_dir():
                if entry.name != "__pycache__":  # which local mode leaves
                    todo.append((f"{path}/", entry.path))
                same = True
            else:
                facts = entry.stat()
                same = isinstance(content, bytes) and (facts.st_size, facts.st_mtime_ns) == (len(content), TIME)
            if not same:
                return False
            paths.add(path)
    return paths.issuperset(tree)


def _locked(store: Path, tree: Tree) -> tuple[Path, int]:
    """The snapshot's folder and the descriptor that holds it. One that was damaged is made again."""
    folder = store / name_of(tree)
    made = False
    while True:
        if not folder.is_dir():
            _make(folder, tree)
            made = True
        lock = None
        with suppress(FileNotFoundError):  # another command may be removing it
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            fcntl.flock(lock, fcntl.LOCK_SH)
            if os.path.samestat(os.fstat(lock), folder.stat()):
                if made or _is_whole(folder, tree):
                    os.utime(folder)
                    return folder, lock
                folder.rename(store / f"{OLD}{secrets.token_hex(4)}")
        if lock is not None:
            os.close(lock)


def _make(folder: Path, tree: Tree) -> None:
    """Write a snapshot, which appears whole; another command may write the same one at the same time."""
    new = Path(tempfile.mkdtemp(prefix=NEW, dir=folder.parent))
    lock = os.open(new, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        new.chmod(0o755)
        for name, content in tree.items():
            path = new / name
            _make_folder(path if content is None else path.parent)
            if isinstance(content, bytes):
                path.write_bytes(content)
                path.chmod(0o444)
                os.utime(path, ns=(TIME, TIME))
            elif isinstance(content, str):
                path.symlink_to(content)
        try:
            new.rename(folder)
        except OSError:
            if not folder.is_dir():
                raise
    finally:
        if new.exists():
            shutil.rmtree(new)
        os.close(lock)


def _make_folder(folder: Path) -> None:
    """Make a folder that a container's user reads, whatever the caller's umask is."""
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir()
        folder.chmod(0o755)


def _remove_unused(store: Path) -> None:
    """Remove what an interrupted command has left, and the oldest snapshots that nothing uses."""
    for left in [*store.glob(f"{NEW}*"), *store.glob(f"{OLD}*")]:
        _remove(left)
    times = {}
    for folder in store.iterdir():
        with suppress(FileNotFoundError):
            times[folder] = folder.stat().st_mtime_ns
    oldest = sorted(times, key=times.__getitem__)[:-KEPT]
    if not oldest:
        return
    mounted = _mounted()
    for folder in oldest:
        if mounted is not None and folder.name not in mounted:
            _remove(folder)


def _remove(folder: Path) -> None:
    """Remove a folder unless a command has it."""
    with suppress(OSError):
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not folder.name.startswith((NEW, OLD)):
                folder = folder.rename(folder.with_name(f"{OLD}{secrets.token_hex(4)}"))
            shutil.rmtree(folder)
        finally:
            os.close(lock)


def _mounted() -> set[str] | None:
    """The names of the snapshots that containers have; None where the engine does not say."""
    command = ("ps", "--all", "--filter", f"label={LABEL}", "--format", f'{{{{.Label "{LABEL}"}}}}')
    try:
        listing = docker.call(*command, limit=LOOK_SECONDS)
        if listing.returncode:
            return None if docker.available() else set()
    except docker.NoEngineError:
        return set()
    except UserError:
        return None
    return set(listing.stdout.split())
