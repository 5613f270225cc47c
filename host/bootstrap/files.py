"""Files of the clone that cannot be read or written, each in one line; and their owner, for after a `sudo`."""

import errno
import hashlib
import os
import shlex
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from host.bootstrap.paths import ROOT
from lib.harness.errors import UserError

REMEDIES = {
    errno.EROFS: "the disk is read-only: clone to a folder that you can write",
    errno.ENOSPC: "the disk is full: make room, then run the command again",
    errno.EDQUOT: "your quota is used up: make room, then run the command again",
    errno.ENAMETOOLONG: "the path is too long: use a shorter one",
    errno.ELOOP: "it is a link that leads in a circle: remove it",
    errno.EMFILE: "too many files are open: ulimit -n 4096, then run the command again",
    errno.EIO: "the disk fails: save what is on it",
    errno.ESTALE: "the network disk has lost it: open the folder again, then run the command again",
}
"""The remedies by the error's number."""
OTHER = "mend that, then run the command again"


def refused(error: OSError) -> UserError | None:
    """The line for a file that could not be read or written; None for an error that is about no file or disk."""
    if error.filename is None and error.errno not in (errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EIO, errno.EMFILE):
        return None
    path = Path(ROOT, os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else "")
    return UserError(f"{path}: {error.strerror}; {_remedy(error.errno or 0, path)}")


def _remedy(number: int, path: Path) -> str:
    forbidden = number in (errno.EACCES, errno.EPERM)
    if (forbidden or number == errno.EROFS) and not path.is_relative_to(ROOT):
        return "use a place that you may read and write"
    return f"it belongs to another user: {taking(ROOT)}" if forbidden else REMEDIES.get(number, OTHER)


def taking(path: Path) -> str:
    """The command that makes a path of the clone the user's: where the clone is not, the advice to make one that is."""
    if ROOT.stat().st_uid != os.getuid():
        return "the clone is not yours, so clone to a folder of your own"
    return f"sudo chown -R $(id -u):$(id -g) {shlex.quote(str(path))}"


def sync(path: Path) -> None:
    """Force a file, or the names in a folder, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def give_back(root: Path = ROOT) -> None:
    """Give what root has made in the clone to the clone's owner: after a `sudo`, however the command has ended.

    Links are not followed, other disks are not entered, and a file that also has a name elsewhere is left alone. What
    goes meanwhile, or is on a disk that keeps no owners, is passed over: the command has ended, and says how.
    """
    if os.getuid() != 0:
        return
    top = root.stat()
    if top.st_uid == 0:
        return
    for path in _of_root(root, top.st_dev):
        with suppress(OSError):
            os.chown(path, top.st_uid, top.st_gid, follow_symlinks=False)


def _of_root(folder: Path, device: int) -> Iterator[Path]:
    """Files and folders below `folder` that root owns."""
    try:
        with os.scandir(folder) as opened:
            entries = list(opened)
    except OSError:
        return
    for entry in entries:
        try:
            facts, is_folder = entry.stat(follow_symlinks=False), entry.is_dir(follow_symlinks=False)
        except OSError:
            continue
        if facts.st_dev != device:
            continue
        if is_folder:
            yield from _of_root(Path(entry.path), device)
        if facts.st_uid == 0 and (is_folder or facts.st_nlink == 1):
            yield Path(entry.path)


def sha256(path: Path) -> str:
    """The SHA-256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
