"""The registered config: which sweep it is taken from, on journals that the harness's own writer has written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lib.cnn.convolution import lab as convolution
from lib.harness.contract.settings import Options, configure
from lib.harness.contract.studies import changed
from lib.harness.errors import UserError
from lib.harness.recording.journal import Journal
from lib.harness.recording.jsonfile import json_bytes
from lib.harness.searching import best
from lib.optimizers import lab as optimizers


@pytest.fixture
def journals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAB_JOURNAL", str(tmp_path))
    return tmp_path


def sweep(journals: Path, day: int, record: bytes | None, status: str = "FINISHED", **tags: str) -> str:
    """A sweep of the lab `convolution` in the journals, with this `best.json`; its key."""
    key = f"202601{day:02}-120000-convolution-sweep-abcdef"
    (journals / key).mkdir()
    ours = {"lab.name": "convolution", "lab.seed": "0", "lab.framework": "numpy", "lab.quick": "false"}
    header: dict[str, Any] = {"key": key, "parent": None, "experiment": "convolution-sweep", "name": key, "params": {}}
    header["tags"] = {**ours, "lab.portable": "false", **tags}
    journal = Journal.create(journals / key / "run.jsonl", header)
    journal.files.mkdir()
    if record is not None:
        (journal.files / best.FILE).write_bytes(record)
    journal.end(status)
    return key


def test_what_was_found_joins_the_grid_of_the_run_that_takes_it(journals: Path) -> None:
    key = sweep(journals, 1, json_bytes({"found": {"learning_rate": 0.02}}))
    for options in (Options(), Options(quick=True), Options(changes=["rates=[0.5]", "learning_rate=0.25"])):
        plain, (config, found) = configure(convolution.LAB, options), best.adopted(convolution.LAB, options)
        assert found.run == key
        rates: tuple[float, ...] = plain.model_dump()["rates"]
        grid = rates if options.changes else tuple(sorted({*rates, 0.02}))
        rate = 0.25 if options.changes else 0.02
        assert config == changed(plain, {"learning_rate": rate, "rates": grid})


def test_a_sweep_of_an_earlier_version_registered_more_and_the_fields_are_taken(journals: Path) -> None:
    earlier = {"found": {"learning_rate": 0.02}, "config": {"learning_rate": 0.02, "rates": [0.003, 0.02]}}
    sweep(journals, 1, json_bytes(earlier))
    config, _ = best.adopted(convolution.LAB, Options())
    assert config.model_dump()["rates"] == (3e-4, 1e-3, 3e-3, 1e-2, 0.02)


@pytest.mark.parametrize("record", [b"", b"{", b"[]", b"{}", b'{"found": 3}'])
def test_a_record_that_cannot_be_read_is_one_line(journals: Path, record: bytes) -> None:
    key = sweep(journals, 1, record)
    with pytest.raises(
        UserError, match=rf"{key}/run.files/best.json cannot be read. .* ./invoke sweep convolution"
    ) as caught:
        best.registered("convolution")
    assert "\n" not in str(caught.value)


def test_the_newest_finished_sweep_counts_and_no_reproduction(journals: Path) -> None:
    sweep(journals, 1, json_bytes({"found": {"learning_rate": 0.1}}))
    newest = sweep(journals, 2, json_bytes({"found": {"learning_rate": 0.2}}))
    sweep(journals, 3, json_bytes({"found": {"learning_rate": 0.3}}), **{"lab.reproduces": "of the first one"})
    sweep(journals, 4, json_bytes({"found": {"learning_rate": 0.4}}), status="FAILED")
    sweep(journals, 5, None)
    assert best.registered("convolution") == best.Best(newest, {"learning_rate": 0.2})


def test_a_field_that_the_lab_has_no_more_is_not_taken_for_the_users(journals: Path) -> None:
    key = sweep(journals, 1, json_bytes({"found": {"depth": 3}}))
    with pytest.raises(
        UserError, match=rf"the settings found by {key} do not fit .* depth=3.* ./invoke sweep convolution"
    ):
        best.adopted(convolution.LAB, Options())
    with pytest.raises(UserError, match=r"^rates=3"):
        best.adopted(convolution.LAB, Options(changes=["rates=3"]))


def test_no_sweep_is_advised_where_it_would_be_refused(journals: Path) -> None:
    with pytest.raises(UserError, match="the lab 'optimizers' cannot be swept: ") as caught:
        best.adopted(optimizers.LAB, Options())
    assert "./invoke" not in str(caught.value)


def test_without_one_it_is_said_where_was_looked(journals: Path) -> None:
    with pytest.raises(UserError, match=r"\./invoke sweep convolution --trials 30"):
        best.registered("convolution")
