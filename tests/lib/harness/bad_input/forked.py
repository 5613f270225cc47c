"""The commands of `runner`, and what there is before and after one."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.lib.harness.support import NOWHERE, Ended

PASSED = ("PATH", "LANG", "LAB_DATA")
LOADING = {"OPENBLAS_NUM_THREADS": "1", "MLFLOW_DISABLE_TELEMETRY": "true", "GIT_PYTHON_REFRESH": "quiet"}
"""Variables of the image that libraries read as they are loaded."""


@dataclass(frozen=True)
class Commands:
    """``python -m lib`` in a clone, each command in a fork of `process`.

    Attributes:
        home, temporary, journals: folders that its commands have, empty before each.
    """

    root: Path
    home: Path
    temporary: Path
    journals: Path
    process: subprocess.Popen[str] = field(repr=False)

    def environment(self, more: Mapping[str, str]) -> dict[str, str]:
        own = {
            "HOME": str(self.home),
            "TMPDIR": str(self.temporary),
            "LAB_JOURNAL": str(self.journals),
            "MLFLOW_TRACKING_URI": NOWHERE,
            "LAB_LOCK_SHA256": "l" * 64,
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        return {name: os.environ[name] for name in PASSED if name in os.environ} | LOADING | own | dict(more)

    def run(self, *arguments: str, **more: str) -> Ended:
        """Run ``python -m lib ARGUMENTS`` with more variables; no process of it is left."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps({"arguments": arguments, "env": self.environment(more)}) + "\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        assert answer["left"] == []
        return Ended(answer["code"], answer["out"], answer["err"])

    def run_untouched(self, *arguments: str, **more: str) -> Ended:
        """The same, for a command that leaves all folders as they were."""
        before = self.contents()
        ended = self.run(*arguments, **more)
        assert self.contents() == before, ended
        return ended

    def contents(self) -> dict[str, str]:
        folders = (self.root, self.home, self.temporary, self.journals)
        return {name: facts for folder in folders for name, facts in contents(folder).items()}

    def clear(self) -> None:
        """Empty the folders."""
        for folder in (self.home, self.temporary, self.journals):
            shutil.rmtree(folder)
            folder.mkdir()


@contextmanager
def commands(clone: Path, place: Path) -> Iterator[Commands]:
    """The commands of a copy of the folder `clone`, in the new folder `place`."""
    root = place / "clone"
    shutil.copytree(clone, root)
    (root / "labs" / "mine").mkdir(parents=True)
    (root / "labs" / "packages").mkdir()
    home, temporary, journals = (place / name for name in ("home", "temporary", "journal"))
    for folder in (home, temporary, journals):
        folder.mkdir()
    runner = [sys.executable, str(Path(__file__).with_name("runner.py")), str(root)]
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("LAB_", "MLFLOW_"))}
    with subprocess.Popen(
        runner, env=variables | LOADING, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Commands(root, home, temporary, journals, process)
        assert process.stdin
        process.stdin.close()


def contents(folder: Path) -> dict[str, str]:
    """Every path below a folder with what it is; links are not followed."""
    entries = {}
    for base, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(base, name)
            if path.is_symlink():
                entries[str(path)] = f"-> {path.readlink()}"
            elif path.is_file():
                entries[str(path)] = hashlib.sha256(path.read_bytes()).hexdigest()
            else:
                entries[str(path)] = "folder"
    return entries


def require_one_line(ended: Ended, *parts: str) -> None:
    """One line on standard error with these parts in it, exit code 2."""
    ended.assert_one_line(2, *parts)
    assert ended.err.removesuffix("\n").isprintable(), ended.err
    assert ended.out == ""
