"""The canonical encoding: values that differ have records that differ, and what has no exact record is refused."""

import hashlib
import json
import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.harness.errors import UserError
from lib.harness.recording.recorder import plain
from lib.harness.recording.trace import (
    NotExactError,
    array_record,
    canonical,
    decode,
    encode,
    measurements_record,
    metric,
    parameters_record,
    record_of,
    step_record,
)


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


def test_booleans_are_the_same_from_python_and_numpy_and_no_numbers() -> None:
    for value in (True, False):
        assert encode(np.bool_(value)) is encode(np.array(value)) is encode(value) is value
        assert canonical({"a": encode(value)}) != canonical({"a": encode(int(value))})
        assert metric(encode(value)) == float(value)


def test_every_nan_is_one_number_and_its_bits_count_in_an_array() -> None:
    payloads = np.array([0x7FF8000000000000, 0x7FF8000000000001, 0xFFF8000000000000], np.uint64).view(np.float64)
    assert {encode(value) for value in payloads} == {"nan"}
    assert len({canonical(array_record(payloads[[place]])) for place in range(3)}) == 3


INTEGERS = (2**53 - 1, 2**53, 2**53 + 1, 2**60, 2**60 + 1, 2**64 - 1, -(2**63) - 1, 10**400, 10**400 + 1)


def test_integers_are_exact_however_large() -> None:
    encoded = [encode(value) for value in INTEGERS]
    assert len({canonical({"a": each}) for each in encoded}) == len(INTEGERS)
    assert [decode(each) for each in encoded] == list(INTEGERS)
    assert encode(2**60) == encode(2.0**60), "what float64 holds is a number like any other"
    array = np.array([2**64 - 1, 2**53 + 1, 3], np.uint64)
    assert decode(encode(plain(array))) == [2**64 - 1, 2**53 + 1, 3]
    assert encode(array[0]) == encode(np.array(array[0])) == {"i": "0xffffffffffffffff"}
    assert (metric(encode(2**64 - 1)), metric(encode(10**400)), metric(encode(-(10**400)))) == (
        2.0**64,
        math.inf,
        -math.inf,
    )


def test_numbers_of_other_libraries_are_exact_or_refused() -> None:
    torch = pytest.importorskip("torch")
    assert encode(torch.tensor(0.1)) == encode(np.float32(0.1))
    assert encode(torch.tensor([float("nan")])) == "nan"
    assert encode(torch.tensor(2**53 + 1)) == encode(2**53 + 1)
    assert encode(Fraction(1, 4)) == encode(Decimal("0.25")) == encode(0.25)
    for value in (Fraction(1, 3), Decimal("0.1"), torch.zeros(2), torch.tensor(1j)):
        with pytest.raises(NotExactError, match="'rate' cannot be recorded exactly"):
            step_record(0, {"rate": value})


LEAVES = (
    st.none()
    | st.booleans()
    | st.floats()
    | st.integers()
    | st.text()
    | st.sampled_from([*INTEGERS, 0, 1, -0.0, 1.0, "", "nan", "inf", "0x1.0000000000000p+0", "true", "0x3", "t"])
)
KEYS = st.text(max_size=3) | st.sampled_from(["t", "i", "m", "dtype", "shape", "sha256"])
VALUES = st.recursive(LEAVES, lambda part: st.lists(part, max_size=3) | st.dictionaries(KEYS, part, max_size=3))


def meaning(value: Any) -> tuple[str, Any]:
    """A value by which two of them are compared: texts, booleans and numbers are of different kinds."""
    kind: str
    content: Any
    match value:
        case list() | tuple():
            kind, content = "list", tuple(map(meaning, value))
        case dict():
            kind, content = "mapping", frozenset((key, meaning(part)) for key, part in value.items())
        case float() if math.isnan(value):
            kind, content = "number", "nan"
        case float() | int() if not isinstance(value, bool):
            kind, content = "number", value or (0, math.copysign(1, value))
        case _:
            kind, content = type(value).__name__, value
    return kind, content


@given(VALUES)
def test_decoding_gives_the_value_back(value: Any) -> None:
    line = canonical({"a": encode(value)})
    assert meaning(decode(json.loads(line)["a"])) == meaning(value)


