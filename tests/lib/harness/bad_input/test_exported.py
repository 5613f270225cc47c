"""An export that anybody may have written: what is wrong in it is one line, and nothing is put into MLflow."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lib.harness.bad_input.exported import CONTENT, SUMS, Damage, sum_up, unpack
from tests.lib.harness.bad_input.forked import Commands, require_one_line

NO_MLFLOW = "MLflow does not answer, and records are read from it: ./invoke up\n"
"""The line of an import that has found nothing wrong."""


def test_a_whole_export_is_taken(forked: Commands, tmp_path: Path) -> None:
    ended = forked.run_untouched("import", str(unpack(tmp_path / "records")))
    assert (ended.code, ended.err) == (2, NO_MLFLOW)
    (tmp_path / "records" / "SHA256SUMS").unlink()
    sum_up(tmp_path / "records")
    assert forked.run_untouched("import", str(tmp_path / "records")).err == NO_MLFLOW


@pytest.mark.parametrize(("damage", "parts"), SUMS.values(), ids=SUMS)
def test_files_that_are_not_those_of_the_export(
    forked: Commands, tmp_path: Path, damage: Damage, parts: tuple[str, ...]
) -> None:
    folder = unpack(tmp_path / "records")
    damage(folder)
    require_one_line(forked.run_untouched("import", str(folder)), *parts)


@pytest.mark.parametrize(("damage", "parts"), CONTENT.values(), ids=CONTENT)
def test_content_that_is_none_of_a_run(
    forked: Commands, tmp_path: Path, damage: Damage, parts: tuple[str, ...]
) -> None:
    folder = unpack(tmp_path / "records")
    damage(folder)
    sum_up(folder)
    require_one_line(forked.run_untouched("import", str(folder)), *parts)
