"""The user that JupyterLab runs as, so that notebooks saved in labs/ belong to the caller.

A caller who is not root: the caller. Root: the owner of labs/; where root owns labs/ too, uid 1000, to whom labs/ is
lent until `./invoke down` gives it back: the last one, when several instances have borrowed it.
"""

import os
import shutil
from pathlib import Path

from host.bootstrap.paths import LABS
from host.machine import instance
from lib.harness.contract.catalogue import MINE, PACKAGES

SERVICE_USER = (1000, 1000)
LESSONS = ("labs/ko", "labs/en")
"""The folders of the lessons, which compose.yaml mounts read-only."""
NOTE = "labs-owner"  # an instance's note of having borrowed labs/: the "uid:gid" that it goes back to


def jupyter_user() -> tuple[int, int]:
    """uid and gid of JupyterLab's process."""
    if os.getuid() != 0:
        return os.getuid(), os.getgid()
    owner = LABS.stat() if LABS.exists() else None
    return (owner.st_uid, owner.st_gid) if owner and owner.st_uid != 0 else SERVICE_USER


def make_folders() -> None:
    """Before a container: labs/ and the folders in it that compose.yaml mounts exist, of the owner of labs/."""
    for folder in (LABS, *(LABS / Path(name).name for name in (MINE, PACKAGES, *LESSONS))):
        if not folder.exists():
            folder.mkdir()
            if os.getuid() == 0:
                os.chown(folder, LABS.stat().st_uid, LABS.stat().st_gid)


def lend() -> None:
    """Before `up`: labs/ exists and JupyterLab's user may write there."""
    make_folders()
    if os.getuid() != 0:
        return
    if LABS.stat().st_uid == 0:
        instance.path(NOTE).write_text(f"0:{LABS.stat().st_gid}\n", encoding="utf-8")
        _chown(LABS, *SERVICE_USER)
    elif borrowed := instance.others(NOTE):
        instance.path(NOTE).write_text(borrowed[0].read_text(encoding="utf-8"), encoding="utf-8")


def give_back() -> None:
    """After `down`: labs/ belongs to the one who lent it, unless another instance still has it."""
    note = instance.folder() / NOTE
    if not note.exists() or os.getuid() != 0:
        return
    if not instance.others(NOTE):
        uid, gid = note.read_text(encoding="utf-8").strip().split(":")
        _chown(LABS, int(uid), int(gid))
    note.unlink()


def _chown(folder: Path, uid: int, gid: int) -> None:
    shutil.chown(folder, uid, gid)
    for path in folder.rglob("*"):
        os.chown(path, uid, gid, follow_symlinks=False)
