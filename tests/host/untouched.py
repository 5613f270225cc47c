"""Refuses what a test would write into the clone's own state: .local, where its runs and locks are, and .env.

Commands of a copy are programs of their own. This is for tests that call the host's functions.
"""

import os
import sys
from pathlib import Path
from typing import Any

STATE = (".local", ".env")
ENVIRONMENT = ".local/test-venv"
"""The Python of the tests themselves, which caches what it imports there."""
CHANGES = {
    **dict.fromkeys(("os.mkdir", "os.remove", "os.rmdir", "os.truncate", "os.chmod", "os.chown", "os.utime"), 1),
    **dict.fromkeys(("shutil.rmtree", "sqlite3.connect"), 1),
    **dict.fromkeys(("os.rename", "os.link", "os.symlink"), 2),
}
"""The audit events of Python that change a file or folder, and how many of their arguments are paths."""
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


def watch(root: Path) -> None:
    """Refuse such writes below `root` in this process, from now on.

    Raises:
        AssertionError: where a test writes there.
    """

    def hook(event: str, args: tuple[Any, ...]) -> None:
        number = int(bool(args[2] & WRITING)) if event == "open" else CHANGES.get(event, 0)
        for path in args[:number]:
            if isinstance(path, str | bytes | Path) and is_state(root, os.fsdecode(path)):
                raise AssertionError(f"a test writes {os.fsdecode(path)} of the clone ({event})")

    sys.addaudithook(hook)


def is_state(root: Path, path: str) -> bool:
    """Return whether an absolute path is the clone's state; a relative one may be below another folder's descriptor."""
    if not os.path.isabs(path):  # noqa: PTH117
        return False
    below = os.path.relpath(path, root)
    first = below.split(os.sep, 1)[0]
    return first in STATE and not f"{below}/".startswith(f"{ENVIRONMENT}/")
