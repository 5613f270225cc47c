"""One process that runs the commands of all tests of a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lib.harness.bad_input.forked import Commands, commands


@pytest.fixture(scope="module")
def process(clone_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    with commands(clone_root, tmp_path_factory.mktemp("bad")) as started:
        yield started


@pytest.fixture
def forked(process: Commands) -> Iterator[Commands]:
    """The commands, with empty folders."""
    yield process
    process.clear()
