"""The person who runs the command."""

import getpass
import os

from host.bootstrap import environment


def name() -> str:
    """Name of the person who runs the command, behind sudo too."""
    try:
        return environment.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):  # a uid without a name
        return str(os.getuid())
