"""Facts of git about the clone, recorded with every run and image: a container has neither git nor the history."""

from host.bootstrap import process
from host.bootstrap.paths import ROOT


def commit() -> str:
    """The commit that is checked out; 'unknown' outside a repository or without git."""
    return _git("rev-parse", "HEAD") or "unknown"


def dirty(*paths: str) -> bool:
    """Return whether files below `paths` (all, when none is given) differ from the commit or are new."""
    return bool(_git("status", "--porcelain", "--", *paths))


def branch() -> str:
    """The branch that is checked out; 'main' when none is."""
    return _git("branch", "--show-current") or "main"


def tracked() -> list[str]:
    """The paths that git knows, in order; [] outside a repository or without git."""
    return sorted(filter(None, _git("ls-files", "-z").split("\0")))


def untracked() -> list[str]:
    """The paths that git does not know and is not told to ignore."""
    return sorted(filter(None, _git("ls-files", "-z", "--others", "--exclude-standard").split("\0")))


def time() -> int:
    """When the present commit was made, in seconds since 1970; 0 outside a repository."""
    return int(_git("log", "-1", "--format=%ct") or 0)


def _git(*args: str) -> str:
    # safe.directory: a clone that belongs to another user (a root caller) is still the clone the caller runs
    command = ["git", "-c", f"safe.directory={ROOT}", "-C", str(ROOT), *args]
    try:
        result = process.output(command, name=f"git {args[0]}")
    except FileNotFoundError:
        return ""
    return result.stdout.strip() if result.returncode == 0 else ""
