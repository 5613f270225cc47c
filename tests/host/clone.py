"""Copies of the clone in which tests and benchmarks run ./invoke, each as an instance of its own.

What such a command starts, stops or deletes belongs to another Compose project and to another folder, so it reaches
neither the services nor the runs of the person who tests. The standard library alone: benchmarks run without pytest.
"""

import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
MADE = (".git", ".venv", ".local", ".env", "__pycache__", ".*_cache", ".jupyter", "mine", "packages")
"""What ./invoke, git and tools make in a clone, and the user in labs/."""


def copy_clone(target: Path, *, history: bool = False) -> Path:
    """Copy the clone as git would give it, with changes that are not committed and without what ./invoke makes.

    `history`: with git's history, too.
    """
    if history:
        subprocess.run(["git", "clone", "--quiet", "--no-checkout", str(ROOT), str(target)], check=True)
    shutil.copytree(ROOT, target, ignore=shutil.ignore_patterns(*MADE), dirs_exist_ok=history)
    if history:
        subprocess.run(["git", "-C", str(target), "reset", "--quiet"], check=True)
    return target


def share_venv(root: Path) -> Path:
    """Let a copy use this clone's .venv, which has the same lock; returns the copy."""
    (root / ".venv").symlink_to(ROOT / ".venv")
    return root


def new_project() -> str:
    """A name for an instance that nobody else has."""
    return f"fearless-test-{secrets.token_hex(4)}"


def command(root: Path, *words: str | Path) -> list[str]:
    """The command `./invoke WORDS` of a copy.

    Raises:
        ValueError: `root` is the clone itself, where a command can delete the user's runs or stop their services.
    """
    if root.resolve() == ROOT.resolve():
        raise ValueError("tests and benchmarks run ./invoke in a copy of the clone")
    return [str(root / "invoke"), *map(str, words)]


@dataclass(frozen=True)
class Instance:
    """A copy of the clone whose services have their own names, ports and volumes.

    `environment`: variables besides the caller's.
    """

    root: Path
    environment: Mapping[str, str]
    project: str = field(default_factory=new_project)

    @property
    def variables(self) -> dict[str, str]:
        """The environment of the commands."""
        return {**os.environ, **self.environment, "LAB_INSTANCE": self.project}

    def start(self, *words: str | Path) -> subprocess.Popen[str]:
        """Start `./invoke WORDS`."""
        return subprocess.Popen(
            command(self.root, *words),
            env=self.variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def invoke(self, *words: str | Path, answer: str = "", timeout: float = 300) -> tuple[int, str, str]:
        """Run `./invoke WORDS`; returns its exit code, its output and what it wrote to stderr."""
        process = self.start(*words)
        try:
            out, err = process.communicate(answer, timeout=timeout)
        finally:
            process.kill()
        return process.returncode, out, err

    def must(self, *words: str | Path, answer: str = "", timeout: float = 900) -> str:
        """The output of `./invoke WORDS`, which must succeed."""
        code, out, err = self.invoke(*words, answer=answer, timeout=timeout)
        if code:
            raise RuntimeError(f"./invoke {' '.join(map(str, words))} ended with exit code {code}: {err}")
        return out

    def docker(self, kind: str, shown: str) -> list[str]:
        """List what the engine has of this project: containers, networks or volumes."""
        label = f"label=com.docker.compose.project={self.project}"
        every = ["--all"] if kind == "container" else []
        listing = subprocess.run(
            ["docker", kind, "ls", *every, "--filter", label, "--format", shown],
            capture_output=True,
            text=True,
            check=True,
        )
        return sorted(listing.stdout.split())

    def remove(self) -> None:
        """Stop its services and delete its containers, networks and volumes."""
        self.must("down", "--volumes", answer=f"{self.project}\n")


PRINTED = ["JupyterLab", "Lessons (한국어)", "Lessons (English)", "MLflow", "Instance"]
"""What `up` prints an address of, and the instance."""


def addresses(printed: str) -> dict[str, str]:
    """Return what `up` has printed, by the names."""
    rows = (line.rsplit(maxsplit=1) for line in printed.splitlines())
    return {name.rstrip(): value for name, value in rows}


@contextmanager
def instance(**environment: str) -> Iterator[Instance]:
    """A new copy with git's history as an instance of its own, removed at the end."""
    with tempfile.TemporaryDirectory() as folder:
        made = Instance(share_venv(copy_clone(Path(folder, "clone"), history=True)), environment)
        try:
            yield made
        finally:
            made.remove()
