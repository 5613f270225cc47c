"""Claims and their verdicts.

A claim is a sentence of the lecture with a measurement and the range in which the sentence is true:

- **statistical**: the measurement gives one number per seed. The verdict compares a 95 % interval with the range.
  ``holds``: the whole interval lies in the range; ``fails``: the whole interval lies outside; otherwise
  ``inconclusive``. Four intervals: of the ``mean`` (Student's t); of the ``log-mean`` (the same of the logarithms, for
  ratios); of the ``median`` (order statistics: nothing is assumed of the distribution, and a censored value may be
  infinite); of ``items`` (the mean over seeds and over the items that all seeds are judged on; shape (seeds, items)).
- **exact**: an identity or a fact, measured as one number (a worst deviation, a count). No seeds, no interval.

A comparison says from which value on there is an effect at all (``more_than=0.0`` for a difference) and the `smallest`
effect that counts: less than that is none. A statistical comparison without it is refused.

What is missing never vanishes: where a trial that the measure reads has failed, or a seed has no partner, the claim is
``inconclusive`` and says which, unless it counts them itself (``missing="counted"``). Equal values of all seeds are no
certainty: a mean without any spread has no interval. A number that is NaN decides nothing. ``not measured`` is a claim
for which there is no number at all: none of its trials has ended, or its measure has a bug.

A row of the lecture may have several parts, each a claim ``row/part`` with a role (`Role`). The row's verdict is
that of its sentences, all of which must hold; its conditions, limits, controls and identities are shown with it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any, Literal, get_args

import numpy as np

from lib.harness.contract.results import Results
from lib.harness.contract.texts import Language, Text
from lib.harness.errors import UserError

Verdict = Literal["holds", "fails", "inconclusive", "not measured"]
Role = Literal["sentence", "condition", "limit", "control", "identity"]
"""The part of a claim in its row.

- **sentence**: what the row's sentence says, as measured. The row's verdict is that of its sentences.
- **condition**: an assumption that the sentence leaves out.
- **limit**: the end of the range in which the sentence is true.
- **control**: the peer, or the treatment taken away, that shows what the effect comes from.
- **identity**: an equation or a fact by which the measurement itself is checked.
"""
ROLES: tuple[Role, ...] = get_args(Role)
WORDS: Mapping[str, Text] = {
    "condition": Text("true only if", "이럴 때만 성립"),
    "limit": Text("only as far as", "여기까지만 성립"),
    "control": Text("compared with", "비교 기준"),
    "identity": Text("checked", "검산"),
}
"""The words that stand before a claim that is not its row's sentence."""


def words_of(record: Mapping[str, Any]) -> Text | None:
    """The words before a part in the list of its row; None for a sentence, as all parts of older records are."""
    return WORDS.get(record.get("role", "sentence"))


def with_role(record: Mapping[str, Any], name: str, language: Language = "en") -> str:
    """The name of a part with its role's words before it: ``true only if: small-start``."""
    words = words_of(record)
    return f"{words.ko if language == 'ko' else words.en}: {name}" if words else name


class InconclusiveError(Exception):
    """Raised by a measure: all was measured, but it does not decide the claim. The text says why, and what would."""


def require_trained(what: str, values: Any, least: float) -> None:
    """Refuse to compare a model that has hardly learned: whatever came out would be said of its start.

    Args:
        what: the model and the measure, for the reader: ``LeNet's test accuracy``.
        values: one per seed, larger is better.
        least: what it takes to have learned anything, well above chance.

    Raises:
        InconclusiveError: their mean is below that, or no number.
    """
    mean = float(np.mean(np.asarray(values, dtype=float)))
    if not mean >= least:
        raise InconclusiveError(f"{what} is {mean:.3g}, below {least:.3g}: it has hardly learned, so train it longer")


def largest(values: Iterable[Any]) -> float:
    """The largest of some numbers or arrays, NaN if one of them is NaN: Python's `max` may pass over it.

    Raises:
        ValueError: there are none.
    """
    return float(np.max([np.max(np.asarray(value, dtype=float)) for value in values]))


def smallest(values: Iterable[Any]) -> float:
    """The smallest of some numbers or arrays, as `largest` finds the largest."""
    return -largest(-np.asarray(value, dtype=float) for value in values)


def _sum(limit: float, effect: float) -> float:
    """The decimal number that the sum of two is meant to be: 0.9 + 0.05 is 0.9500000000000001 in floats."""
    return float(f"{limit + effect:.15g}") if effect else limit


def _shown(limit: float) -> str:
    """A limit with the digits that it has; of an irrational one as many as come within a ten millionth of it."""
    texts = (f"{limit:.{digits}g}" for digits in range(3, 18))
    return next(text for text in texts if abs(float(text) - limit) <= 1e-7 * abs(limit))


