"""The error and the warning that a user is meant to read."""

from __future__ import annotations

import sys


class UserError(Exception):
    """Bad input or a missing thing: one line that names the field and the remedy. The command ends with exit code 2."""


_warned: set[str] = set()


def warn_once(text: str) -> None:
    """Print a warning, one line on standard error, unless this process has printed the same before."""
    if text not in _warned:
        _warned.add(text)
        print(f"Warning: {text}", file=sys.stderr)
