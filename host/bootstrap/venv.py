"""Virtual environments of the host, made from hash-locked requirements with pip. Standard library only."""

import hashlib
import os
import sys
from pathlib import Path

from host.bootstrap import ledger, process
from host.bootstrap.flock import held
from host.bootstrap.paths import ROOT, STATE, state_path
from lib.harness.errors import UserError

WHEELS = STATE / "wheels"  # from a bundle: what is in here needs no index


def ensure(folder: Path, requirements: Path) -> Path:
    """Return the Python of the environment in `folder`, which has exactly what the lock `requirements` says.

    The environment is made, or made again, when its stamp does not name this lock and this Python. The stamp is
    written last, so a half-made environment has none. Two commands that start at once make it once.

    Raises:
        UserError: pip could not install it; the message has pip's reason and the log's path.
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
    _must([base, "-m", "venv", "--clear", str(folder)], log, folder, requirements)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--no-input", "--require-hashes", "-r", str(requirements)]
    if WHEELS.is_dir() and _run([*pip, "--no-index", "--find-links", str(WHEELS)], log) == 0:
        return
    _must(pip, log, folder, requirements)


def _must(step: list[str], log: Path, folder: Path, requirements: Path) -> None:
    if _run(step, log):
        errors = [line for line in log.read_text(encoding="utf-8").splitlines() if "error" in line.lower()]
        reason = errors[0].strip() if errors else f"`{' '.join(step[:4])}` failed"
        raise UserError(
            f"Could not make {folder.name} from {requirements.relative_to(ROOT)}: {reason} (all of it: {log})"
        )


def _run(step: list[str], log: Path) -> int:
    with ledger.folder("pip-") as temporary:
        return process.logged(step, log, limit=process.INSTALL, env=_clean() | {"TMPDIR": str(temporary)})


def _clean() -> dict[str, str]:
    """The environment without another virtualenv's marks; PIP_*, certificates and proxies stay as they are."""
    return {k: v for k, v in os.environ.items() if k not in {"VIRTUAL_ENV", "PYTHONHOME", "__PYVENV_LAUNCHER__"}}
