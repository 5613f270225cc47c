"""Local mode: labs and tests without a Docker engine, from the same lock, with SQLite for MLflow.

Everything it makes is in .local: venv, data and logs; journal, mlflow.db and artifacts in the instance's own folder.
"""

import hashlib
import os
import platform
import shutil
import sys
from pathlib import Path

from host.bootstrap import environment as variables
from host.bootstrap import ledger, pip, process
from host.bootstrap.flock import held
from host.bootstrap.paths import REQUIREMENTS, ROOT, STATE, state_path
from host.bootstrap.process import reason
from host.machine import git, instance, user
from host.machine.package_sources import sources, uv_environment, uv_options
from host.machine.uv import uv
from lib.harness.errors import UserError

LOCK = REQUIREMENTS / "cpu.txt"
VENV = STATE / "venv"
NEEDED_GIB = 6
CANDIDATES = ("python3.11", "python3", "python", "/usr/bin/python3.11", "/usr/bin/python3")
FITS = "import ctypes, sqlite3, ssl, sys; print(sys.executable); sys.exit(sys.version_info[:2] != (3, 11))"


def python() -> Path:
    """The Python of local mode's environment, made with uv from the image's lock at the first call.

    Raises `UserError` where the lock does not fit this machine, the disk is full or a package cannot be had.
    """
    stamp, wanted = VENV / "stamp", f"{_lock_sha256()}\n"
    made = VENV / "bin" / "python"
    if _is_made(made, stamp, wanted):
        return made
    with held("local-venv"):
        if not _is_made(made, stamp, wanted):
            base, chosen = python311(), sources()
            free = shutil.disk_usage(STATE).free / 2**30
            if free < NEEDED_GIB:
                raise UserError(f"Local mode needs {NEEDED_GIB} GiB free in {STATE}, there are {free:.1f}")
            print("Making .local/venv from the image's lock (once, some minutes) …", file=sys.stderr, flush=True)
            stamp.unlink(missing_ok=True)
            _uv("venv", "--clear", "--python", base, str(VENV))
            _uv("pip", "sync", "--python", str(made), "--require-hashes", *uv_options(chosen), str(LOCK))
            stamp.write_text(wanted, encoding="utf-8")
    return made


def _is_made(python: Path, stamp: Path, wanted: str) -> bool:
    """Return whether the environment has this lock, and its Python is still on this machine."""
    return python.exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == wanted


def python311() -> str:
    """The path of a Python 3.11 that really runs.

    Raises:
        UserError: there is none, or this is not Linux on x86-64, for which alone the packages are locked.
    """
    here = platform.system(), platform.machine()
    if here != ("Linux", "x86_64"):
        raise UserError(f"Local mode needs Linux on x86-64, and this is {' on '.join(here)}: use such a machine")
    for candidate in CANDIDATES:
        try:
            result = process.output([candidate, "-c", FITS])
        except OSError:
            continue
        if result.returncode == 0:
            return result.stdout.strip()
    raise UserError(
        "Local mode needs a Python 3.11 that runs (Debian 12: apt install python3); "
        "with Docker it is not needed: ./invoke doctor"
    )


def _lock_sha256() -> str:
    return hashlib.sha256(LOCK.read_bytes()).hexdigest()


def _uv(*args: str) -> None:
    log = state_path("logs", "local-venv.log")
    command = [uv(), "--no-progress", *args]
    with ledger.folder("uv-") as temporary:
        prepared = {**uv_environment(sources()), "TMPDIR": str(temporary)}
        code = process.logged(command, log, limit=process.INSTALL, env=prepared)
    if code:
        printed = log.read_text(encoding="utf-8")
        raise UserError(f"Could not make .local/venv: {reason(printed)} (all of it: {log})")


def _data() -> Path:
    """The data sets, fetched by their hash at the first call; a warning for what cannot be had: few labs need all.

    Their hashes are compared again when a file has changed, which its size or time says, or the program has.
    """
    folder, program = STATE / "data", ROOT / "docker" / "fetch-data"
    stamp = folder / "stamp"
    with held("local-data"):
        if _says(stamp, _stamp(folder, program)):
            return folder
        fetch = [sys.executable, str(program), str(folder)]
        with ledger.folder("fetch-") as temporary:
            prepared = {**pip.variables(sources()), "TMPDIR": str(temporary)}
            result = process.output(fetch, limit=process.INSTALL, name="docker/fetch-data", env=prepared)
        if result.returncode == 0:
            stamp.write_text(_stamp(folder, program), encoding="utf-8")
    if result.returncode:
        print(result.stderr.strip(), file=sys.stderr)
    return folder


