"""Beyond the corpus: random settings, records and journals. Each is taken, or is one line; nothing else is hurt."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lib.harness.commands import forget, status
from lib.harness.comparing import from_journals
from lib.harness.comparing.records import Record
from lib.harness.contract.config import Config
from lib.harness.contract.settings import Options, as_params, configure
from lib.harness.errors import UserError, one_line
from lib.harness.recording.provenance import config_json
from lib.harness.running import resumption
from lib.harness.searching.space import space_of
from lib.harness.shipping.follow import ship_left_behind
from lib.harness.shipping.server import RefusedError
from lib.harness.shipping.shipper import Shipper
from tests.lib.harness.bad_input.exported import sum_up, unpack
from tests.lib.harness.bad_input.forked import Commands, require_one_line
from tests.lib.harness.labs.tiny import LAB, SEARCH, TinyConfig
from tests.lib.harness.simulation.machine import Machine
from tests.lib.harness.simulation.tracking import SimulatedServer
from tests.lib.harness.test_sync import FIRST, SECOND, record

T = TypeVar("T")
FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
MANY = settings(FEW, max_examples=400)
TEXTS = st.text(st.characters(exclude_characters="\0"), max_size=60)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
).map(json.dumps)
VALUES = st.one_of(TEXTS, JSON, st.sampled_from(["0x10", "1e400", "-0", "１", "9" * 5000, "[" * 9000, '"\\ud800"']))
KEYS = st.sampled_from([*TinyConfig.model_fields, "stepz", ""]) | TEXTS
PLACES = st.floats(0, 1, exclude_max=True)
"""A place in a file, as a part of its length."""
PIECES = st.binary(max_size=12) | st.sampled_from(
    [b"\n", b"{", b'"', b"null", b"\xff", b"1e999", b"[" * 9000, b"9" * 5000]
)


def taken(work: Callable[[], T]) -> T | None:
    """The value of `work`; None where it was refused in one line."""
    try:
        return work()
    except UserError as error:
        line = one_line(error)
        assert line.isprintable()
        assert len(line) < 2000
        return None


def changed(data: bytes, begin: float, end: float, piece: bytes) -> bytes:
    """`data` with `piece` in the place of what is between these two places, which are few bytes apart."""
    start = int(begin * len(data))
    return data[:start] + piece + data[start + int(end * 40) :]


@MANY
@given(st.lists(st.tuples(KEYS, VALUES).map("=".join) | TEXTS, max_size=3), st.booleans())
def test_settings_give_a_config_that_can_be_recorded_or_one_line(changes: list[str], quick: bool) -> None:
    config = taken(lambda: configure(LAB, Options(changes=changes, quick=quick)))
    if config is not None:
        assert isinstance(config, Config)
        assert TinyConfig.model_validate(json.loads(config_json(config))) == config
        assert all(text.encode() is not None for text in as_params(config).values())


@MANY
@given(st.lists(st.tuples(KEYS, VALUES | st.lists(VALUES, max_size=3).map(":".join)).map("=".join), max_size=2))
def test_a_space_is_taken_or_one_line(spaces: list[str]) -> None:
    taken(lambda: space_of(SEARCH, TinyConfig(), spaces, []))


@FEW
@given(data=st.data())
def test_an_export_that_was_changed_anywhere_is_taken_or_one_line(
    data: st.DataObject, forked: Commands, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = unpack(tmp_path_factory.mktemp("fuzz") / "records")
    files = sorted(path for path in folder.rglob("*") if path.suffix in {".json", ".jsonl"})
    file = data.draw(st.sampled_from([*files, folder / "SHA256SUMS"]))
    file.write_bytes(changed(file.read_bytes(), data.draw(PLACES), data.draw(PLACES), data.draw(PIECES)))
    if file.name != "SHA256SUMS":
        sum_up(folder)
    require_one_line(forked.run_untouched("import", str(folder)))  # where all is well, that MLflow is away
    shutil.rmtree(folder)


class Server(SimulatedServer):
    """A simulated MLflow that takes files from this machine's disk."""

    def send_files(self, run: str, folder: Path) -> None:
        """Store the files of a folder."""
        files = {path.name: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
        self._call("send_files", lambda: self._run(run).files.update(files))


def _all_parts(run: Record) -> None:
    _ = run.claims, run.children, run.config


def _all_read(root: Path) -> None:
    """Read the journals below `root` in every way in which commands do."""
    for name in ("tiny", "tiny-sweep"):
        for run in from_journals.finished(name):
            taken(partial(_all_parts, run))
    for key in (FIRST, f"{FIRST}.trial-0001", "last:tiny"):
        interrupted = taken(partial(resumption.find, root, "tiny", key))
        if interrupted is not None:
            taken(interrupted.config)
    assert forget._read(root / SECOND) is not None
    forget._read(root / FIRST)
    assert status.recorded(root).runs == 2


@FEW
@given(data=st.data())
def test_a_journal_that_was_changed_anywhere_hurts_only_itself(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("journal")
    folder, other = record(root, FIRST), record(root, SECOND)
    file = data.draw(st.sampled_from(sorted(path for path in folder.rglob("*") if path.is_file())))
    file.write_bytes(changed(file.read_bytes(), data.draw(PLACES), data.draw(PLACES), data.draw(PIECES)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAB_JOURNAL", str(root))
        _all_read(root)
    server = Server(Machine())
    for each in (folder, other):
        shipper = Shipper(server, each)
        try:
            done = ship_left_behind(shipper, each)
        except RefusedError:
            done = False
        assert each == folder or (done and not shipper.problems)
        assert all(line.isprintable() for line in map(one_line, shipper.problems.values()))
    runs = {run.tags["lab.run"]: run.status for run in server.store.runs.values()}
    assert [runs[key] for key in (SECOND, f"{SECOND}.trial-0000", f"{SECOND}.trial-0001")] == ["FINISHED"] * 3
    shutil.rmtree(root)
