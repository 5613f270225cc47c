"""Virtual environments of the host, made from hash-locked requirements with pip. Standard library only."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from host.locks import held
from host.paths import ROOT, state_path
from lib.harness.errors import UserError


def ensure(folder: Path, requirements: Path) -> Path:
    """The Python of the environment `folder`, made or made again unless it has exactly what `requirements` locks.

    A stamp is written last: a half-made environment has none, and one that another Python or another lock made has a
    different one. Two commands that start at once make it once.
    """
    python = folder / "bin" / "python"
    stamp = folder / "stamp"
    wanted = f"{hashlib.sha256(requirements.read_bytes()).hexdigest()} {sys.version.split()[0]}\n"
    if python.exists() and _read(stamp) == wanted:
        return python
    with held(_name(folder)):
        if not python.exists() or _read(stamp) != wanted:
            if sys.stderr.isatty():
                print(f"Making {folder.relative_to(ROOT)} (once) …", file=sys.stderr)
            stamp.unlink(missing_ok=True)
            _make(folder, python, requirements)
            stamp.write_text(wanted, encoding="utf-8")
    return python


def _name(folder: Path) -> str:
    return folder.name.lstrip(".")


def _read(stamp: Path) -> str:
    try:
        return stamp.read_text(encoding="utf-8")
    except OSError:
        return ""


def _make(folder: Path, python: Path, requirements: Path) -> None:
    base: str = getattr(sys, "_base_executable", sys.executable)  # not the environment's own, which may go now
    log = state_path("logs", f"{_name(folder)}.log")
    steps = (
        [base, "-m", "venv", "--clear", str(folder)],
        [str(python), "-m", "pip", "install", "--quiet", "--no-input", "--require-hashes", "-r", str(requirements)],
    )
    for step in steps:
        with log.open("w", encoding="utf-8") as stream:
            result = subprocess.run(
                step, stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT, env=_clean(), check=False
            )
        if result.returncode:
            errors = [line for line in log.read_text(encoding="utf-8").splitlines() if "error" in line.lower()]
            reason = errors[0].strip() if errors else f"`{' '.join(step[:4])}` failed"
            raise UserError(
                f"Could not make {folder.name} from {requirements.relative_to(ROOT)}: {reason} (all of it: {log})"
            )


def _clean() -> dict[str, str]:
    """The environment without another virtualenv's marks; PIP_*, certificates and proxies stay as they are."""
    return {k: v for k, v in os.environ.items() if k not in {"VIRTUAL_ENV", "PYTHONHOME", "__PYVENV_LAUNCHER__"}}
