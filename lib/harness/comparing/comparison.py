"""Two recorded runs compared: bit by bit, step by step, and what else about them differs."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from lib.harness.comparing.records import Child, Record
from lib.harness.comparing.version_1 import as_version_1
from lib.harness.errors import UserError
from lib.harness.recording.provenance import IMAGE, is_same_image
from lib.harness.recording.trace import GROUPS, VERSION_TAG
from lib.harness.running import resumption

CAUSES = {
    IMAGE: "the image",
    "lab.lock_sha256": "the lock",
    "lab.code_sha256": "the code",
    "lab.data_sha256": "the data",
    "lab.cpu": "the CPU model",
    "lab.gpu": "the GPU",
    "lab.threads": "the number of threads",
    "lab.portable": "the code paths (--portable)",
    "lab.kernels": "the kernels",
}
"""What can change bits, by the tag that records it."""
DESCRIBED = {
    IMAGE: "image",
    "lab.lock_sha256": "lock",
    "lab.gpu": "GPU",
    "lab.threads": "number of threads",
    "lab.portable": "--portable",
    "lab.kernels": "kernels",
    "lab.scope": "scope",
    VERSION_TAG: "trace version",
}
"""Parts of the environment besides packages, as `described` names them, by the tag that records them."""
USUAL = {"lab.portable": "false", VERSION_TAG: "1", **resumption.USUAL}
"""The values of tags that older records do not have."""
SHOWN = 20
"""Differences that are looked for and named, one for a trial."""
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
    """The comparison of the results of two runs.

    Attributes:
        trials: number of trials of both.
        values: number of compared values in the first run's traces.
        different: number of trials that both have, with other bits.
        differences: the first differences, at most `SHOWN`, one for each of these trials.
        missing: names of the trials that one run lacks.
    """

    trials: int
    values: int
    different: int
    differences: list[Difference]
    missing: list[str]

    @property
    def identical(self) -> bool:
        """Return whether both runs have the same trials, with the same bits."""
        return not (self.different or self.missing)

    def __str__(self) -> str:
        if self.identical:
            return f"identical ({self.trials} trials, {self.values:,} values)"
        parts = []
        if self.different:
            count = f"{self.different} of {self.trials} trials"
            parts.append(f"differs in {count}, first from {self.differences[0]}")
        if self.missing:
            parts.append(f"{len(self.missing)} trials are in one run only, the first is {self.missing[0]}")
        return "; ".join(parts)


def compare(first: Record, second: Record) -> Comparison:
    """Compare the traces of all trials of two runs; of two trace versions, as far as version 1 tells values apart."""
    differences, missing = list[Difference](), list[str]()
    different = values = 0
    both = {**first.children, **second.children}
    for key, child in both.items():
        left, right = first.children.get(key), second.children.get(key)
        if left is None or right is None:
            missing.append(child.name)
            continue
        values += left.values
        if first.version != second.version:
            left, right = as_version_1(left, first.version), as_version_1(right, second.version)
        if left.digest != right.digest:
            different += 1
            if len(differences) < SHOWN:
                differences.append(first_difference(left, right))
    return Comparison(len(both), values, different, differences, missing)


def first_difference(first: Child, second: Child) -> Difference:
    """Return the first place where the traces of two trials differ."""
    for left, right in zip_longest(first.trace(), second.trace()):
        if left is None or right is None:
            rest = json.loads(left or right)
            return Difference(first.name, rest.get("step"), [f"one run stops here ({first.status}, {second.status})"])
        if left != right:
            a, b = json.loads(left), json.loads(right)
            if a.get("step") == b.get("step") and a.keys() == b.keys():
                names = [name for group in GROUPS for name in _unequal(a, b, group)]
                return Difference(first.name, a.get("step"), names)
            return Difference(first.name, a.get("step", b.get("step")), ["what was logged"])
    raise AssertionError("traces whose digests differ have a line that differs")


def _unequal(a: Mapping[str, Any], b: Mapping[str, Any], group: str) -> list[str]:
    left, right = a.get(group, {}), b.get(group, {})
    return [name for name in sorted(left.keys() | right.keys()) if left.get(name) != right.get(name)]


def causes(first: Record, second: Record) -> list[str]:
    """List the differences between the surroundings of two runs that can change bits."""
    differences = [CAUSES[tag] for tag in _unequal_tags(first, second, *CAUSES)]
    flags = [set(record.environment.get("cpu_flags", [])) for record in (first, second)]
    if first.tags.get("lab.cpu") == second.tags.get("lab.cpu") and flags[0] != flags[1]:
        differences.append("the CPU's features")
    return differences


def _unequal_tags(first: Record, second: Record, *tags: str) -> list[str]:
    """Those of the tags that differ; a record of before a tag was made has its usual value.

    Ids of two images of one content do not.
    """
    unequal = [tag for tag in tags if first.tags.get(tag, USUAL.get(tag)) != second.tags.get(tag, USUAL.get(tag))]
    return [tag for tag in unequal if tag != IMAGE or not is_same_image(first.tags, second.tags)]


def config_changes(first: Record, second: Record) -> list[str]:
    """The fields of the configs that differ, a line each; the root seed is one of them, and what a sweep was asked."""
    one, other = ({**r.config, "root seed": r.tags["lab.seed"], **_sweep(r)} for r in (first, second))
    names = [name for name in {**one, **other} if name not in IGNORED and one.get(name) != other.get(name)]
    return [f"{name}: {json.dumps(one.get(name))} -> {json.dumps(other.get(name))}" for name in names]


def _sweep(record: Record) -> dict[str, str]:
    """The options of a sweep, and those of ``--space`` by field; empty for another run.

    Raises:
        UserError: its tag is none of a sweep's.
    """
    try:
        _, *args = json.loads(record.tags.get("lab.sweep", '[""]'))
        pairs = [(str(option), str(value)) for option, value in zip(args[::2], args[1::2], strict=True)]
    except (ValueError, TypeError, RecursionError):
        raise UserError(f"{record.key}: its tag lab.sweep has no options of a sweep: the record is not whole") from None
    options = {}
    for option, value in pairs:
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


def described(first: Record, second: Record, results: Comparison) -> Iterator[str]:
    """All that differs between two runs, in lines: code, config, environment, data, and their compared `results`."""
    code = list(code_changes(first, second))
    yield from _section("code", code)
    yield from _section("config", config_changes(first, second))
    images = [
        f"{DESCRIBED[tag]}: {first.tags.get(tag, USUAL.get(tag))} -> {second.tags.get(tag, USUAL.get(tag))}"
        for tag in _unequal_tags(first, second, *DESCRIBED)
    ]
    yield from _section("environment", [*images, *package_changes(first, second)])
    data = [record.tags["lab.data_sha256"] for record in (first, second)]
    yield from _section("data", [] if data[0] == data[1] else [" -> ".join(data)])
    yield f"results: {results}"
    yield from (f"  {difference}" for difference in results.differences[1:])


def _section(name: str, lines: list[str]) -> Iterator[str]:
    yield f"{name}: {'the same' if not lines else f'{len(lines)} lines differ' if name == 'code' else ''}".rstrip()
    yield from (f"  {line}" for line in lines)
