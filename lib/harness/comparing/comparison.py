"""Two recorded runs compared: bit by bit, step by step, and what else about them differs."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lib.harness.comparing.records import Child, Record
from lib.harness.comparing.version_1 import as_version_1
from lib.harness.recording.trace import GROUPS, VERSION_TAG, is_array

CAUSES = {
    "lab.image": "the image",
    "lab.lock_sha256": "the lock",
    "lab.code_sha256": "the code",
    "lab.data_sha256": "the data",
    "lab.cpu": "the CPU model",
    "lab.gpu": "the GPU",
    "lab.threads": "the number of threads",
    "lab.portable": "the code paths (--portable)",
}
"""What can change bits, by the tag that records it."""
TOLD = {
    "lab.image": "image",
    "lab.lock_sha256": "lock",
    "lab.gpu": "GPU",
    "lab.threads": "number of threads",
    "lab.portable": "--portable",
    "lab.scope": "scope",
    VERSION_TAG: "trace version",
}
"""What `described` says of the environment besides packages, by the tag that records it."""
USUAL = {"lab.portable": "false", VERSION_TAG: "1"}
"""The values of tags that older records do not have."""
IGNORED = ("batch",)
"""Fields of the config that no trial depends on."""


@dataclass(frozen=True)
class Difference:
    """The first place where two trials differ. `step`: None outside a step; `names`: the values that differ there."""

    trial: str
    step: int | None
    names: list[str]

    def __str__(self) -> str:
        where = f"step {self.step} of trial" if self.step is not None else "the end of trial"
        return f"{where} {self.trial}: {', '.join(self.names)}"


@dataclass(frozen=True)
class Comparison:
    """The comparison of the results of two runs. `values`: number of compared values in the first run's traces."""

    trials: int
    values: int
    differences: list[Difference]
    missing: list[str]

    @property
    def identical(self) -> bool:
        """Return whether both runs have the same trials, with the same bits."""
        return not (self.differences or self.missing)

    def __str__(self) -> str:
        if self.identical:
            return f"identical ({self.trials} trials, {self.values:,} values)"
        parts = []
        if self.differences:
            count = f"{len(self.differences)} of {self.trials} trials"
            parts.append(f"differs in {count}, first from {self.differences[0]}")
        if self.missing:
            parts.append(f"{len(self.missing)} trials are in one run only, the first is {self.missing[0]}")
        return "; ".join(parts)


def compare(first: Record, second: Record) -> Comparison:
    """Compare the traces of all trials of two runs; of two trace versions, as far as version 1 tells values apart."""
    names = [*first.children, *(name for name in second.children if name not in first.children)]
    differences, missing = [], []
    values = 0
    for name in names:
        one, other = first.children.get(name), second.children.get(name)
        if one is None or other is None:
            missing.append((one or other or _nothing()).name)
            continue
        if first.version != second.version:
            one, other = as_version_1(one, first.version), as_version_1(other, second.version)
        values += sum(_count(json.loads(line)) for line in one.trace)
        if one.digest != other.digest:
            differences.append(first_difference(one, other))
    return Comparison(len(names), values, differences, missing)


def _nothing() -> Child:
    raise AssertionError("a name comes from one of the two")


def first_difference(one: Child, other: Child) -> Difference:
    """Return the first place where the traces of two trials differ."""
    for left, right in zip(one.trace, other.trace, strict=False):
        if left != right:
            a, b = json.loads(left), json.loads(right)
            if a.get("step") == b.get("step") and a.keys() == b.keys():
                names = [name for group in GROUPS for name in _unequal(a, b, group)]
                return Difference(one.name, a.get("step"), names)
            return Difference(one.name, a.get("step", b.get("step")), ["what was logged"])
    shorter, longer = sorted((one.trace, other.trace), key=len)
    rest = json.loads(longer[len(shorter)])
    ended = f"one run stops here ({one.status}, {other.status})"
    return Difference(one.name, rest.get("step"), [ended])


def _unequal(a: Mapping[str, Any], b: Mapping[str, Any], group: str) -> list[str]:
    left, right = a.get(group, {}), b.get(group, {})
    return [name for name in sorted(left.keys() | right.keys()) if left.get(name) != right.get(name)]


