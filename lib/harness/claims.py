"""Claims and their verdicts.

A claim is a sentence of the lecture with a measurement and the range in which the sentence is true:

- **statistical**: the measurement gives one number per seed. The verdict compares the 95 % interval of its mean
  (Student's t), or of its median (order statistics: nothing is assumed of the distribution, and a censored value
  may be infinite), with the range. ``holds``: the whole interval lies in the range; ``fails``: the whole interval lies
  outside; otherwise ``inconclusive``.
- **exact**: an identity or a fact, measured as one number (a worst deviation, a count). No seeds, no interval.

A row of the lecture may have several parts, each a claim ``row/part``; the row holds when all of them do.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from lib.harness.contract import Results

Verdict = Literal["holds", "fails", "inconclusive", "not measured"]
Interval = tuple[float, float, float]


class InconclusiveError(Exception):
    """Raised by a measure: all was measured, but it does not decide the claim. The text says why, and what would."""


@dataclass(frozen=True)
class Claim:
    """A sentence, how it is measured, and when it holds.

    Attributes:
        id: ``row`` or ``row/part``; fixed, as it appears in MLflow and in the report.
        statement: the sentence as measured, one line.
        kind: ``statistical`` or ``exact``.
        measure: from the results to one value per seed (statistical: shape (seeds,)) or to one number (exact).
        unit: of the effect.
        at_least, at_most: the range in which the claim holds; one of them may be missing.
        interval: of what: ``mean`` (Student's t) or ``median`` (order statistics; for censored measures).
        note: what a reader must know to read the effect: censoring, the split used, the condition.
    """

    id: str
    statement: str
    kind: Literal["statistical", "exact"]
    measure: Callable[[Results], Any]
    unit: str
    at_least: float = -math.inf
    at_most: float = math.inf
    interval: Literal["mean", "median"] = "mean"
    note: str = ""

    @property
    def row(self) -> str:
        """The id of the lecture's row that this claim is (a part of)."""
        return self.id.split("/")[0]


def mean_interval(values: np.ndarray, confidence: float = 0.95) -> Interval:
    """Mean with its Student's t interval; (mean, low, high). Infinite where fewer than two values are given."""
    from scipy.stats import t

    n = len(values)
    with np.errstate(invalid="ignore"):  # between inf and -inf there is no mean: NaN
        center = float(np.mean(values))
    if n < 2 or not np.all(np.isfinite(values)):
        return center, -math.inf, math.inf
    half = float(t.ppf((1 + confidence) / 2, n - 1)) * float(np.std(values, ddof=1)) / math.sqrt(n)
    return center, center - half, center + half


def median_interval(values: np.ndarray, confidence: float = 0.95) -> Interval:
    """Median with its distribution-free interval between order statistics; (median, low, high).

    The interval [x_(k), x_(n+1-k)] covers the median with probability 1 - 2 P(Binomial(n, 1/2) < k); k is the largest
    with at least `confidence` (the sign test turned round). Under 6 values no such k exists: the interval is infinite.
    It is infinite, too, where a value is NaN, which is not a measurement.
    """
    from scipy.stats import binom

    ordered = np.sort(values)
    n = len(ordered)
    if np.isnan(ordered[-1]):
        return math.nan, -math.inf, math.inf
    k = int(binom.ppf((1 - confidence) / 2, n, 0.5))
    if k > 0 and 2 * binom.cdf(k - 1, n, 0.5) > 1 - confidence:
        k -= 1
    # the middle value, not numpy's mean of two, which is NaN between -inf and inf
    low_middle, high_middle = float(ordered[(n - 1) // 2]), float(ordered[n // 2])
    center = low_middle if low_middle == high_middle or math.isinf(low_middle) else (low_middle + high_middle) / 2
    if k < 1:
        return center, -math.inf, math.inf
    return center, float(ordered[k - 1]), float(ordered[n - k])


def judge(claim: Claim, results: Results, lab: str) -> dict[str, Any]:
    """The record of a claim as it stands in ``claims.json``; computed from the trials' measurements alone.

    Keys: id, lab, statement, kind, verdict, effect, low, high, unit, seeds, interval, holds_when, note. A claim whose
    trials are missing has the verdict ``not measured`` and says in `note` what is missing; one that what was measured
    does not decide (`InconclusiveError`) is ``inconclusive`` without an effect, and says why.
    """
    record: dict[str, Any] = {
        "id": claim.id,
        "lab": lab,
        "statement": claim.statement,
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
        measured = np.asarray(claim.measure(results), dtype=float)
        if measured.size == 0 or measured.ndim != (claim.kind == "statistical"):
            raise ValueError(f"the measure of a claim of kind {claim.kind} has the shape {measured.shape}")
    except InconclusiveError as why:
        return {**record, "verdict": "inconclusive", "note": f"inconclusive: {why}"}
    except Exception as missing:  # one claim's trouble must not take the others' verdicts with it
        known = isinstance(missing, (LookupError, ValueError)) and missing.args
        reason = missing.args[0] if known else f"{type(missing).__name__}: {missing}"
        return {**record, "note": f"not measured: {reason}"}
    if claim.kind == "exact":
        effect = low = high = float(measured)
        verdict: Verdict = "holds" if claim.at_least <= effect <= claim.at_most else "fails"
        seeds = 0
    else:
        seeds = len(measured)
        effect, low, high = (mean_interval if claim.interval == "mean" else median_interval)(measured)
        verdict = _verdict(claim, low, high)
    return {**record, "verdict": verdict, "effect": effect, "low": low, "high": high, "seeds": seeds}


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
    """Every row of `claims` followed by its parts. A row carries the numbers of its weakest part, named in `part`."""
    records: list[dict[str, Any]] = []
    for row in dict.fromkeys(claim.row for claim in claims):
        parts = [judge(claim, results, lab) for claim in claims if claim.row == row]
        weakest = min(parts, key=lambda p: _WORST_FIRST.index(p["verdict"]))
        if [part["id"] for part in parts] == [row]:
            records += parts
        else:
            records += [{**weakest, "id": row, "part": weakest["id"]}, *parts]
    return records