@given(VALUES, VALUES)
def test_values_that_differ_have_records_that_differ(left: Any, right: Any) -> None:
    records = [canonical(measurements_record({"a": value})) for value in (left, right)]
    assert (records[0] == records[1]) == (meaning(left) == meaning(right))
    assert all(map(record_of, records))


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("nan", math.nan),
        ("0x1.0000000000000p+0", 1.0),
        (2**53, 2**53 + 1),
        ([2**64 - 1], [2.0**64]),
        ({"t": 1.0}, "0x1.0000000000000p+0"),
        ({"t": "a"}, "a"),
        ({"i": "0x20000000000001"}, 2**53 + 1),
        ({"m": {"t": 1.0}}, {"t": 1.0}),
        ({"dtype": "<f8", "shape": [0], "sha256": hashlib.sha256().hexdigest()}, np.zeros(0)),
        (np.array(["a", "b"]), ["a", "b"]),
        (True, 1),
        (None, "null"),
    ],
)
def test_what_looks_alike_is_told_apart(left: Any, right: Any) -> None:
    assert canonical({"a": encode(left)}) != canonical({"a": encode(right)})


REFUSED: list[tuple[Any, str]] = [
    (object(), "a object"),
    (1j, "complex"),
    (np.complex64(1), "complex64"),
    (b"1.5", "bytes"),
    (np.datetime64("2026-01-01"), "datetime64"),
    (np.longdouble(1), "padding"),
    (np.array(1, np.longdouble), "padding"),
    (np.zeros(2, np.longdouble), "padding"),
    (np.zeros(2, np.clongdouble), "padding"),
    (np.zeros(2, [("x", "<f4"), ("y", "<f4")]), "fields x, y"),
    (np.zeros(1, "V8"), "void"),
    (np.array([object()]), "object"),
    (np.ma.masked_array([1.0, 2.0], [False, True]), "masked"),
    (np.ma.masked, "masked"),
    ("\ud800", "surrogate"),
    ({"\udc00": 1}, "surrogate"),
    ({1: 0.5, "1": 0.25}, "two keys that read '1'"),
    ({"deep": [{"deeper": {None: 1, "None": 2}}]}, "two keys that read 'None'"),
    ({"deep": [set()]}, "a set"),
]


@pytest.mark.parametrize(("value", "reason"), REFUSED)
def test_what_has_no_exact_record_is_refused_in_one_line(value: Any, reason: str) -> None:
    with pytest.raises(NotExactError) as refusal:
        step_record(0, {"points": value})
    (line,) = str(refusal.value).splitlines()
    assert line.startswith("'points")
    assert reason in line
    assert isinstance(refusal.value, UserError)


def test_measurements_and_parameters_without_an_exact_form_are_refused() -> None:
    points = np.zeros(2, [("x", "<f4"), ("y", "<f4")])
    for value in (points, points[0], np.ma.masked_array([1.0], [True]), {1: 0.5, "1": 0.25}):
        with pytest.raises(NotExactError):
            plain({"points": value})
        if not isinstance(value, dict):
            with pytest.raises(NotExactError):
                parameters_record({"points": value})
    assert plain({"rates": {0.1: np.float32(0.5)}}) == {"rates": {"0.1": 0.5}}


def test_a_step_is_a_whole_number() -> None:
    assert step_record(np.int64(2), {}) == step_record(2.0, {}) == {"step": 2, "values": {}}  # type: ignore[arg-type]
    with pytest.raises(NotExactError, match=r"the number 2\.7"):
        step_record(2.7, {})  # type: ignore[arg-type]


@pytest.mark.parametrize("step", [2**53, -(2**53), 2**70, 1e300])
def test_a_step_that_mlflow_or_an_export_cannot_have_is_refused(step: Any) -> None:
    """The run could be recorded and never be sent; of a timing the journal itself could not be read."""
    assert step_record(2**53 - 1, {}) == {"step": 2**53 - 1, "values": {}}
    with pytest.raises(NotExactError, match=r"'step' cannot be recorded exactly: .* below 2"):
        step_record(step, {})


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
