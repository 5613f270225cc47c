"""Files of operations as anybody may write them: whole ones are compared, all others are refused in one line."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lib.harness.comparing import operations as files
from lib.harness.errors import UserError
from lib.harness.recording import operations
from lib.harness.recording.operations import Operations
from tests.lib.harness.operations.support import ABOUT, RUN

A, B = np.arange(6.0, dtype=np.float32).reshape(2, 3), np.ones(3, np.float32)
Written = tuple[str, dict[str, Any], dict[str, Any], str]
PLAIN: list[Written] = [
    ("product", {"a": A, "b": B}, {"": A @ B}, "first"),
    ("scale", {"x": A @ B, "by": 0.5}, {"": (A @ B) / 2}, "first"),
    ("sum", {"x": (A @ B) / 2}, {"": np.float32(7.5)}, "second"),
]


def write(path: Path, lines: list[Written], **about: Any) -> files.Recording:
    """Write a whole file and read it."""
    with path.open("wb") as stream:
        made = Operations(stream, str(about.pop("run", RUN)), {**ABOUT, **about})
        for name, inputs, outputs, scope in lines:
            made.add(name, operations.values(inputs), operations.values(outputs), scope)
        made.end(logged="l", error="")
    return files.read(path)


def compared(folder: Path, left: list[Written], right: list[Written]) -> files.Difference | None:
    pair = [write(folder / f"{number}.jsonl", lines) for number, lines in enumerate((left, right))]
    return files.first_difference(*pair)


def changed(number: int, **changes: Any) -> list[Written]:
    """The plain operations with one of them changed in its name, inputs, outputs or scope."""
    fields = dict(zip(("name", "inputs", "outputs", "scope"), PLAIN[number], strict=True)) | changes
    return [*PLAIN[:number], tuple(fields.values()), *PLAIN[number + 1 :]]


def test_a_file_says_what_it_has(tmp_path: Path) -> None:
    recording = write(tmp_path / "a.jsonl", PLAIN, processor="P")
    assert (recording.count, len(list(recording.lines()))) == (3, 3)
    assert recording.step == "step 1 of trial planted, seed 0"
    assert recording.header["processor"] == "P"


def test_the_hash_is_of_the_bytes_in_c_order_and_little_endian() -> None:
    expected = hashlib.blake2b(np.array([1, 3, 2, 4], "<i2").tobytes(), digest_size=16).hexdigest()
    array = np.array([[1, 2], [3, 4]], ">i2").T
    assert operations.of(array) == {"dtype": "int16", "shape": [2, 2], "hash": expected}
    assert operations.of(np.array(0.0))["hash"] != operations.of(np.array(-0.0))["hash"]
    assert operations.of(np.float32(1))["shape"] == []
    assert operations.of(0.1 + 0.2) != operations.of(0.3)
    assert operations.of(np.array([None])) == {"dtype": "object", "shape": [1]}


def test_equal_files_are_identical_whatever_their_scopes_are(tmp_path: Path) -> None:
    assert compared(tmp_path, PLAIN, PLAIN) is None
    assert compared(tmp_path, PLAIN, changed(1, scope="elsewhere")) is None


def test_an_operation_with_the_same_inputs_and_another_output_computed_differently(tmp_path: Path) -> None:
    found = compared(tmp_path, PLAIN, changed(1, outputs={"": A @ B}))
    assert found is not None
    assert (found.number, found.inputs, found.outputs) == (1, (), ("",))
    assert str(found) == "operation 1, scale in first: the same inputs, another output: it computed differently"


def test_an_input_that_differs_is_followed_to_what_gave_it(tmp_path: Path) -> None:
    found = compared(tmp_path, PLAIN, changed(1, inputs={"x": A[0], "by": 0.5}))
    assert found is not None
    assert (found.number, found.inputs) == (1, ("x",))
    assert found.given == ("the output of operation 0, product", "the output of no operation before it")
    found = compared(tmp_path, PLAIN, changed(1, inputs={"x": A @ B, "by": 0.25}))
    assert found is not None
    assert str(found).endswith('its input by differed. by is "0x1.0000000000000p-1" in the first file and '
                               '"0x1.0000000000000p-2" in the second')  # fmt: skip
    found = compared(tmp_path, PLAIN, changed(1, inputs={"x": A @ B, "by": 0.5, "more": 1}))
    assert str(found).endswith("its input more differed. more is missing in the first file and 1 in the second")


def test_another_operation_and_one_more_are_named(tmp_path: Path) -> None:
    found = compared(tmp_path, PLAIN, changed(2, name="mean"))
    assert str(found) == "operation 2, sum in second, is mean in the second file: another operation ran"
    for pair in ((PLAIN, PLAIN[:2]), (PLAIN[:2], PLAIN)):
        assert str(compared(tmp_path, *pair)).startswith("operation 2, sum in second, is in one file only")


@pytest.mark.parametrize("about", [{"run": "another"}, {"trial": "adam, seed 3"}, {"step": "2"}])
def test_files_of_two_steps_are_refused(about: dict[str, str], tmp_path: Path) -> None:
    left, right = write(tmp_path / "a", PLAIN), write(tmp_path / "b", PLAIN, **about)
    with pytest.raises(UserError, match="compare two files of one step"):
        files.first_difference(left, right)


def test_a_file_that_is_torn_anywhere_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    write(path, PLAIN)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(UserError, match=r"not whole|no file of"):
            files.read(path)


def test_a_file_with_any_byte_changed_is_refused_or_says_the_same(tmp_path: Path) -> None:
    """Behind the hash there are facts about the step alone, none of them an operation."""
    path = tmp_path / "a.jsonl"
    write(path, PLAIN)
    whole = path.read_bytes()
    hashed = whole.index(b'"logged"')
    for place in range(hashed):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(UserError, match=r"not whole|no file of"):
            files.read(path)


def signed(*lines: bytes) -> bytes:
    """Lines with an end that fits them, as somebody may write who means harm."""
    body = b"".join(line + b"\n" for line in lines)
    end = {"operations": len(lines) - 1, "blake2b": hashlib.blake2b(body, digest_size=16).hexdigest()}
    return body + json.dumps(end).encode() + b"\n"


HEADER = json.dumps({operations.HEADER: RUN, "version": 1, **ABOUT}, separators=(",", ":")).encode()


@pytest.mark.parametrize(
    "line",
    [
        b"[]",
        b"{}",
        b"nonsense",
        b"[" * 100_000,
        b'{"name":1,"scope":"","inputs":[],"outputs":[]}',
        b'{"name":"a","scope":"","inputs":[1],"outputs":[]}',
        b"\xff",
    ],
)
def test_a_line_that_is_no_operation_is_refused(line: bytes, tmp_path: Path) -> None:
    forged = tmp_path / "forged.jsonl"
    forged.write_bytes(signed(HEADER, line))
    left, right = write(tmp_path / "a.jsonl", PLAIN), files.read(forged)
    for pair in ((left, right), (right, left)):
        with pytest.raises(UserError, match="no operation"):
            files.first_difference(*pair)


def test_strange_values_are_compared_without_harm(tmp_path: Path) -> None:
    values: list[dict[str, Any]] = [{"name": {"a": 1}, "hash": 7}, {"name": "\ud800", "hash": "\ud800"}, {}]
    lines = []
    for hashed in (7, 8):
        values[0]["hash"] = hashed
        lines.append(json.dumps({"name": "a", "scope": "\x1b", "inputs": values, "outputs": values}).encode())
    pair = []
    for number, line in enumerate(lines):
        path = tmp_path / f"{number}.jsonl"
        path.write_bytes(signed(HEADER, line))
        pair.append(files.read(path))
    assert str(files.first_difference(*pair)).startswith("operation 0, a")


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"", "no file of"),
        (b'{"key":"a","tags":{}}\n', "no file of"),
        (b'{"step":0,"values":{}}\n', "no file of"),
        (signed(HEADER.replace(b'"version":1', b'"version":2')), "version 2"),
        (signed(HEADER.replace(b'"step":"1"', b'"step":1')), "not whole"),
        (signed(HEADER.replace(b'"version":1', b'"version":"1"')), "not whole"),
        (HEADER + b"\n", "not whole"),
    ],
)
def test_another_file_is_refused(content: bytes, named: str, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(content)
    with pytest.raises(UserError, match=named):
        files.read(path)
    with pytest.raises(UserError, match="no file of"):
        files.read(tmp_path)


def test_a_line_without_an_end_is_not_read_into_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "LONGEST", 1000)
    path = tmp_path / "a.jsonl"
    path.write_bytes(HEADER + b"\n" + b"x" * 2000 + b"\n")
    with pytest.raises(UserError, match="not whole"):
        files.read(path)


def test_nothing_is_written_down_where_nobody_asks() -> None:
    operations.note("alone", {"x": A}, {})
    assert operations.active() is None
    stream = io.BytesIO()
    made = Operations(stream, RUN, ABOUT)
    with operations.recorded(made):
        operations.note("asked for", {"x": A}, {})
    operations.note("alone", {"x": A}, {})
    assert made.count == 1


def test_parts_are_entered_and_left() -> None:
    stream = io.BytesIO()
    made = Operations(stream, RUN, ABOUT)
    made.leave()
    made.enter("outer")
    made.enter("inner")
    assert made.scope == "inner"
    made.leave()
    made.add("a", [], [])
    assert json.loads(stream.getvalue().splitlines()[1])["scope"] == "outer"
