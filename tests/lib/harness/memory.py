"""Whole records whose source is in memory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np

from lib.harness.comparing import comparison
from lib.harness.comparing.records import Record, RecordedTrial
from lib.harness.recording.provenance import archive, sha256_of_files
from lib.harness.recording.trace import (
    canonical,
    digest_of,
    encode,
    parent_digest,
    trace_lines,
    trial_line,
    version_of,
)


def trace(losses: list[float], w: np.ndarray | None = None, accuracy: float = 0.5) -> list[str]:
    """A trial's canonical lines."""
    lines = [canonical({"step": i, "values": {"loss": encode(v), "rate": encode(0.1)}}) for i, v in enumerate(losses)]
    lines.append(canonical({"parameters": {"w": encode(np.zeros((2, 3)) if w is None else w)}}))
    return [*lines, canonical({"measurements": encode({"accuracy": accuracy, "curve": [1.0, 2.0]})})]


@dataclass
class Memory:
    """A record's source that was made up: its files and its trials."""

    files: Mapping[str, bytes]
    recorded: list[RecordedTrial]

    def file(self, name: str) -> bytes | None:
        return self.files.get(name)

    def trials(self) -> list[RecordedTrial]:
        return self.recorded


CODE = {"lib/a.py": b"x = 1\n", "lib/b.py": b"y = 2\n"}
CONFIG = {"epochs": 3, "batch": 16}
ENVIRONMENT = {"packages": {"numpy": "2.0", "torch": "2.13"}, "cpu_flags": ["avx2", "fma"], "python": "3.11"}


def record(
    traces: Mapping[tuple[str, int], list[str]],
    code: Mapping[str, bytes] = CODE,
    config: Mapping[str, Any] = CONFIG,
    environment: Mapping[str, Any] = ENVIRONMENT,
    tags: Mapping[str, str] = MappingProxyType({}),
) -> Record:
    """A whole record with these trials."""
    version = {"lab.trace_version": tags.get("lab.trace_version", "2")}
    trials, in_parent = [], []
    for number, ((variant, seed), lines) in enumerate(traces.items()):
        own = {"lab.variant": variant, "lab.seed": str(seed), "lab.result_digest": digest_of(lines), **version}
        trace = partial(trace_lines, lines)
        trials.append(RecordedTrial(f"key.trial-{number:04d}", own, "FINISHED", trace, b"{}"))
        in_parent.append(trial_line(version_of(own), variant=variant, seed=seed, config=b"{}", digest=digest_of(lines)))
    files = {
        "code.tar.gz": archive(code),
        "config.json": json.dumps(config).encode(),
        "environment.json": json.dumps(environment).encode(),
    }
    digest = parent_digest(in_parent)
    own = {**version, "lab.seed": "0", "lab.code_sha256": sha256_of_files(code), "lab.result_digest": digest}
    usual = dict.fromkeys(comparison.CAUSES, "same") | own
    return Record("key", {**usual, **tags}, {}, "FINISHED", 0, "", Memory(files, trials)).require_whole()


SAME = {("adam", 3): trace([1.0, 0.5, 0.25]), ("sgd", 3): trace([1.0, 0.75, 0.5])}
