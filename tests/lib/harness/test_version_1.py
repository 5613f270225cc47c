"""A run that commit 18c35e4 recorded and exported, before traces had a version, is good for all that it was good for.

``records/version_1.tar.xz`` is its export. The code that ran is in it, so its own encoder and digest are the oracle.
"""

from __future__ import annotations

import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from lib.harness.comparing import from_export
from lib.harness.comparing.records import Child, Record
from lib.harness.comparing.version_1 import as_version_1
from lib.harness.errors import UserError
from lib.harness.recording.trace import canonical, digest_of, encode, measurements_record
from tests.lib.harness.support import Clone, Server, said, tags_of

RECORDS = Path(__file__).parent / "records"
KEY = "20261129-175852-halves-b2e58a"


def unpacked(archive: Path, folder: Path) -> Path:
    with tarfile.open(archive) as tar:
        tar.extractall(folder)
    return folder


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked export."""
    return unpacked(RECORDS / "version_1.tar.xz", tmp_path_factory.mktemp("version_1"))


@pytest.fixture(scope="session")
def recorded(exported: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the recorded code."""
    return unpacked(exported / KEY / "artifacts" / "code.tar.gz", tmp_path_factory.mktemp("code"))


@pytest.fixture(scope="session")
def old(recorded: Path) -> ModuleType:
    """The recorded code's module of traces."""
    module = ModuleType("old_trace")
    exec((recorded / "lib" / "harness" / "trace.py").read_text(encoding="utf-8"), module.__dict__)
    return module


def record_in(root: Path) -> Record:
    runs = from_export.read_runs(root)
    from_export.require_whole(root, runs)
    run = runs[KEY]
    return Record(KEY, run.tags, run.params, run.status, 0, "", from_export.ExportFolder(root, KEY, runs))


def test_it_is_whole_by_the_rules_of_version_1(exported: Path, old: ModuleType) -> None:
    record = record_in(exported).require_whole()
    assert record.version == "1"
    assert len(record.children) == 4
    digests = [run.tags["lab.result_digest"] for run in from_export.read_runs(exported).values() if run.parent]
    assert record.tags["lab.result_digest"] == old.parent_digest(digests)
    assert all(json.loads([*child.trace()][-1])["measurements"]["text"] == "nan" for child in record.children.values())


def _a_value(folder: Path) -> str:
    (trace,) = folder.glob("*.trial-0002/artifacts/trace.jsonl")
    text = trace.read_text(encoding="ascii")
    at = text.index('{"step":5')
    trace.write_text(text[:at] + text[at:].replace("0x1.", "0x0.", 1), encoding="ascii")
    return "trial-0002: the trace of trial half, seed 1 is not what .*, from step 0 to 9"


def _a_text_that_becomes_a_marked_one(folder: Path) -> str:
    (trace,) = folder.glob("*.trial-0001/artifacts/trace.jsonl")
    trace.write_text(trace.read_text(encoding="ascii").replace('"half"', '{"t":"half"}'), encoding="ascii")
    return "trial-0001: the trace of trial quarter, seed 0 is not what"


def _its_end_of_lines(folder: Path) -> str:
    (trace,) = folder.glob("*.trial-0001/artifacts/trace.jsonl")
    trace.write_bytes(trace.read_bytes().replace(b"\n", b"\r\n"))
    return "trial-0001: the trace of trial quarter, seed 0 is not what"


def _bytes_that_are_no_text(folder: Path) -> str:
    (trace,) = folder.glob("*.trial-0001/artifacts/trace.jsonl")
    trace.write_bytes(trace.read_bytes() + b"\xff\n")
    return "trial-0001: the trace of trial quarter, seed 0 is not what"


def _edited(folder: Path, trial: str, change: Callable[[dict[str, Any]], None]) -> None:
    path = folder / f"{KEY}{trial}" / "run.json"
    run = json.loads(path.read_bytes())
    change(run)
    path.write_text(json.dumps(run), encoding="utf-8")


def _another_trace_with_its_digest(folder: Path) -> str:
    one, other = (folder / f"{KEY}.trial-000{number}" for number in (0, 1))
    shutil.copy(one / "artifacts" / "trace.jsonl", other / "artifacts" / "trace.jsonl")
    digest = json.loads((one / "run.json").read_bytes())["tags"]["lab.result_digest"]
    _edited(folder, ".trial-0001", lambda run: run["tags"].update({"lab.result_digest": digest}))
    return f"{KEY}: its trials are not what its tag lab.result_digest says"


def _a_trial_that_is_gone(folder: Path) -> str:
    shutil.rmtree(folder / f"{KEY}.trial-0003")
    return f"{KEY}: its trials are not what its tag lab.result_digest says"


def _no_digest(folder: Path) -> str:
    _edited(folder, "", lambda run: run["tags"].pop("lab.result_digest"))
    return f"{KEY}: its trials are not what its tag lab.result_digest says"


def _a_later_version(folder: Path) -> str:
    _edited(folder, "", lambda run: run.update(format=2, tags={**run["tags"], "lab.trace_version": "2"}))
    return "trial-0000 is of another trace version than its run"


def _a_version_of_another_format(folder: Path) -> str:
    _edited(folder, "", lambda run: run["tags"].update({"lab.trace_version": "2"}))
    return f"{KEY}/run.json .*its format is not its lab.trace_version"


def _a_version_to_come(folder: Path) -> str:
    _edited(folder, "", lambda run: run["tags"].update({"lab.trace_version": "7"}))
    return f"{KEY}: lab.trace_version is '7'.*git pull"


def _a_format_to_come(folder: Path) -> str:
    _edited(folder, "", lambda run: run.update({"format": 3}))
    return "format 1 or 2.* of format 3: git pull"


