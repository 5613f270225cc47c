"""A damaged run in the journal hurts only itself: one line that names it and the remedy, everything else goes on."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lib.harness.bad_input.forked import Commands, contents
from tests.lib.harness.bad_input.journals import ALL, Expected, without_end


@pytest.fixture(scope="module")
def recorded(folders: Commands, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run."""
    ended = folders.run("tiny", "--quick", "--workers", "1")
    assert ended.code == 0, ended
    (folder,) = folders.journals.iterdir()
    kept = Path(shutil.move(folder, tmp_path_factory.mktemp("recorded")))
    folders.clear()
    return kept


@pytest.fixture
def folder(forked: Commands, recorded: Path) -> Iterator[Path]:
    """Such a folder in the journal, for this test."""
    yield Path(shutil.copytree(recorded, forked.journals / recorded.name))


@pytest.mark.parametrize("expected", ALL.values(), ids=ALL)
def test_one_line_and_nothing_else_is_hurt(forked: Commands, folder: Path, expected: Expected) -> None:
    damage, arguments, parts, code = expected
    if "--resume" in arguments:
        without_end(folder)
    damage(folder)
    before = contents(folder)
    ended = forked.run(*(word.replace("KEY", folder.name) for word in arguments))
    assert ended.code == code, ended
    assert len(ended.err.splitlines()) == bool(parts), ended.err
    assert ended.err.replace("\n", "").isprintable()
    for part in parts:
        assert part.replace("KEY", folder.name) in ended.err
    assert contents(folder) == before
    if code == 0 and arguments == ("labs",):
        assert "Least squares" in ended.out


def test_the_last_run_that_can_be_resumed_is_found_though_a_later_one_is_damaged(
    forked: Commands, folder: Path, recorded: Path
) -> None:
    without_end(folder)
    later = Path(shutil.copytree(recorded, forked.journals / "20991231-235959-tiny-ffffff"))
    (folder / "run.files" / "config.json").write_text("[]", encoding="utf-8")
    ended = forked.run("tiny", "--resume", "last:tiny")
    assert ended.code == 2
    warning, error = ended.err.splitlines()
    assert warning.startswith(f"Warning: {later / 'run.jsonl'} is that of another run ({folder.name})")
    assert f"{folder / 'run.files' / 'config.json'} cannot be read" in error


def test_the_corpus_is_large() -> None:
    assert len(ALL) >= 80
