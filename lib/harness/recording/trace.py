"""The trace of a trial and its digest: what two runs are compared by.

A trace is a list of canonical records, one line of JSON each (keys sorted, no spaces, ASCII, newline at the end):

- ``{"step":7,"values":{"loss":"0x1.8p-1"}}`` for each call of the log
- ``{"parameters":{"w":{"dtype":"<f4","sha256":"…","shape":[5,5]}}}`` for the final parameters
- ``{"measurements":{…}}`` for what the trial returned

Values that differ have records that differ:

- A number is float64 in C's hexadecimal notation (``float.hex``; ``inf``, ``-inf``; ``nan`` for every NaN). An integer
  that float64 does not hold is ``{"i":"0x20000000000001"}``.
- A text is ``{"t":"…"}``; ``true``, ``false`` and ``null`` are what they are in JSON.
- An array stands by its dtype, shape and the SHA-256 of its bytes in C order, little-endian; so the bits of its NaNs
  count.
- Lists (tuples) and mappings are taken piecewise. Keys are texts: 1 is "1". A mapping whose only key is ``i``, ``t`` or
  ``m`` is ``{"m":{…}}``, as it would look like one of the marks above.

What has no exact form, such as a structured array or a long double, is refused (`NotExactError`).

The digest of a trial is the SHA-256 of the lines. ``trace.jsonl`` holds them, with a line ``{"digest":"…","line":n}``
of the digest so far after every tenth; so

    grep -v '^{"digest"' trace.jsonl | sha256sum

computes it again. The digest of a parent is that of a line for each trial that has ended well (`trial_line`), sorted.
MLflow's metrics are never compared: MLflow stores infinity as 1.8e308.

All this is version 2, and a run says so (`VERSION_TAG`). One that does not is of version 1, whose numbers and arrays
were the same; texts had no mark, integers were rounded to float64, and a parent's lines were its trials' digests alone.
"""

from __future__ import annotations

import hashlib
import json
import math
import operator
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

import numpy as np

from lib.harness.errors import UserError

VERSION_TAG = "lab.trace_version"
VERSION = "2"
VERSIONS = ("1", VERSION)
DIGEST_EVERY = 10
NUMBER = re.compile(r"-?(0x[01]\.[0-9a-f]+p[+-][0-9]+|inf)|nan")
"""The texts of `float.hex`."""
INTEGER = re.compile(r"-?0x[0-9a-f]+")
"""The texts of `hex`."""
MARKS = ("i", "t", "m")
MOST_AXES = 64  # NumPy's limit
LARGEST_STEP = 1 << 53  # what an export of the run may have; MLflow's own limit is 2**63
GROUPS = ("values", "parameters", "measurements")
"""What a record has values of."""
FINAL = "final/"
"""Before the name of a measurement among MLflow's metrics."""
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"))
_DIGEST_LINE = '{"digest"'


class NotExactError(UserError, TypeError):
    """A value has no exact form in a trace."""

    def __init__(self, name: str, what: str, remedy: str):
        super().__init__(f"'{name}' cannot be recorded exactly: it is {what}; {remedy}")


class Digest:
    """The digest of a trace, line by line."""

    def __init__(self) -> None:
        self._sha256 = hashlib.sha256()

    def add(self, line: str) -> None:
        """Add a canonical line."""
        self._sha256.update(line.encode() + b"\n")

    def __str__(self) -> str:
        return self._sha256.hexdigest()


def digest_of(lines: Iterable[str]) -> str:
    """The digest of a trace's canonical lines."""
    digest = Digest()
    for line in lines:
        digest.add(line)
    return str(digest)


def canonical(record: Mapping[str, Any]) -> str:
    """The canonical line of a record, without its newline."""
    return _ENCODER.encode(record)


def step_record(step: int, values: Mapping[str, Any]) -> dict[str, Any]:
    """The record of one call of the log. Raises `NotExactError`."""
    return {"step": whole(step), "values": {name: encode(value, name) for name, value in values.items()}}


def whole(step: int) -> int:
    """This step as a whole number. Raises `NotExactError` for 2.7, and for a number that MLflow has no place for."""
    number = int(step)
    if number != step or abs(number) >= LARGEST_STEP:
        raise NotExactError("step", f"the number {step}", "count steps in whole numbers, below 2**53")
    return number


