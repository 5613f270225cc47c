"""Decides claims: from the results of a study to the records of ``claims.json``."""

from __future__ import annotations

import math
import traceback
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lib.harness.contract.claim import ROLES, Claim, InconclusiveError, Verdict
from lib.harness.contract.results import Results, UnknownMeasurementError
from lib.harness.contract.series import noting_dropped
from lib.harness.errors import one_line
from lib.harness.judging.intervals import KINDS, Interval
from lib.harness.judging.watched import WatchedResults, described


def measured(claim: Claim, results: Results) -> np.ndarray:
    """The measurement of a claim: shape (seeds,), for items (seeds, items), or () for an exact one.

    Raises:
        ValueError: the measure returned another shape.
        Exception: whatever the measure raises.
    """
    values = np.asarray(claim.measure(results), dtype=float)
    axes = 0 if claim.kind == "exact" else 2 if claim.interval == "items" else 1
    if values.size == 0 or values.ndim != axes:
        raise ValueError(f"the measure of a claim of kind {claim.kind} has the shape {values.shape}")
    return values


@dataclass(frozen=True)
class Bug:
    """An exception in the measure of a claim: one line for the user, the traceback for the log."""

    claim: str
    line: str
    traceback: str


def judge(claim: Claim, results: Results, lab: str, bugs: list[Bug] | None = None) -> dict[str, Any]:
    """The record of a claim as it stands in ``claims.json``; computed from the trials' measurements alone.

    Keys: id, lab, statement, role, kind, verdict, effect, low, high, unit, seeds, interval, p, parts, holds_when, note.

    - A claim that what was measured does not decide (`InconclusiveError`) is ``inconclusive`` without an effect.
    - One of whose trials some have failed is ``inconclusive``, with the effect of the others, or without one where
      the measure cannot do without them; `note` says which.
    - One without a single number is ``not measured``: of one of its variants no trial has ended, or the measure has a
      bug, which joins `bugs`.

    `note`: why it is inconclusive or not measured, and the claim's own.
    `p`: one-sided, of the truth being in the range where the effect is, and outside it where it is outside.
    `parts`: of items, the half-widths that seeds and items alone would give.
    """
    record: dict[str, Any] = {
        "id": claim.id,
        "lab": lab,
        "statement": claim.statement,
        "role": claim.says,
        "kind": claim.kind,
        "verdict": "not measured",
        "effect": None,
        "low": None,
        "high": None,
        "unit": claim.unit,
        "seeds": 0,
        "interval": claim.interval if claim.kind == "statistical" else None,
        "p": None,
        "parts": None,
        "holds_when": claim.range_text,
        "note": claim.note,
    }
    watched = WatchedResults(list(results))
    with noting_dropped() as dropped:
        try:
            values = measured(claim, watched)
        except InconclusiveError as why:
            decided = Decided("inconclusive", str(why))
        except (Exception, SystemExit) as error:  # one claim's trouble must not take the others' verdicts with it
            counted = claim.missing == "counted"
            decided = _raised(claim, error, watched, gaps=not counted and bool(watched.missing or dropped), bugs=bugs)
        else:
            decided = _exact(claim, float(values)) if claim.kind == "exact" else _statistical(claim, values)
    verdict, reasons, found = decided.verdict, [decided.why], dict(decided.numbers)
    lacking = described(watched.missing, dropped) if claim.missing == "inconclusive" else ""
    if lacking:
        reasons.insert(0, f"missing: {lacking}")
        if verdict != "not measured":
            verdict, found["p"] = "inconclusive", None
    reason = "; ".join(filter(None, reasons))
    note = "; ".join(filter(None, [f"{verdict}: {reason}" if reason else "", claim.note]))
    return {**record, **found, "verdict": verdict, "note": note}


@dataclass(frozen=True)
class Decided:
    """A verdict, its reason where it is none of holds and fails, and the numbers of the record."""

    verdict: Verdict
    why: str = ""
    numbers: Mapping[str, Any] = field(default_factory=dict)