def _count(value: Any) -> int:
    """Count the values of a record; an array counts its elements."""
    if isinstance(value, Mapping):
        if is_array(value):
            return math.prod(value["shape"])
        return sum(_count(v) for k, v in value.items() if k != "step")
    if isinstance(value, list):
        return sum(map(_count, value))
    return 1


def causes(first: Record, second: Record) -> list[str]:
    """List the differences between the surroundings of two runs that can change bits."""
    differences = [CAUSES[tag] for tag in _unequal_tags(first, second, *CAUSES)]
    flags = [set(record.environment.get("cpu_flags", [])) for record in (first, second)]
    if first.tags.get("lab.cpu") == second.tags.get("lab.cpu") and flags[0] != flags[1]:
        differences.append("the CPU's features")
    return differences


def _unequal_tags(first: Record, second: Record, *tags: str) -> list[str]:
    """Those of the tags that differ; a record of before a tag was made has its usual value."""
    return [tag for tag in tags if first.tags.get(tag, USUAL.get(tag)) != second.tags.get(tag, USUAL.get(tag))]


def config_changes(first: Record, second: Record) -> list[str]:
    """The fields of the configs that differ, a line each; the root seed is one of them, and what a sweep was asked."""
    one, other = ({**r.config, "root seed": r.tags["lab.seed"], **_sweep(r)} for r in (first, second))
    names = [name for name in {**one, **other} if name not in IGNORED and one.get(name) != other.get(name)]
    return [f"{name}: {json.dumps(one.get(name))} -> {json.dumps(other.get(name))}" for name in names]


def _sweep(record: Record) -> dict[str, str]:
    """The options of a sweep, and those of ``--space`` by field; empty for another run."""
    _, *words = json.loads(record.tags.get("lab.sweep", '[""]'))
    options = {}
    for option, value in zip(words[::2], words[1::2], strict=True):
        if option == "--space":
            field, _, values = value.partition("=")
            options[f"{option} {field}"] = values
        else:
            options[option] = value
    return options


def package_changes(first: Record, second: Record) -> list[str]:
    """The packages whose versions differ, a line each; Python, system and CPU features too."""
    one, other = (r.environment for r in (first, second))
    lines = [
        f"{name}: {one.get(name)} -> {other.get(name)}"
        for name in ("python", "system", "cpu", "cpu_count")
        if one.get(name) != other.get(name)
    ]
    left, right = one.get("packages", {}), other.get("packages", {})
    names = [name for name in sorted({**left, **right}) if left.get(name) != right.get(name)]
    lines += [f"{name}: {left.get(name, 'not there')} -> {right.get(name, 'not there')}" for name in names]
    changed = set(one.get("cpu_flags", [])) ^ set(other.get("cpu_flags", []))
    return lines + ([f"CPU features in one only: {', '.join(sorted(changed))}"] if changed else [])


def code_changes(first: Record, second: Record) -> Iterator[str]:
    """The differences of the code that ran, as a unified diff."""
    for name in sorted({**first.code, **second.code}):
        one, other = (r.code.get(name, b"").decode("utf-8").splitlines() for r in (first, second))
        if one != other:
            yield from difflib.unified_diff(one, other, f"{first.key}/{name}", f"{second.key}/{name}", lineterm="")


def described(first: Record, second: Record) -> Iterator[str]:
    """All that differs between two runs, in lines: code, config, environment, data, results."""
    code = list(code_changes(first, second))
    yield from _section("code", code)
    yield from _section("config", config_changes(first, second))
    images = [
        f"{TOLD[tag]}: {first.tags.get(tag, USUAL.get(tag))} -> {second.tags.get(tag, USUAL.get(tag))}"
        for tag in _unequal_tags(first, second, *TOLD)
    ]
    yield from _section("environment", [*images, *package_changes(first, second)])
    data = [record.tags["lab.data_sha256"] for record in (first, second)]
    yield from _section("data", [] if data[0] == data[1] else [" -> ".join(data)])
    results = compare(first, second)
    yield f"results: {results}"
    yield from (f"  {difference}" for difference in results.differences[1:20])


def _section(name: str, lines: list[str]) -> Iterator[str]:
    yield f"{name}: {'the same' if not lines else f'{len(lines)} lines differ' if name == 'code' else ''}".rstrip()
    yield from (f"  {line}" for line in lines)