def _stamp(folder: Path, program: Path) -> str:
    """Name, size and time of every data file, and the hash of the program that fetches them."""
    files = [(path, path.stat()) for path in sorted(folder.glob("*/*"))]
    lines = [f"{path.relative_to(folder)} {facts.st_size} {facts.st_mtime_ns}" for path, facts in files]
    return "\n".join([hashlib.sha256(program.read_bytes()).hexdigest(), *lines, ""])


def _kernels() -> Path | None:
    """The folder of the kernels, compiled at the first call and when their source or the compiler has changed.

    None where they cannot be compiled here, which `lib.kernels` says when they are asked for: torch computes then. A
    compiler that has failed is not tried again on the same source.
    """
    folder, source = STATE / "kernels", ROOT / "docker" / "kernels"
    gcc = shutil.which("gcc", path=variables.get("PATH"))
    parts = [path.read_bytes() for path in sorted([*source.glob("*.[ch]"), source / "build.sh"])]
    wanted = hashlib.sha256(b"".join(parts)).hexdigest() + "\n"
    stamp, failure = folder / "stamp", folder / "failure"
    compiler = f"{wanted}{gcc} {Path(gcc).stat().st_mtime_ns if gcc else 0}\n"
    if _says(stamp, wanted):
        return folder
    if gcc is None or _says(failure, compiler):
        return None
    with held("local-kernels"):
        if _says(stamp, wanted):  # another command has compiled them meanwhile
            return folder
        if _says(failure, compiler):
            return None
        folder.mkdir(parents=True, exist_ok=True)
        stamp.unlink(missing_ok=True)
        log = state_path("logs", "local-kernels.log")
        own = {name: value for name, value in variables.caller().items() if name not in {"CC", "KERNELS_FLAGS"}}
        if process.logged(["sh", str(source / "build.sh"), str(folder)], log, limit=process.INSTALL, env=own):
            print(f"The kernels could not be compiled, so torch computes (all of it: {log})", file=sys.stderr)
            failure.write_text(compiler, encoding="utf-8")
            return None
        stamp.write_text(wanted, encoding="utf-8")
    return folder


def _says(file: Path, text: str) -> bool:
    return file.is_file() and file.read_text(encoding="utf-8") == text


def environment(place: Path | None = None) -> dict[str, str]:
    """The variables that a container gets from compose.yaml and the image, for a process of this machine.

    `place`: the folder of its journal, artifacts and database; the instance's own by default.
    """
    place = place or instance.folder()
    for folder in ("artifacts", "journal"):
        (place / folder).mkdir(parents=True, exist_ok=True)
    kernels = _kernels()
    return {
        **variables.for_labs(),
        **({"LAB_KERNELS": str(kernels)} if kernels else {}),
        "PATH": f"{VENV / 'bin'}{os.pathsep}{variables.get('PATH')}",
        "PYTHONUTF8": "1",
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "lib" / "public")]),
        "MLFLOW_TRACKING_URI": f"sqlite:///{place / 'mlflow.db'}",
        "_MLFLOW_SERVER_ARTIFACT_ROOT": (place / "artifacts").as_uri(),  # where a store without a server puts artifacts
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "1",
        "GIT_PYTHON_REFRESH": "quiet",
        "RAY_USAGE_STATS_ENABLED": "0",
        "KERAS_BACKEND": "tensorflow",
        "KERAS_HOME": str(STATE / "keras"),  # else it reads ~/.keras/keras.json, and writes one
        "TF_CPP_MIN_LOG_LEVEL": "1",
        "LAB_IMAGE": "none (local)",
        "LAB_IMAGE_KIND": "none",
        "LAB_IMAGE_CONTENT": "none",
        "LAB_LOCK_SHA256": _lock_sha256(),
        "LAB_GIT_COMMIT": git.commit(),
        "LAB_GIT_DIRTY": git.dirty(),
        "LAB_USER": user.name(),
        "LAB_DATA": str(_data()),
        "LAB_JOURNAL": str(place / "journal"),
    }
