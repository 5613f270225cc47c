"""The trace of a trial and its digest: what two runs are compared by.

A trace is a list of canonical records, one line of JSON each (keys sorted, no spaces, ASCII, newline at the end):

- ``{"step":7,"values":{"loss":"0x1.8p-1"}}`` for each call of the log
- ``{"parameters":{"w":{"dtype":"<f4","sha256":"…","shape":[5,5]}}}`` for the final parameters
- ``{"measurements":{…}}`` for what the trial returned

Numbers are float64 in C's hexadecimal notation (``float.hex``; ``inf``, ``-inf``, ``nan``), so no digit is lost. An
array stands by its dtype, shape and the SHA-256 of its bytes in C order, little-endian. The digest of a run is the
SHA-256 of the lines. ``trace.jsonl`` holds them, with a line ``{"digest":"…","line":n}`` of the digest so far after
every tenth; so

    grep -v '^{"digest"' trace.jsonl | sha256sum

computes it again. The digest of a parent is the SHA-256 of its trials' digests, sorted, one per line (of a trial
that ran more than once, the last attempt's). MLflow's metrics are never compared: MLflow stores infinity as 1.8e308.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

DIGEST_EVERY = 10
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


def canonical(record: Mapping[str, Any]) -> str:
    """The canonical line of a record, without its newline."""
    return _ENCODER.encode(record)


def encode(value: Any) -> Any:
    """A value in canonical form: numbers as hexadecimal text, arrays by their hash, lists and mappings piecewise.

    Raises:
        TypeError: the value is none of these.
    """
    if isinstance(value, np.ndarray) and value.ndim:
        return array_record(value)
    if isinstance(value, (bool, str)) or value is None:
        return value
    if isinstance(value, Mapping):
        return {str(k): encode(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [encode(v) for v in value]
    return float(value).hex()


def array_record(array: np.ndarray) -> dict[str, Any]:
    """An array by its dtype, shape and the SHA-256 of its bytes in C order, little-endian.

    Raises:
        TypeError: an array of Python objects, whose bytes are addresses.
    """
    if array.dtype.hasobject:
        raise TypeError("an array of Python objects has no canonical form")
    little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    digest = hashlib.sha256(little.tobytes()).hexdigest()
    return {"dtype": little.dtype.str, "shape": list(array.shape), "sha256": digest}


def trace_lines(lines: Iterable[str]) -> Iterable[str]:
    """The lines of ``trace.jsonl`` for canonical lines: with the digest so far after every tenth."""
    digest = hashlib.sha256()
    for number, line in enumerate(lines, start=1):
        digest.update(line.encode() + b"\n")
        yield line + "\n"
        if number % DIGEST_EVERY == 0:
            yield canonical({"digest": digest.hexdigest(), "line": number}) + "\n"


def first_broken(text: str) -> list[str]:
    """The first lines of a ``trace.jsonl`` whose digest is not the one that stands below them; none where all agree."""
    digest, number, lines = hashlib.sha256(), 0, list[str]()
    for line in text.splitlines():
        if not line.startswith('{"digest"'):
            digest.update(line.encode() + b"\n")
            number += 1
            lines.append(line)
        elif line == canonical({"digest": digest.hexdigest(), "line": number}):
            lines.clear()
        else:
            return lines
    return []


def parent_digest(children: Iterable[str]) -> str:
    """The digest of a parent run from those of its children."""
    return hashlib.sha256("".join(f"{digest}\n" for digest in sorted(children)).encode()).hexdigest()
