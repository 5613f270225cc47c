"""Claims and their verdicts.

A claim is a sentence of the lecture with a measurement and the range in which the sentence is true:

- **statistical**: the measurement gives one number per seed. The verdict compares the 95 % interval of its mean
  (Student's t), or of its median (order statistics: nothing is assumed of the distribution, and a censored value
  may be infinite), with the range. ``holds``: the whole interval lies in the range; ``fails``: the whole interval lies
  outside; otherwise ``inconclusive``.
- **exact**: an identity or a fact, measured as one number (a worst deviation, a count). No seeds, no interval.

A row of the lecture may have several parts, each a claim ``row/part`` with a role (`roles.Role`). The row's verdict is
that of its sentences, all of which must hold; its conditions, limits, controls and identities are shown with it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import Any, Literal

from lib.harness.contract.results import Results
from lib.harness.contract.roles import ROLES, Role
from lib.harness.errors import UserError

Verdict = Literal["holds", "fails", "inconclusive", "not measured"]


class InconclusiveError(Exception):
    """Raised by a measure: all was measured, but it does not decide the claim. The text says why, and what would."""


def _no_measure(results: Results) -> Any:
    raise LookupError("the claim has no measure")


@dataclass(frozen=True)
class Claim:
    """A sentence, how it is measured, and when it holds.

    Attributes:
        id: ``row`` or ``row/part``; fixed, as it appears in MLflow and in the report.
        measure: from the results to one value per seed (statistical: a `Series` or an array, shape (seeds,)) or to one
            number (exact).
        role: its part in the row's sentence; the sentence itself unless it says otherwise. Every claim of the
            lecture's labs says it.
        kind: ``statistical`` or ``exact``.
        statement: the sentence as measured, one line.
        unit: of the effect.
        at_least, at_most: the range in which the claim holds, both ends included. One of them may be missing.
        interval: of the ``mean`` (Student's t) or of the ``median`` (order statistics; for censored measures).
        note: details that a reader needs to understand the effect: censoring, the split used, the condition.

    Raises:
        UserError: the claim has no range, or one that contains no number, or a role that there is not.
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
    interval: Literal["mean", "median"] = "mean"
    note: str = ""

    def __post_init__(self) -> None:
        if self.at_least == -math.inf and self.at_most == math.inf:
            raise UserError(f"claim '{self.id}' has no range, so it would always hold: add at_least=… or at_most=…")
        if not self.at_least <= self.at_most:
            raise UserError(
                f"claim '{self.id}': no number is at least {self.at_least:g} and at most {self.at_most:g}: "
                "correct at_least or at_most"
            )
        if self.says not in ROLES:
            raise UserError(f"claim '{self.id}': there is no role '{self.says}'; there are: {', '.join(ROLES)}")

    @property
    def says(self) -> Role:
        """The claim's role: the sentence where it says nothing."""
        return self.role or "sentence"

    @property
    def row(self) -> str:
        """The id of the lecture's row that this claim is (a part of)."""
        return self.id.split("/")[0]
