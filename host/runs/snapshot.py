"""Snapshots: folders named by their content, from which a command runs its code whatever becomes of the clone.

They are in the instance's own folder, and equal content is there once. A snapshot is used while its folder is locked or
a container has its name in the label `LABEL`; of those that are not, the newest are kept for the next command.
"""

import fcntl
import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from host.bootstrap import files, ledger
from host.engine import docker
from host.machine import instance
from lib.harness.errors import UserError

LABEL = "org.fearless-labs.code"
KEPT = 8
"""Snapshots that stay though nothing uses them: a lab whose code is as it was need not copy it again."""
NEW, OLD = ".new-", ".old-"
"""The beginnings of the names of a snapshot that is not whole yet, and of one that is to be removed."""
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
        with _locked(store, fcntl.LOCK_EX):  # commands make and remove snapshots one after the other
            folder = store / name_of(tree)
            if folder.exists() and not _is_whole(folder, tree):
                folder.rename(store / f"{OLD}{secrets.token_hex(4)}")
            if not folder.exists():
                _make(folder, tree)
            os.utime(folder)
            in_use = ExitStack()
            in_use.enter_context(_locked(folder, fcntl.LOCK_SH))
            _remove_unused(store)
    except OSError as error:
        remedy = files.taking(store) if isinstance(error, PermissionError) else "mend that first"
        raise UserError(f"{error.filename or store} cannot be written ({error.strerror}): {remedy}") from None
    with in_use:
        yield folder


def name_of(tree: Tree) -> str:
    """The name of a snapshot: a SHA-256 over its paths and what is there."""
    digest = hashlib.sha256()
    for path, content in sorted(tree.items()):
        kind = b"folder" if content is None else b"link" if isinstance(content, str) else b"file"
        data = os.fsencode(content) if isinstance(content, str) else content or b""
        digest.update(kind + b"\0" + os.fsencode(path) + b"\0" + hashlib.sha256(data).digest())
    return digest.hexdigest()


def _is_whole(folder: Path, tree: Tree) -> bool:
    """Return whether a snapshot is as it was written: nothing torn by a power cut, nothing edited, nothing added."""
    paths = set()
    todo = [("", str(folder))]
    while todo:
        prefix, here = todo.pop()
        with os.scandir(here) as scanned:
            entries = list(scanned)
        for entry in entries:
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


@contextmanager
def _locked(folder: Path, how: int) -> Iterator[None]:
    """Hold a lock of a folder for the block."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, how)
        yield
    finally:
        os.close(descriptor)


def _make(folder: Path, tree: Tree) -> None:
    """Write a snapshot, which appears whole."""
    with ledger.folder(NEW, folder.parent) as new:
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
        new.rename(folder)


def _make_folder(folder: Path) -> None:
    """Make a folder that a container's user reads, whatever the caller's umask is."""
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir()
        folder.chmod(0o755)


def _remove_unused(store: Path) -> None:
    """Remove what an interrupted command has left, and the oldest snapshots that nothing uses."""
    for left in store.glob(f"{OLD}*"):
        with suppress(OSError), _locked(left, fcntl.LOCK_EX | fcntl.LOCK_NB):  # one that was changed may be in use
            shutil.rmtree(left)
    oldest = sorted(store.iterdir(), key=lambda folder: folder.stat().st_mtime_ns)[:-KEPT]
    mounted = _mounted() if oldest else set()
    for folder in oldest:
        if mounted is not None and folder.name not in mounted:
            with suppress(OSError), _locked(folder, fcntl.LOCK_EX | fcntl.LOCK_NB):
                gone = folder.rename(store / f"{OLD}{folder.name}")
                shutil.rmtree(gone)


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
