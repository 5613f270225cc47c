"""Who JupyterLab runs as, so that notebooks saved in labs/ belong to the caller.

A caller who is not root: the caller. Root: the owner of labs/; where root owns labs/ too, uid 1000, to whom labs/ is
lent until `./invoke down` gives it back.
"""

import os
import shutil
from pathlib import Path

from host.bootstrap.paths import LABS, STATE

SERVICE_USER = (1000, 1000)
NOTE = STATE / "labs-owner"  # "uid:gid" that labs/ goes back to


def jupyter_user() -> tuple[int, int]:
    """uid and gid of JupyterLab's process."""
    if os.getuid() != 0:
        return os.getuid(), os.getgid()
    owner = LABS.stat() if LABS.exists() else None
    return (owner.st_uid, owner.st_gid) if owner and owner.st_uid != 0 else SERVICE_USER


def lend() -> None:
    """Before `up`: labs/ exists and JupyterLab's user may write there."""
    LABS.mkdir(exist_ok=True)
    if os.getuid() == 0 and LABS.stat().st_uid == 0:
        NOTE.parent.mkdir(parents=True, exist_ok=True)
        NOTE.write_text(f"0:{LABS.stat().st_gid}\n", encoding="utf-8")
        _chown(LABS, *SERVICE_USER)


def give_back() -> None:
    """After `down`: labs/ and all that was made there belong to the one who lent it."""
    if NOTE.exists() and os.getuid() == 0:
        uid, gid = NOTE.read_text(encoding="utf-8").strip().split(":")
        _chown(LABS, int(uid), int(gid))
        NOTE.unlink()


def _chown(folder: Path, uid: int, gid: int) -> None:
    shutil.chown(folder, uid, gid)
    for path in folder.rglob("*"):
        os.chown(path, uid, gid, follow_symlinks=False)
