"""The error and the warning that a user is meant to read, each one line."""

from __future__ import annotations

import sys

SHOWN = 200
"""Characters of a value that a message shows at most."""


class UserError(Exception):
    """Bad input or a missing thing: one line that names the field and the remedy. The command ends with exit code 2."""


def one_line(error: Exception | str) -> str:
    """The message of an error in one line, without characters that a terminal would obey."""
    text = " ".join(str(error).splitlines())
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)


def short(text: object) -> str:
    """A value that somebody has given, for a message: its beginning where it is long."""
    whole = str(text)
    return whole if len(whole) <= SHOWN else f"{whole[: SHOWN - 1]}…"


_warned: set[str] = set()


def warn_once(text: str) -> None:
    """Print a warning, one line on standard error, unless this process has printed the same before."""
    if text not in _warned:
        _warned.add(text)
        print(f"Warning: {one_line(text)}", file=sys.stderr)
