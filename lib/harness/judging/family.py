"""The lecture's rows as one family: which verdicts would not stand if all of them were asked for at once.

Each verdict errs with at most 2.5 % on its side. Of 35 rows some would err by chance alone; Holm's method (1979,
Scandinavian Journal of Statistics 6, 65-70) keeps the chance that any of them does at 2.5 %.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lib.harness.judging.intervals import TAIL


def row_p(records: Sequence[Mapping[str, Any]]) -> float | None:
    """The p-value of a row's verdict; None where no statistical sentence has a part in it, or it is not decided.

    A row holds when all of its sentences do, so its p-value is their largest (an intersection-union test). It fails
    when any does, so there it is the smallest of those that fail, times the number of its sentences (Bonferroni's).
    An exact sentence that fails decides the row without any chance.

    Args:
        records: a row's records, its own first where it has parts.
    """
    verdict = records[0]["verdict"]
    sentences = [r for r in records if r.get("role", "sentence") == "sentence" and "part" not in r]
    values = [(r["verdict"], r.get("p")) for r in sentences]
    if verdict == "holds":
        return max((float(p) for _, p in values if p is not None), default=None)
    if verdict == "fails":
        failing = [p for each, p in values if each == "fails"]
        decided = [float(p) for p in failing if p is not None]
        if not decided or len(decided) < len(failing):
            return None
        return min(1.0, len(sentences) * min(decided))
    return None


@dataclass(frozen=True)
class Family:
    """The lecture's rows that chance can decide.

    Attributes:
        rows: their number: rows that a statistical sentence decides, and inconclusive ones, which have nothing to lose.
            A row that is exact or not measured is none of them.
        turning: those whose verdict Holm's method would not keep.
    """

    rows: int
    turning: frozenset[str]


ALONE = Family(0, frozenset())
"""The family of a table in which nothing is marked."""


def family_of(records: Iterable[Mapping[str, Any]], tail: float = TAIL) -> Family:
    """The family of the lecture's rows, by the records of their claims."""
    rows: dict[str, list[Mapping[str, Any]]] = {}
    for record in records:
        if record.get("lecture"):
            rows.setdefault(record["id"].split("/")[0], []).append(record)
    ps = {row: p for row, of_row in rows.items() if (p := row_p(of_row)) is not None}
    size = len(ps) + sum(of_row[0]["verdict"] == "inconclusive" for of_row in rows.values())
    left, turned = size, False
    turning: set[str] = set()
    for row, p in sorted(ps.items(), key=lambda each: each[1]):
        turned = turned or p > tail / left
        if turned:
            turning.add(row)
        left -= 1
    return Family(size, frozenset(turning))
