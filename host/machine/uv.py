"""The path of uv: next to the Python that runs Invoke, or on the caller's PATH."""

import os
import shutil
import sys
from pathlib import Path

from lib.harness.errors import UserError


def uv() -> str:
    """Path of the uv that docker/requirements/host.txt brings."""
    path = shutil.which("uv", path=f"{Path(sys.prefix) / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}")
    if not path:
        raise UserError("There is no uv next to Invoke: use ./invoke, which brings it")
    return path