def parameters_record(arrays: Mapping[str, Any]) -> dict[str, Any]:
    """The record of the final parameters. Raises `NotExactError`."""
    return {"parameters": {name: array_record(array, name) for name, array in arrays.items()}}


def measurements_record(measurements: Mapping[str, Any]) -> dict[str, Any]:
    """The record of what a trial returned. Raises `NotExactError`."""
    return {"measurements": {name: encode(value, name) for name, value in measurements.items()}}


def encode(value: Any, name: str = "value") -> Any:
    """A value in canonical form. `name`: that of the value for a user.

    Raises:
        NotExactError: the value, or a part of it, has no exact form.
    """
    if isinstance(value, np.ndarray) and value.ndim:
        return array_record(value, name)
    if isinstance(value, (np.ndarray, np.generic)):
        value = exact(value, name, kinds="biufU").item()
    match value:
        case float():
            encoded: Any = float(value).hex()
        case None | bool():
            encoded = value
        case str():
            encoded = {"t": _text(value, name)}
        case Mapping():
            parts = {key: encode(part, f"{name}.{key}") for key, part in text_keys(value, name).items()}
            encoded = {"m": parts} if len(parts) == 1 and parts.keys() <= set(MARKS) else parts
        case list() | tuple():
            encoded = [encode(part, f"{name}[{place}]") for place, part in enumerate(value)]
        case int():
            encoded = _integer(value)
        case _:
            encoded = _number(value, name)
    return encoded


def decode(encoded: Any) -> Any:
    """The value of a canonical form; integers that float64 holds come back as floats, tuples as lists.

    Raises:
        ValueError: an array, of which a trace has no more than the hash; or what is no canonical form.
    """
    match encoded:
        case None | bool():
            value: Any = encoded
        case str() if NUMBER.fullmatch(encoded):
            value = float.fromhex(encoded)
        case {"t": str(text), **others} if not others:
            value = text
        case {"i": str(digits), **others} if INTEGER.fullmatch(digits) and not others:
            value = int(digits, 16)
        case {"m": dict(parts), **others} if not others:
            value = {key: decode(part) for key, part in parts.items()}
        case dict() if len(encoded) != 1 or encoded.keys().isdisjoint(MARKS):
            value = {key: decode(part) for key, part in encoded.items()}
        case list():
            value = [decode(part) for part in encoded]
        case _:
            raise ValueError(f"no canonical form of a value: {encoded}")
    return value


def metric(encoded: Any) -> float | None:
    """The number that a canonical form, of either version, stands for as a metric; None for anything else."""
    match encoded:
        case bool():
            return float(encoded)
        case str() if NUMBER.fullmatch(encoded):
            return float.fromhex(encoded)
        case {"i": str(digits), **others} if INTEGER.fullmatch(digits) and not others:
            try:
                return float(int(digits, 16))
            except OverflowError:
                return -math.inf if digits.startswith("-") else math.inf
    return None


def text_keys(mapping: Mapping[Any, Any], name: str) -> dict[str, Any]:
    """A mapping with texts as keys. Raises `NotExactError` where two keys are one as texts."""
    texts = {_text(str(key), name): part for key, part in mapping.items()}
    if len(texts) < len(mapping):
        twice = next(key for key in texts if sum(str(other) == key for other in mapping) > 1)
        raise NotExactError(name, f"a mapping with two keys that read '{twice}'", "rename one of them")
    return texts


def array_record(array: Any, name: str = "array") -> dict[str, Any]:
    """An array by its dtype, shape and the SHA-256 of its bytes in C order, little-endian.

    Raises:
        NotExactError: its bytes are not its value: those of Python objects, of fields with names, of long doubles.
    """
    array = np.asarray(exact(array, name))
    little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    digest = hashlib.sha256(little.tobytes()).hexdigest()
    return {"dtype": little.dtype.str, "shape": list(array.shape), "sha256": digest}


def is_array(encoded: Mapping[str, Any]) -> bool:
    """Return whether a canonical form is that of an array; no other mapping has integers, as its shape is of."""
    if encoded.keys() != {"dtype", "shape", "sha256"}:
        return False
    shape = encoded["shape"]
    whole = isinstance(shape, list) and all(type(length) is int and 0 <= length < 2**63 for length in shape)
    return whole and len(shape) <= MOST_AXES


