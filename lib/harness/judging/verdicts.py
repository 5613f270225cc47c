"""Decides claims: from the results of a study to the records of ``claims.json``."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lib.harness.contract.claim import Claim, InconclusiveError, Verdict
from lib.harness.contract.results import Results
from lib.harness.contract.roles import ROLES
from lib.harness.errors import one_line
from lib.harness.judging.intervals import mean_interval, median_interval


def measured(claim: Claim, results: Results) -> np.ndarray:
    """The measurement of a claim: shape (seeds,), or () for an exact one.

    Raises:
        ValueError: the measure returned another shape.
        Exception: whatever the measure raises.
    """
    values = np.asarray(claim.measure(results), dtype=float)
    if values.size == 0 or values.ndim != (claim.kind == "statistical"):
        raise ValueError(f"the measure of a claim of kind {claim.kind} has the shape {values.shape}")
    return values


def judge(claim: Claim, results: Results, lab: str) -> dict[str, Any]:
    """The record of a claim as it stands in ``claims.json``; computed from the trials' measurements alone.

    Keys: id, lab, statement, role, kind, verdict, effect, low, high, unit, seeds, interval, holds_when, note. A claim
    whose trials are missing has the verdict ``not measured`` and says in `note` what is missing; one that what was
    measured does not decide (`InconclusiveError`) is ``inconclusive`` without an effect, and says why.
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
        "holds_when": _range_text(claim),
        "note": claim.note,
    }
    try:
        values = measured(claim, results)
    except InconclusiveError as why:
        return {**record, "verdict": "inconclusive", "note": f"inconclusive: {why}"}
    except (Exception, SystemExit) as missing:  # one claim's trouble must not take the others' verdicts with it
        return {**record, "note": f"not measured: {_reason(claim, missing)}"}
    if claim.kind == "exact":
        effect = low = high = float(values)
        verdict: Verdict = "holds" if claim.at_least <= effect <= claim.at_most else "fails"
        seeds = 0
    else:
        seeds = len(values)
        effect, low, high = (mean_interval if claim.interval == "mean" else median_interval)(values)
        verdict = _verdict(claim, low, high)
    return {**record, "verdict": verdict, "effect": effect, "low": low, "high": high, "seeds": seeds}


def _reason(claim: Claim, error: BaseException) -> str:
    """The reason why a claim was not measured; of a mistake in its code, such as a KeyError, with its file and line."""
    if type(error) in (LookupError, ValueError) and error.args:
        return one_line(str(error.args[0]))
    from lib.harness.running import rehearsal

    return one_line(rehearsal.one_line(error, claim.measure.__module__))


def _verdict(claim: Claim, low: float, high: float) -> Verdict:
    if math.isnan(low) or math.isnan(high):
        return "inconclusive"
    if claim.at_least <= low and high <= claim.at_most:
        return "holds"
    if high < claim.at_least or low > claim.at_most:
        return "fails"
    return "inconclusive"


def _range_text(claim: Claim) -> str:
    parts = []
    if claim.at_least > -math.inf:
        parts.append(f">= {claim.at_least:.3g}")
    if claim.at_most < math.inf:
        parts.append(f"<= {claim.at_most:.3g}")
    return " and ".join(parts)


_WORST_FIRST = ("not measured", "fails", "inconclusive", "holds")


def judge_all(claims: Sequence[Claim], results: Results, lab: str) -> list[dict[str, Any]]:
    """Every row of `claims` followed by its parts, sentences first.

    The row has the verdict and the numbers of its weakest sentence, named in `part`. Its other parts do not decide it.
    """
    records: list[dict[str, Any]] = []
    for row in dict.fromkeys(claim.row for claim in claims):
        of_row = sorted((claim for claim in claims if claim.row == row), key=lambda claim: ROLES.index(claim.says))
        parts = [judge(claim, results, lab) for claim in of_row]
        if [part["id"] for part in parts] == [row]:
            records += parts
            continue
        sentences = [part for part in parts if part["role"] == "sentence"]
        weakest = min(sentences, key=lambda part: _WORST_FIRST.index(part["verdict"]))
        records += [{**weakest, "id": row, "part": weakest["id"]}, *parts]
    return records


def all_measured(claims: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether each of the claims has a verdict."""
    return all(record["verdict"] != "not measured" for record in claims)
