"""The clone as a bundle carries it: the files that git knows, the history, and the wheels of the host's side.

On the other machine it is a clone like any other, whose ./invoke makes .venv from .local/wheels without an index.
"""

import hashlib
import platform
import re
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from host.bootstrap import ledger, pip, process
from host.bootstrap.paths import REQUIREMENTS, ROOT
from host.bootstrap.venv import WHEELS
from host.machine import git
from lib.harness.errors import UserError

PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
MANYLINUX = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")
LOCK = REQUIREMENTS / "test.txt"  # has all of host.txt too


@dataclass(frozen=True)
class File:
    """A file of the clone: its path there, what git says of its mode, its target when it is a link."""

    path: str
    mode: int
    link: str = ""

    def content(self) -> bytes:
        """Its bytes; none for a link."""
        return b"" if self.link else (ROOT / self.path).read_bytes()


def files() -> list[File]:
    """The files that git knows and that are there, as they are now."""
    known = []
    for name in git.tracked():
        path = ROOT / name
        if path.is_symlink():
            known.append(File(name, 0o777, str(path.readlink())))
        elif path.is_file():
            known.append(File(name, 0o755 if path.stat().st_mode & 0o100 else 0o644))
    return known


def check() -> None:
    """Raises `UserError` when git does not know the clone or a file that the images are made with; names others."""
    if not git.tracked():
        raise UserError("A bundle has the files that git knows, and git knows none here: bundle from a git clone")
    unknown = git.untracked()
    if needed := [name for name in unknown if name.startswith("docker/")]:
        raise UserError(f"The images are made with {needed[0]}, and git does not know it: git add {needed[0]}")
    if unknown:
        print(f"Left out, as git does not know them: {', '.join(unknown)}", file=sys.stderr)


def sha256(known: list[File]) -> str:
    """Digest of all paths, modes and contents."""
    digest = hashlib.sha256()
    for file in known:
        digest.update(f"{file.path}\0{file.mode:o}\0{file.link}\0".encode())
        digest.update(hashlib.sha256(file.content()).digest())
    return digest.hexdigest()


def history(folder: Path) -> list[Path]:
    """The files of a .git made in `folder`: what leads to the present commit, and nothing of this machine's settings.

    [] with a line on stderr where git has no commit, or not all of its files.

    Raises:
        UserError: git has it, and cannot copy it.
    """
    steps = (
        ["init", "--quiet", "--template=", "--initial-branch", git.branch(), str(folder)],
        ["-C", str(folder), "fetch", "--quiet", "--update-shallow", ROOT.as_uri(), "HEAD"],
        ["-C", str(folder), "update-ref", "HEAD", "FETCH_HEAD"],
        ["-C", str(folder), "read-tree", "HEAD"],
    )
    with ledger.folder("git-") as temporary, (temporary / "gitconfig").open("w", encoding="utf-8") as settings:
        settings.write("[safe]\n\tdirectory = *\n")  # a root caller's clone, the one that is named, may be a user's
        settings.flush()
        environment = git.variables() | {"GIT_CONFIG_GLOBAL": settings.name}
        for step in steps:
            done = process.output(["git", *step], limit=process.INSTALL, env=environment)
            if done.returncode:
                fatal = [line for line in done.stderr.splitlines() if line.startswith(("fatal:", "error:"))]
                reason = (fatal or ["git gave no reason"])[0]
                if git.commit() != git.UNKNOWN and not git.is_partial():
                    raise UserError(f"No bundle was made: git cannot copy the history ({reason})")
                advice = "bundle from a full clone to have it"
                print(f"Without git's history, so runs will name no commit ({reason}): {advice}", file=sys.stderr)
                return []
    (folder / ".git" / "FETCH_HEAD").unlink()
    return sorted(path for path in (folder / ".git").rglob("*") if path.is_file())


def wheels(folder: Path) -> list[str]:
    """Download the wheels of the host's side into `folder`; the versions of Python that they are for, on Linux x86-64.

    Raises:
        UserError: those of the running Python cannot be had.
    """
    here = ".".join(platform.python_version_tuple()[:2])
    reason = _download(LOCK, folder, [])
    if reason:
        raise UserError(f"The wheels of {LOCK.relative_to(ROOT)} cannot be had: {reason}")
    covered = {here} if (platform.system(), platform.machine()) == ("Linux", "x86_64") else set()
    with ledger.folder("wheels-") as work:
        plain = work / "requirements.txt"
        plain.write_text(without_markers(LOCK.read_text(encoding="utf-8")), encoding="utf-8")
        for version in PYTHONS:
            target = [f"--platform={tag}" for tag in MANYLINUX]
            target += ["--implementation=cp", f"--python-version={version}"]
            if version not in covered and not _download(plain, folder, target):
                covered.add(version)
    return sorted(covered, key=lambda version: int(version.split(".")[1]))


def without_markers(lock: str) -> str:
    """A lock for every Python on Linux: pip applies markers to the Python that runs it, not to the one asked for."""
    entries = re.split(r"\n(?=\S)", lock)
    return "\n".join(re.sub(r"^(\S+) ; [^\\\n]*", r"\1 ", entry) for entry in entries if "'win32'" not in entry)


def _download(lock: Path, folder: Path, target: list[str]) -> str:
    """The reason why pip could not; empty when it could."""
    chosen = pip.sources(sys.executable)
    if WHEELS.is_dir():
        chosen = replace(chosen, folders=(WHEELS, *chosen.folders))
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check"]
    command += ["--no-deps", "--only-binary=:all:", "--require-hashes", "--dest", str(folder), "-r", str(lock)]
    with ledger.folder("pip-") as temporary:
        variables = {**pip.variables(chosen), "TMPDIR": str(temporary)}
        done = process.output([*command, *target], limit=process.INSTALL, name="pip download", env=variables)
    errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
    return (errors or ["pip gave no reason"])[0] if done.returncode else ""