def exact(array: Any, name: str, kinds: str = "biufcUSMm") -> Any:
    """This array, or scalar of NumPy. Raises `NotExactError` unless its bytes are its value, and of one of `kinds`."""
    if isinstance(array, np.ma.MaskedArray):
        raise NotExactError(name, "a masked array", "use .filled(value), and .mask for its mask")
    dtype = array.dtype if isinstance(array, (np.ndarray, np.generic)) else np.asarray(array).dtype
    if dtype.names:
        raise NotExactError(name, f"of a dtype with the fields {', '.join(dtype.names)}", "record each field by itself")
    if dtype.char in "gG":
        raise NotExactError(name, f"a {dtype.name}, whose bytes have padding", "use .astype() with a shorter dtype")
    if dtype.kind not in kinds or dtype.hasobject:
        raise NotExactError(name, f"of dtype {dtype.name}", "convert it to numbers first, as with .astype(np.float32)")
    return array


def _text(text: str, name: str) -> str:
    """This text. Raises `NotExactError` unless it is Unicode, as halves of surrogate pairs are not."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise NotExactError(name, "a text with half of a surrogate pair", "replace that character") from None
    return str(text)


def _integer(value: int) -> Any:
    try:
        number = float(value)
    except OverflowError:
        return {"i": hex(value)}
    return number.hex() if number == value else {"i": hex(value)}


def _number(value: Any, name: str) -> Any:
    """The canonical form of an object of another library that stands for a number, as a tensor of one element."""
    with suppress(TypeError, RuntimeError):
        return _integer(operator.index(value))
    with suppress(TypeError, ValueError, RuntimeError, OverflowError):
        number = float(value)
        if number == value or math.isnan(number):
            return number.hex()
    raise NotExactError(name, f"a {type(value).__name__}", "use numbers, texts, lists, mappings or arrays")


def trace_lines(lines: Iterable[str]) -> Iterator[str]:
    """The lines of ``trace.jsonl`` for canonical lines: with the digest so far after every tenth."""
    digest = Digest()
    for number, line in enumerate(lines, start=1):
        digest.add(line)
        yield line + "\n"
        if number % DIGEST_EVERY == 0:
            yield canonical({"digest": str(digest), "line": number}) + "\n"


def trace_of(lines: Iterable[str]) -> Iterator[str]:
    """The canonical lines of a ``trace.jsonl``, without newlines. `lines`: all that it has, each with its newline."""
    return (line.removesuffix("\n") for line in lines if not line.startswith(_DIGEST_LINE))


def record_of(line: str) -> dict[str, Any] | None:
    """The record of a canonical line; None of a line that is none, as no line of a whole trace is."""
    try:
        record: dict[str, Any] = json.loads(line)
        if canonical(record) != line:
            return None
    except (ValueError, RecursionError):
        return None
    match record:
        case {"step": int(), "values": dict(), **others} | {"parameters": dict(), **others}:
            return None if others else record
        case {"measurements": dict(), **others}:
            return None if others else record
    return None


def first_broken(lines: Iterable[str]) -> list[str]:
    """The first lines of a ``trace.jsonl`` whose digest is not the one that stands below them; none where all agree."""
    digest, number, unproved = Digest(), 0, list[str]()
    for line in (each.removesuffix("\n") for each in lines):
        if not line.startswith(_DIGEST_LINE):
            digest.add(line)
            number += 1
            unproved.append(line)
            if len(unproved) > DIGEST_EVERY:  # a digest is missing: the first and the last lines say where
                del unproved[1]
        elif line == canonical({"digest": str(digest), "line": number}):
            unproved.clear()
        else:
            return unproved
    return []


def version_of(tags: Mapping[str, str]) -> str:
    """The version of a run's traces and digest, by its tags. Raises `UserError` for one that is not known yet."""
    version = tags.get(VERSION_TAG, "1")
    if version not in VERSIONS:
        raise UserError(
            f"{VERSION_TAG} is '{version}', and this clone knows {' and '.join(VERSIONS)}: git pull, then try again"
        )
    return version


def trial_line(version: str, *, variant: str, seed: int, config: bytes, digest: str) -> str:
    """A trial's line in its parent's digest. `config`: its ``config.json``; `digest`: that of its trace."""
    if version == "1":
        return digest
    sha256 = hashlib.sha256(config).hexdigest()
    return canonical({"config": sha256, "digest": digest, "seed": seed, "variant": variant})


def parent_digest(trials: Iterable[str]) -> str:
    """The digest of a parent run from the lines of its trials, in whatever order."""
    return digest_of(sorted(trials))
