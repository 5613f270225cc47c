"""The canonical encoding and the digest, against their published definition and the shell command that checks it."""

import hashlib
import json
import math
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.harness.errors import UserError
from lib.harness.recording.journal import Journal
from lib.harness.recording.reading import read
from lib.harness.recording.recorder import Recorder, plain
from lib.harness.recording.trace import array_record, canonical, encode, parent_digest, trace_lines


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal.create(tmp_path / "trial-0000.jsonl", {"key": "k"})
    journal.files.mkdir()
    yield journal
    journal.close()


def lines_of(journal: Journal) -> list[str]:
    return [canonical(record["record"]) for _, record in read(journal.path) if record["kind"] == "log"]


@given(st.floats(allow_nan=False))
def test_a_number_keeps_every_bit(value: float) -> None:
    text = encode(value)
    assert float.fromhex(text) == value
    assert math.copysign(1, float.fromhex(text)) == math.copysign(1, value)


def test_numbers_that_json_does_not_have() -> None:
    assert [encode(v) for v in (math.inf, -math.inf, math.nan)] == ["inf", "-inf", "nan"]
    assert encode(-0.0) == "-0x0.0p+0"


def test_numbers_of_any_type_are_float64_hexadecimal() -> None:
    assert encode(np.float32(0.1)) == float(np.float32(0.1)).hex() != (0.1).hex()
    assert encode(3) == encode(np.int64(3)) == encode(np.array(3.0)) == "0x1.8000000000000p+1"
    assert encode(True) is True
    assert encode(None) is None
    assert encode({"a": (1, [2.5])}) == {"a": ["0x1.0000000000000p+0", ["0x1.4000000000000p+1"]]}


@pytest.mark.parametrize("value", [object(), 1j, np.array([object()]), {"deep": [set()]}])
def test_what_has_no_canonical_form_is_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        encode(value)


@pytest.mark.parametrize("dtype", ["<f4", "<f8", "<i8", "|u1", "|b1", "<c16"])
def test_an_array_stands_by_dtype_shape_and_bytes(dtype: str) -> None:
    array = np.arange(12).reshape(3, 4).astype(dtype)
    expected = {"dtype": dtype, "shape": [3, 4], "sha256": hashlib.sha256(array.tobytes()).hexdigest()}
    assert array_record(array) == expected
    assert array_record(np.asfortranarray(array)) == expected, "the order in memory is no part of the value"
    assert array_record(array.astype(array.dtype.newbyteorder(">"))) == expected, "nor is the byte order"
    assert array_record(np.repeat(array, 2, axis=0)[::2]) == expected, "nor are strides"
    assert array_record(array.reshape(4, 3))["sha256"] == expected["sha256"]
    assert array_record(array.reshape(4, 3)) != expected


def test_every_dtype_is_told_apart() -> None:
    zeros = [array_record(np.zeros(2, dtype)) for dtype in ("f4", "f8", "i4", "i8")]
    assert len({canonical(z) for z in zeros}) == 4