@dataclass(frozen=True)
class Claim:
    """A sentence, how it is measured, and when it holds.

    Attributes:
        id: ``row`` or ``row/part``; fixed, as it appears in MLflow and in the report.
        measure: from the results to one value per seed (statistical: a `Series` or an array, shape (seeds,), for
            ``items`` (seeds, items)) or to one number (exact).
        role: its part in the row's sentence; the sentence itself unless it says otherwise. Every claim of the
            lecture's labs says it.
        kind: ``statistical`` or ``exact``.
        statement: the sentence as measured, one line.
        unit: of the effect.
        at_least, at_most: the range in which the claim holds, both ends included. One of them may be missing.
        more_than, less_than: the same, its end not included: the value at which there is no effect.
        smallest: the smallest effect that counts, above 0; the range begins so far above `more_than`, or ends so far
            below `less_than`, and includes that end. A statistical comparison must say it.
        interval: ``mean``, ``log-mean``, ``median`` or ``items``.
        missing: ``inconclusive``, or ``counted`` where the measure itself counts trials that have failed.
        note: details that a reader needs to understand the effect: censoring, the split used, the condition.

    Raises:
        UserError: the claim has no range, or one that contains no number, or is a statistical comparison without
            `smallest`, or has a role that there is not.
    """

    id: str
    _: KW_ONLY
    measure: Callable[[Results], Any]
    role: Role | None = None
    kind: Literal["statistical", "exact"] = "statistical"
    statement: str = ""
    unit: str = ""
    at_least: float = -math.inf
    at_most: float = math.inf
    more_than: float = -math.inf
    less_than: float = math.inf
    smallest: float = 0.0
    interval: Literal["mean", "log-mean", "median", "items"] = "mean"
    missing: Literal["inconclusive", "counted"] = "inconclusive"
    note: str = ""

    def __post_init__(self) -> None:
        given = {name: getattr(self, name) for name in ("at_least", "more_than", "at_most", "less_than")}
        for name, nowhere in zip(given, (math.inf, math.inf, -math.inf, -math.inf), strict=True):
            if math.isnan(given[name]) or given[name] == nowhere:
                raise UserError(
                    f"claim '{self.id}': {name}={given[name]} is no limit, so it would never hold: correct it"
                )
        if all(math.isinf(value) for value in given.values()):
            raise UserError(f"claim '{self.id}' has no range, so it would always hold: add at_least=… or at_most=…")
        for one, other in (("at_least", "more_than"), ("at_most", "less_than")):
            if math.isfinite(given[one]) and math.isfinite(given[other]):
                raise UserError(f"claim '{self.id}' says both {one} and {other}: say one of them")
        compared = math.isfinite(self.more_than) or math.isfinite(self.less_than)
        if not 0 <= self.smallest < math.inf or (self.smallest and not compared):
            raise UserError(
                f"claim '{self.id}': smallest={self.smallest}: "
                "it is a finite number above 0, beside more_than or less_than"
            )
        if self.kind == "statistical" and compared and not self.smallest:
            raise UserError(
                f"claim '{self.id}' is a comparison without the smallest effect that counts: "
                "add smallest=… with its reason, or say at_least=… or at_most=… where it is none"
            )
        (low, low_open), (high, high_open) = self.low, self.high
        if not low <= high or (low == high and (low_open or high_open)):
            raise UserError(
                f"claim '{self.id}': no number is {self.range_text}: correct at_least, at_most, more_than or less_than"
            )
        if self.says not in ROLES:
            raise UserError(f"claim '{self.id}': there is no role '{self.says}'; there are: {', '.join(ROLES)}")

    @property
    def low(self) -> tuple[float, bool]:
        """The lower end of the range, and whether it is left out."""
        if math.isinf(self.more_than):
            return self.at_least, False
        return _sum(self.more_than, self.smallest), self.smallest == 0

    @property
    def high(self) -> tuple[float, bool]:
        """The upper end of the range, and whether it is left out."""
        if math.isinf(self.less_than):
            return self.at_most, False
        return _sum(self.less_than, -self.smallest), self.smallest == 0

    @property
    def range_text(self) -> str:
        """The range in signs, as ``>= 0.01`` or ``> 0 and <= 5``."""
        (low, low_open), (high, high_open) = self.low, self.high
        parts = [f"{'>' if low_open else '>='} {_shown(low)}"] if low > -math.inf else []
        parts += [f"{'<' if high_open else '<='} {_shown(high)}"] if high < math.inf else []
        return " and ".join(parts)

    @property
    def says(self) -> Role:
        """The claim's role: the sentence where it says nothing."""
        return self.role or "sentence"

    @property
    def row(self) -> str:
        """The id of the lecture's row that this claim is (a part of)."""
        return self.id.split("/")[0]


def require_sentences(claims: Iterable[Claim]) -> None:
    """Raises `UserError` for a row without a sentence: nothing would decide it."""
    rows: dict[str, list[str]] = {}
    for claim in claims:
        rows.setdefault(claim.row, []).append(claim.says)
    for row, roles in rows.items():
        if "sentence" not in roles:
            raise UserError(
                f"no claim of the row '{row}' has the role 'sentence' (they have: {', '.join(dict.fromkeys(roles))}), "
                "so nothing decides it: say which claim is the sentence"
            )