def _raised(claim: Claim, error: BaseException, watched: WatchedResults, gaps: bool, bugs: list[Bug] | None) -> Decided:
    """The verdict of a claim whose measure has raised an exception.

    Args:
        gaps: trials that it has read, or partners of their seeds, are missing, and the claim does not count them. Then
            that is the cause, and no bug, except where the name of a measurement is wrong.
    """
    if isinstance(error, UnknownMeasurementError):
        gaps = False
    line = _reason(claim, error)
    if gaps:
        return Decided("inconclusive" if watched.each_has_ended else "not measured", line)
    if type(error) is not LookupError and bugs is not None:
        bugs.append(Bug(claim.id, line, "".join(traceback.format_exception(error))))
    return Decided("not measured", line)


def _exact(claim: Claim, effect: float) -> Decided:
    why = "the measure is no number (NaN)" if math.isnan(effect) else ""
    return Decided(_verdict(claim, effect, effect), why, {"effect": effect, "low": effect, "high": effect})


def _statistical(claim: Claim, values: np.ndarray) -> Decided:
    interval = KINDS[claim.interval](values)
    low, high = interval.ends()
    numbers: dict[str, Any] = {
        "effect": interval.center,
        "low": low,
        "high": high,
        "seeds": len(values),
        "p": _p(claim, interval),
        "parts": dict(interval.parts) or None,
    }
    return Decided(_verdict(claim, low, high), interval.why, numbers)


def _p(claim: Claim, interval: Interval) -> float:
    """The one-sided p-value against the limit: of the sentence where the effect is in the range, else against it."""
    (low, low_open), (high, high_open) = claim.low, claim.high
    above = interval.p("above", low, low_open) if low > -math.inf else 0.0
    below = interval.p("below", high, high_open) if high < math.inf else 0.0
    inside = max(above, below)
    if _contains(claim, interval.center, interval.center):
        return inside
    under = interval.p("below", low, not low_open) if low > -math.inf else 1.0
    over = interval.p("above", high, not high_open) if high < math.inf else 1.0
    return min(under, over)


def _reason(claim: Claim, error: BaseException) -> str:
    """An exception in one line: missing data as it says, a mistake such as a KeyError with its file and line."""
    if type(error) is LookupError and not error.args:
        return "no data"
    if type(error) in (LookupError, UnknownMeasurementError, ValueError) and error.args:
        return one_line(str(error.args[0]))
    from lib.harness.running import rehearsal

    return one_line(rehearsal.one_line(error, claim.measure.__module__))


def _contains(claim: Claim, low: float, high: float) -> bool:
    """Return whether the whole interval lies in the range of the claim."""
    (least, least_open), (most, most_open) = claim.low, claim.high
    return (low > least if least_open else low >= least) and (high < most if most_open else high <= most)


def _verdict(claim: Claim, low: float, high: float) -> Verdict:
    if math.isnan(low) or math.isnan(high):
        return "inconclusive"
    if _contains(claim, low, high):
        return "holds"
    (least, least_open), (most, most_open) = claim.low, claim.high
    if (high <= least if least_open else high < least) or (low >= most if most_open else low > most):
        return "fails"
    return "inconclusive"


WORST_FIRST = ("fails", "not measured", "inconclusive", "holds")
"""A sentence that fails decides its row, whatever became of the others."""


def judge_all(
    claims: Sequence[Claim],
    results: Results,
    lab: str,
    lecture: Collection[str] = (),
    bugs: list[Bug] | None = None,
) -> list[dict[str, Any]]:
    """Every row of `claims` followed by its parts, sentences first.

    The row has the verdict and the numbers of its weakest sentence, named in `part`. Its other parts do not decide it.

    Args:
        lecture: the rows that are sentences of the lecture; their records say so.
        bugs: takes what the measures have raised.
    """
    records: list[dict[str, Any]] = []
    for row in dict.fromkeys(claim.row for claim in claims):
        of_row = sorted((claim for claim in claims if claim.row == row), key=lambda claim: ROLES.index(claim.says))
        parts = [{**judge(claim, results, lab, bugs), "lecture": row in lecture} for claim in of_row]
        if [part["id"] for part in parts] == [row]:
            records += parts
            continue
        sentences = [part for part in parts if part["role"] == "sentence"]
        weakest = min(sentences, key=lambda part: WORST_FIRST.index(part["verdict"]))
        records += [{**weakest, "id": row, "part": weakest["id"]}, *parts]
    return records


def all_measured(claims: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether each of the claims has a verdict."""
    return all(record["verdict"] != "not measured" for record in claims)