@given(st.lists(st.floats(width=32), min_size=1, max_size=8), st.data())
def test_one_bit_changes_the_record(values: list[float], data: st.DataObject) -> None:
    array = np.array(values, np.float32)
    bit = data.draw(st.integers(0, array.nbytes * 8 - 1))
    raw = bytearray(array.tobytes())
    raw[bit // 8] ^= 1 << bit % 8
    other = np.frombuffer(bytes(raw), np.float32)
    assert array_record(array)["sha256"] != array_record(other)["sha256"]


def test_the_canonical_line() -> None:
    line = canonical({"values": {"b": "ü", "a": 1}, "step": 0})
    assert line == '{"step":0,"values":{"a":1,"b":"\\u00fc"}}'


def test_the_digest_is_what_the_published_command_prints(journal: Journal, tmp_path: Path) -> None:
    recorder = Recorder(journal)
    for step in range(25):
        recorder(step, loss=0.1 * step, w=np.arange(step + 1.0))
        recorder.timing(step, seconds=1e-3 * step)
    recorder.parameters({"w": np.eye(2, dtype=np.float32)})
    recorder.measurements({"accuracy": 0.1, "capped": math.inf, "text": '{"digest" in a text'})
    trace = tmp_path / "trace.jsonl"
    trace.write_text("".join(trace_lines(lines_of(journal))), encoding="ascii")
    shell = "grep -v '^{\"digest\"' trace.jsonl | sha256sum"
    printed = subprocess.run(shell, shell=True, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert printed.split()[0] == recorder.digest

    lines = trace.read_text(encoding="ascii").splitlines()
    checkpoints = [json.loads(line) for line in lines if line.startswith('{"digest"')]
    assert [c["line"] for c in checkpoints] == [10, 20]
    kept = [line for line in lines if not line.startswith('{"digest"')]
    for checkpoint in checkpoints:
        so_far = "".join(line + "\n" for line in kept[: checkpoint["line"]])
        assert hashlib.sha256(so_far.encode()).hexdigest() == checkpoint["digest"]


def digest_of(folder: Path, name: str, *, loss: float = 1.0, w: float = 1.0, seconds: float = 1.0) -> str:
    journal = Journal.create(folder / f"{name}.jsonl", {"key": name})
    journal.files.mkdir()
    recorder = Recorder(journal)
    recorder(1, loss=loss)
    recorder.timing(1, seconds=seconds)
    recorder.parameters({"w": np.array([w])})
    recorder.measurements({"loss": loss})
    journal.end("FINISHED")
    return recorder.digest


def test_the_last_bit_changes_the_digest_and_timings_do_not(tmp_path: Path) -> None:
    first = digest_of(tmp_path, "first")
    assert digest_of(tmp_path, "again", seconds=2.0) == first
    assert digest_of(tmp_path, "loss", loss=math.nextafter(1.0, 2.0)) != first
    assert digest_of(tmp_path, "w", w=math.nextafter(1.0, 2.0)) != first


def test_the_parents_digest_is_over_its_childrens_sorted() -> None:
    children = [hashlib.sha256(name).hexdigest() for name in (b"a", b"b", b"c")]
    shell = "sort | sha256sum"
    text = "".join(f"{child}\n" for child in children)
    printed = subprocess.run(shell, shell=True, input=text, capture_output=True, text=True, check=True, env={}).stdout
    assert parent_digest(children) == parent_digest(reversed(children)) == printed.split()[0]
    assert parent_digest(children[:2]) != parent_digest(children)


def test_parameters_and_measurements_can_be_read_back(journal: Journal) -> None:
    recorder = Recorder(journal)
    w = np.linspace(0, 1, 7, dtype=np.float32)
    recorder.parameters({"layer/w": w})
    with np.load(journal.files / "model" / "parameters.npz", allow_pickle=False) as saved:
        assert saved["layer/w"].dtype == np.float32
        assert np.array_equal(saved["layer/w"], w)
    recorder.measurements(plain({"path": w.astype(float), "n": np.int32(3), "bad": np.array([np.inf, np.nan])}))
    saved = json.loads((journal.files / "measurements.json").read_text(), parse_constant=pytest.fail)
    assert saved == {"path": w.astype(float).tolist(), "n": 3, "bad": ["inf", "nan"]}


@pytest.mark.parametrize("name", ["loss@10", "", "/a", "a//b", "../a", "a\nb", "ünfug!"])
def test_a_name_that_mlflow_would_refuse_fails_at_once(journal: Journal, name: str) -> None:
    recorder, values = Recorder(journal), dict[str, Any]({name: 1.0})
    records: list[Callable[[], None]] = [
        lambda: recorder(0, **values),
        lambda: recorder.timing(**values),
        lambda: recorder.parameters({name: np.zeros(1)}),
        lambda: recorder.measurements(values),
    ]
    for record in records:
        with pytest.raises(UserError, match="MLflow would refuse the name"):
            record()
