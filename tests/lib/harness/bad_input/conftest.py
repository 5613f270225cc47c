"""Commands with folders of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lib.harness.bad_input.forked import Commands, commands


@pytest.fixture(scope="module")
def folders(clone_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Commands:
    return commands(clone_root, tmp_path_factory.mktemp("bad"))


@pytest.fixture
def forked(folders: Commands) -> Iterator[Commands]:
    """The commands, with empty folders."""
    yield folders
    folders.clear()
