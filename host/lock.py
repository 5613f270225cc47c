"""Hash-locked requirements from the .in files, with uv. The locks name no address: any index or folder may serve."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from host.network import uv_environment, uv_options
from host.paths import REQUIREMENTS, ROOT
from host.uv import uv
from lib.harness.errors import UserError

IMAGE = ["--python-version", "3.11", "--python-platform", "x86_64-manylinux_2_28", "--override", "overrides.in"]
HOST = ["--universal", "--python-version", "3.10"]
# in this order: tracking takes the versions that cpu has
LOCKS = {
    "cpu": IMAGE,
    "tracking": [*IMAGE, "--constraint", "cpu.txt"],
    "build": HOST,
    "host": HOST,
    "test": HOST,
}


def compile_all() -> None:
    """Resolve every .in file again and write its .txt. Raises `UserError` with uv's reason when one has no solution."""
    for name, options in LOCKS.items():
        _compile(name, options, Path(f"{name}.txt"), ["--upgrade"])
        print(f"docker/requirements/{name}.txt", file=sys.stderr)


def stale() -> list[str]:
    """The locks that do not fit their .in file: resolving again, with the locked versions preferred, changes them."""
    changed = []
    with tempfile.TemporaryDirectory() as folder:
        for name, options in LOCKS.items():
            locked = (REQUIREMENTS / f"{name}.txt").read_text(encoding="utf-8")
            again = Path(folder, f"{name}.txt")
            again.write_text(locked, encoding="utf-8")  # uv prefers the versions that the output file has
            _compile(name, options, again, [])
            if again.read_text(encoding="utf-8") != locked:
                changed.append(f"docker/requirements/{name}.txt")
    return changed


def _compile(name: str, options: list[str], output: Path, more: list[str]) -> None:
    command = [uv(), "pip", "compile", "--quiet", "--generate-hashes", "--no-emit-index-url", *options, *more]
    command += ["--custom-compile-command", "./invoke lock", *uv_options(os.environ), f"{name}.in"]
    command += ["--output-file", str(output)]
    result = subprocess.run(
        command,
        cwd=REQUIREMENTS,
        env=uv_environment(os.environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        raise UserError(f"{(REQUIREMENTS / name).relative_to(ROOT)}.in has no solution:\n{result.stderr.strip()}")
