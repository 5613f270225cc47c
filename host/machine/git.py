"""Facts of git about the clone, recorded with every run and image: a container has neither git nor the history.

Only the clone's own repository is asked, whatever the caller's environment and git's settings say; what git does not
answer is `unknown`.
"""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from host.bootstrap import environment, process
from host.bootstrap.paths import ROOT

UNKNOWN = "unknown"
ALONE = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_OPTIONAL_LOCKS": "0",  # a question writes nothing
    "GIT_NO_LAZY_FETCH": "1",  # and asks no other repository
    "GIT_TERMINAL_PROMPT": "0",
}
"""git's own variables, with which it reads the settings of a repository and no others."""

PLAIN = ("-c", "core.fsmonitor=false", "-c", f"core.excludesFile={os.devnull}")


def commit() -> str:
    """The commit that is checked out; 'unknown' outside a repository or without git."""
    return _git("rev-parse", "--verify", "--quiet", "HEAD") or UNKNOWN


def dirty(*paths: str) -> str:
    """Say whether files below `paths` (all, when none is given) differ from the commit or are new.

    'true', 'false', or 'unknown' outside a repository, without git, and before the first commit.
    """
    changes = _git("status", "--porcelain", "--untracked-files=normal", "--no-renames", "--", *paths)
    if changes is None or commit() == UNKNOWN:
        return UNKNOWN
    return "true" if changes else "false"


def branch() -> str:
    """The branch that is checked out; 'main' when none is."""
    return _git("branch", "--show-current") or "main"


def is_partial() -> bool:
    """Return whether the clone was made without some of its files (``git clone --filter``)."""
    return _git("config", "--get-regexp", r"^(extensions\.partialclone|remote\..*\.promisor)$") is not None


def tracked() -> list[str]:
    """The paths that git knows, in order; [] outside a repository or without git."""
    return sorted(filter(None, (_git("ls-files", "-z") or "").split("\0")))


def untracked() -> list[str]:
    """The paths that git does not know and is not told to ignore."""
    return sorted(filter(None, (_git("ls-files", "-z", "--others", "--exclude-standard") or "").split("\0")))


def knows(contents: Iterable[bytes]) -> bool:
    """Return whether each of `contents` is that of a file that the clone's history has, by git's name of a blob."""
    names = [hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest() for content in contents]
    return bool(names) and all(_git("cat-file", "-e", f"{name}^{{blob}}") is not None for name in names)


def time() -> int:
    """When the present commit was made, in seconds since 1970; 0 outside a repository."""
    return int(_git("log", "-1", "--no-show-signature", "--format=%ct") or 0)


def variables() -> dict[str, str]:
    """The environment of a git that no setting of the caller's leads elsewhere."""
    return environment.caller() | ALONE


def _git(*args: str, root: Path = ROOT) -> str | None:
    """The answer of git about the repository of the clone; None when it has none."""
    if not (root / ".git").exists():  # else git would look for one in the folders above
        return None
    # a git that is told where its repository is asks for no owner: a root caller's clone may be another user's
    command = ["git", *PLAIN, f"--git-dir={root / '.git'}", f"--work-tree={root}", *args]
    try:
        result = process.output(command, name=f"git {args[0]}", cwd=root, env=variables())
    except FileNotFoundError:
        return None
    return result.stdout.strip() if result.returncode == 0 else None
