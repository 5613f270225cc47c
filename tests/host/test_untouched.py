"""The guard of the clone's state: what a test writes there is refused, and the host's functions write elsewhere."""

import os
from pathlib import Path

import pytest

from host.bootstrap import ledger
from host.bootstrap.flock import held
from host.bootstrap.paths import ROOT, STATE
from tests.host.untouched import is_state


@pytest.mark.parametrize("path", [".local/locks/build", ".local", ".env", "lib/../.local/x"])
def test_a_write_into_the_clones_state_is_refused(path: str) -> None:
    with pytest.raises(AssertionError, match="a test writes"):
        os.open(ROOT / path, os.O_WRONLY | os.O_CREAT)
    with pytest.raises(AssertionError, match="a test writes"):
        (ROOT / path).rename(ROOT / "elsewhere")
    assert not (ROOT / "elsewhere").exists()


@pytest.mark.parametrize("path", [".local/test-venv/lib/x.pyc", "labs/mine", ".localized", ".env.example", "/tmp"])
def test_other_files_are_not_state(path: str) -> None:
    assert not is_state(ROOT, str(ROOT / path))


def test_locks_and_the_ledger_of_a_test_are_elsewhere() -> None:
    assert STATE != ROOT / ".local"
    with held("services"), ledger.folder("test-") as folder:
        assert folder.is_relative_to(STATE)
        assert Path(STATE, "locks", "services").exists()
        assert list(Path(STATE, "ledger").iterdir())