def _no_seed(folder: Path) -> str:
    _edited(folder, ".trial-0001", lambda run: run["tags"].update({"lab.seed": "first"}))
    return "trial-0001 has no lab.variant, or no number as its lab.seed"


def _another_key(folder: Path) -> str:
    _edited(folder, ".trial-0001", lambda run: run["tags"].update({"lab.run": KEY}))
    return "trial-0001/run.json.*its key is not its lab.run"


def _a_field_that_is_gone(folder: Path) -> str:
    _edited(folder, ".trial-0001", lambda run: run.pop("tags"))
    return "trial-0001/run.json.*tags: Field required"


def _no_json(folder: Path) -> str:
    (folder / KEY / "run.json").write_bytes(b"{\xff")
    return f"{KEY}/run.json.*no JSON"


def _a_point_that_is_none(folder: Path) -> str:
    (folder / KEY / "metrics.jsonl").write_text('["loss",0,1]\n', encoding="ascii")
    return f"{KEY}/metrics.jsonl: line 1 is no point"


def _no_parent(folder: Path) -> str:
    shutil.rmtree(folder / KEY)
    return "its parent .* is missing"


CHANGES = [
    _a_value,
    _a_text_that_becomes_a_marked_one,
    _its_end_of_lines,
    _bytes_that_are_no_text,
    _another_trace_with_its_digest,
    _a_trial_that_is_gone,
    _no_digest,
    _a_later_version,
    _a_version_of_another_format,
    _a_version_to_come,
    _a_format_to_come,
    _no_seed,
    _another_key,
    _a_field_that_is_gone,
    _no_json,
    _a_point_that_is_none,
    _no_parent,
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_one_line(exported: Path, tmp_path: Path, change: Callable[[Path], str]) -> None:
    folder = Path(shutil.copytree(exported, tmp_path / "records"))
    wanted = change(folder)
    with pytest.raises(UserError, match=wanted) as refusal:
        record_in(folder)
    assert len(str(refusal.value).splitlines()) == 1


EXACT_ARRAYS = arrays.arrays(
    st.sampled_from(["<f2", "<f4", ">f8", "<i4", "<u8", "|b1", "<c16", "<U3"]),
    arrays.array_shapes(max_dims=3, max_side=3),
)


@given(value=st.floats() | st.floats(width=32).map(np.float32) | st.integers(-(2**53), 2**53) | EXACT_ARRAYS)
def test_numbers_and_arrays_have_the_records_that_they_had(old: ModuleType, value: Any) -> None:
    assert encode(value) == old.encode(value)


NESTED = st.recursive(
    st.none() | st.floats() | st.integers(-(2**1000), 2**1000) | st.text(max_size=5) | st.sampled_from(["nan", "0x3"]),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.sampled_from(["t", "i", "m", "a"]), part, max_size=3),
)


@given(value=NESTED)
def test_a_trace_can_be_taken_back_to_version_1(old: ModuleType, value: Any) -> None:
    line = canonical(measurements_record({"t": value}))
    past = canonical({"measurements": old.encode({"t": value})})
    for child in (as_version_1(_child(line), "2"), as_version_1(_child(past), "1")):
        assert [*child.trace()] == [past]
        assert child.digest == digest_of([past])


def _child(line: str) -> Child:
    return Child("a", 0, "FINISHED", lambda: iter([line]), digest_of([line]), values=0)


@pytest.fixture
def halves(clone_root: Path, server: Server, tmp_path: Path) -> Clone:
    """A clone that has the record's lab by the present contract."""
    root = Path(shutil.copytree(clone_root, tmp_path / "clone"))
    shutil.copy(RECORDS / "halves.py", root / "lib" / "testlabs" / "halves.py")
    (tmp_path / "journal").mkdir()
    return Clone(root, tmp_path / "journal", server.url)


@pytest.mark.slow
def test_it_is_imported_reproduced_and_compared_with_a_new_run(
    halves: Clone, server: Server, exported: Path, recorded: Path
) -> None:
    ended = halves.run("import", str(exported))
    assert (ended.code, ended.out, ended.err) == (0, "1 run with 4 trials\n", "")
    record = json.loads(halves.run("record", KEY).out)

    again = Clone(recorded, halves.journals, server.url, {"LAB_REPRODUCES": KEY})
    assert again.run("halves", "--seed", record["tags"]["lab.seed"], *said(record["config"])).code == 0
    assert halves.run("sync").code == 0  # on a busy machine the run may not have waited for MLflow
    ended = halves.run("compare", KEY)
    assert (ended.code, ended.err) == (0, ""), ended
    assert ended.out.startswith("identical (4 trials, ")
    runs = server.runs("halves") | server.runs("imported/halves")
    repeated = again.newest().name
    digests = {key: tags_of(run)["lab.result_digest"] for key, run in runs.items()}
    for key in [name for name in digests if name.startswith(KEY)]:
        assert digests[key.replace(KEY, repeated)] == digests[key], "a reproduction has the digests of its version"

    assert halves.run("halves", "--quick").code == 0
    assert halves.run("sync").code == 0
    new = halves.newest().name
    ended = halves.run("diff", KEY, new)
    assert (ended.code, ended.err) == (0, ""), ended
    assert "results: identical (4 trials, " in ended.out
    assert "trace version: 1 -> 2" in ended.out
    assert tags_of(server.runs("halves")[new])["lab.trace_version"] == "2"
    assert halves.run("halves", "--quick", *said({"swapped": True})).code == 0
    assert halves.run("sync").code == 0
    ended = halves.run("diff", KEY, halves.newest().name)
    assert ended.code == 1
    assert "results: differs in 4 of 4 trials, first from step 1 of trial half, seed 0: loss, w" in ended.out
