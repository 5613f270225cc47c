"""What git knows about the clone, recorded with every run and image: the container has neither git nor the history."""

import subprocess

from host.paths import ROOT


def commit() -> str:
    """The commit that is checked out; 'unknown' outside a repository or without git."""
    return _git("rev-parse", "HEAD") or "unknown"


def dirty(*paths: str) -> bool:
    """Whether files below `paths` (all, when none is given) differ from the commit or are new."""
    return bool(_git("status", "--porcelain", "--", *paths))


def _git(*args: str) -> str:
    # safe.directory: a clone that belongs to another user (a root caller) is still the clone the caller runs
    command = ["git", "-c", f"safe.directory={ROOT}", "-C", str(ROOT), *args]
    try:
        result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return result.stdout.strip() if result.returncode == 0 else ""
