"""Files of the clone that cannot be read or written, each in one line; and their owner, for after a `sudo`."""

import errno
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from host.bootstrap.paths import ROOT
from lib.harness.errors import UserError

REMEDIES = {
    errno.EACCES: "it belongs to another user: sudo chown -R $(id -u):$(id -g) {root}",
    errno.EPERM: "it belongs to another user: sudo chown -R $(id -u):$(id -g) {root}",
    errno.EROFS: "the disk is read-only: clone to a folder that you can write",
    errno.ENOSPC: "the disk is full: make room, then run the command again",
    errno.EDQUOT: "your quota is used up: make room, then run the command again",
    errno.ENAMETOOLONG: "the path is too long: use a shorter one",
    errno.ELOOP: "it is a link that leads in a circle: remove it",
    errno.EMFILE: "too many files are open: ulimit -n 4096, then run the command again",
    errno.EIO: "the disk fails: save what is on it",
    errno.ESTALE: "the network disk has lost it: open the folder again, then run the command again",
}
"""What to do, by the error's number; {root} is the clone."""
OTHER = "mend that, then run the command again"


def refused(error: OSError) -> UserError | None:
    """The line for a file that could not be read or written; None for an error that is about no file or disk."""
    if error.filename is None and error.errno not in (errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EIO, errno.EMFILE):
        return None
    name = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else ROOT
    remedy = REMEDIES.get(error.errno or 0, OTHER).format(root=ROOT)
    return UserError(f"{name}: {error.strerror}; {remedy}")


def sync(path: Path) -> None:
    """Force a file, or the names in a folder, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def give_back(root: Path = ROOT) -> None:
    """Give what root has made in the clone to the clone's owner: after a `sudo`, however the command has ended.

    Links are not followed, other disks are not entered, and a file that also has a name elsewhere is left alone.
    """
    if os.getuid() != 0:
        return
    top = root.stat()
    if top.st_uid == 0:
        return
    for path in _of_root(root, top.st_dev):
        with suppress(FileNotFoundError):  # a service that runs may have just removed it
            os.chown(path, top.st_uid, top.st_gid, follow_symlinks=False)


def _of_root(folder: Path, device: int) -> Iterator[Path]:
    """Files and folders below `folder` that root owns."""
    with os.scandir(folder) as entries:
        for entry in entries:
            facts = entry.stat(follow_symlinks=False)
            is_folder = entry.is_dir(follow_symlinks=False)
            if facts.st_dev != device:
                continue
            if is_folder:
                yield from _of_root(Path(entry.path), device)
            if facts.st_uid == 0 and (is_folder or facts.st_nlink == 1):
                yield Path(entry.path)
