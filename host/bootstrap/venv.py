"""Virtual environments of the host, made from hash-locked requirements with pip. Standard library only."""

import hashlib
import sys
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from host.bootstrap import environment, ledger, pip, process
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
    plain = {name: value for name, value in environment.caller().items() if not name.startswith("PIP_")}
    plain["LC_ALL"] = "C"  # in which an isolated Python, as the one of ensurepip before 3.11.4, takes names for UTF-8
    if process.logged([base, "-m", "venv", "--clear", str(folder)], log, limit=process.INSTALL, env=plain):
        _refuse(log, folder, requirements)
    sources = pip.sources(python)
    install = [str(python), "-m", "pip", "install", "--quiet", "--no-input", "--require-hashes"]
    install += ["-r", str(requirements)]
    local = (*([WHEELS] if WHEELS.is_dir() else []), *sources.folders)
    code = _run(install, log, replace(sources, folders=local, links=(), no_index=True)) if local else 1
    start = log.stat().st_size
    if code and not (local and sources.no_index):  # only now: an index that cannot be reached costs minutes
        code = _run(install, log, sources)
    if code or process.output([str(python), "-X", "utf8", "-I", "-c", "import invoke, rich, zstandard"]).returncode:
        _refuse(log, folder, requirements, start)


def _run(step: list[str], log: Path, sources: pip.Sources) -> int:
    with ledger.folder("pip-") as temporary:
        variables = {**pip.variables(sources), "TMPDIR": str(temporary)}
        return process.logged(step, log, limit=process.INSTALL, append=True, env=variables)


def _refuse(log: Path, folder: Path, requirements: Path, start: int = 0) -> NoReturn:
    """Raises `UserError` with pip's own reason: of the last attempt, which begins at `start` of its log."""
    printed = log.read_bytes()
    attempt = printed[start:] or printed
    errors = [line.strip() for line in attempt.decode("utf-8", "replace").splitlines() if "error" in line.lower()]
    reason = errors[0] if errors else "it lacks packages that the commands need"
    raise UserError(f"Could not make {folder.name} from {requirements.relative_to(ROOT)}: {reason} (all of it: {log})")
