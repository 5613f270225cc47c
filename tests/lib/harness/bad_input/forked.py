"""Commands that start at once, in folders of their own, and what there is before and after one."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.lib.harness.forks import FORKS, LOADING
from tests.lib.harness.support import NOWHERE, Ended

PASSED = ("PATH", "LANG", "LAB_DATA")


@dataclass(frozen=True)
class Commands:
    """``python -m lib`` in a clone.

    Attributes:
        home, temporary, journals: folders that its commands have, empty before each.
    """

    root: Path
    home: Path
    temporary: Path
    journals: Path

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
        return Ended(*FORKS.run(self.root, arguments, self.environment(more)))

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


def commands(clone: Path, place: Path) -> Commands:
    """The commands of a copy of the folder `clone`, in the new folder `place`."""
    root = place / "clone"
    shutil.copytree(clone, root)
    (root / "labs" / "mine").mkdir(parents=True)
    (root / "labs" / "packages").mkdir()
    home, temporary, journals = (place / name for name in ("home", "temporary", "journal"))
    for folder in (home, temporary, journals):
        folder.mkdir()
    return Commands(root, home, temporary, journals)


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
