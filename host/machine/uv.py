"""The path of uv: next to the Python that runs Invoke, or on the caller's PATH."""

import os
import shutil
import sys
from pathlib import Path

from host.bootstrap import environment
from lib.harness.errors import UserError


def uv() -> str:
    """Path of the uv that docker/requirements/host.txt brings."""
    brought = Path(sys.prefix) / "bin" / "uv"
    path = shutil.which("uv", path=f"{brought.parent}{os.pathsep}{environment.get('PATH')}")
    if not path and brought.exists():
        raise UserError(f"{brought} may not run: its disk is mounted noexec; clone to another one")
    if not path:
        raise UserError("There is no uv next to Invoke: use ./invoke, which brings it")
    return path
