"""Hash-locked requirements from the .in files, with uv. The locks name no address: any index or folder may serve."""

import sys
from pathlib import Path

from host.bootstrap import ledger, process
from host.bootstrap.paths import REQUIREMENTS, ROOT
from host.machine.package_sources import sources, uv_environment, uv_options
from host.machine.uv import uv
from lib.harness.errors import UserError

PLATFORM = ["--python-version", "3.11", "--python-platform", "x86_64-manylinux_2_28"]
IMAGE = [*PLATFORM, "--override", "overrides.in"]
HOST = ["--universal", "--python-version", "3.10"]
GPU = ("gpu-torch", "gpu-tensorflow")
# in this order: the other images take the versions that cpu has
LOCKS = {
    "cpu": IMAGE,
    "tracking": [*IMAGE, "--constraint", "cpu.txt"],
    "gpu-torch": [*IMAGE, "--override", "gpu-torch-overrides.in"],
    "gpu-tensorflow": [*PLATFORM, "--override", "gpu-tensorflow-overrides.in"],
    "build": HOST,
    "host": HOST,
    "test": HOST,
    "site": HOST,
}


def compile_all() -> int:
    """Resolve every .in file again and write its .txt. Returns 0.

    Raises:
        UserError: with uv's reason, when one has no solution.
    """
    for name, options in LOCKS.items():
        locked = REQUIREMENTS / f"{name}.txt"
        if name in GPU:
            locked.write_text(_resolved(name, (REQUIREMENTS / "cpu.txt").read_text(encoding="utf-8")), encoding="utf-8")
        else:
            _compile(name, options, locked, ["--upgrade"])
        print(f"docker/requirements/{name}.txt", file=sys.stderr)
    return 0


def check() -> int:
    """Name the locks that do not fit their .in file. Returns 1 when there is one."""
    changed = stale()
    if changed:
        print(f"Out of date: {', '.join(changed)}. ./invoke lock", file=sys.stderr)
    return 1 if changed else 0


def _resolved(name: str, preferred: str) -> str:
    """The lock `name` with the versions of the lock `preferred`, as far as they fit."""
    with ledger.folder("lock-") as folder:
        output = folder / f"{name}.txt"
        output.write_text(preferred, encoding="utf-8")  # uv prefers the versions that the output file has
        _compile(name, LOCKS[name], output, [])
        return output.read_text(encoding="utf-8")


def stale() -> list[str]:
    """The locks that do not fit their .in file: resolving again, with the locked versions preferred, changes them."""
    changed = []
    for name in LOCKS:
        locked = (REQUIREMENTS / f"{name}.txt").read_text(encoding="utf-8")
        if _resolved(name, locked) != locked:
            changed.append(f"docker/requirements/{name}.txt")
    return changed


def _compile(name: str, options: list[str], output: Path, more: list[str]) -> None:
    command = [uv(), "pip", "compile", "--quiet", "--generate-hashes", "--no-emit-index-url", *options, *more]
    command += ["--custom-compile-command", "./invoke lock", *uv_options(sources()), f"{name}.in"]
    command += ["--output-file", str(output)]
    result = process.output(
        command, limit=process.INSTALL, name="uv pip compile", cwd=REQUIREMENTS, env=uv_environment(sources())
    )
    if result.returncode:
        print(result.stderr.strip(), file=sys.stderr)
        raise UserError(f"{(REQUIREMENTS / name).relative_to(ROOT)}.in has no solution; the lines above say why")
