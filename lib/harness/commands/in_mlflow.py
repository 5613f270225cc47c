"""The words and numbers by which a run is recognized on MLflow's pages: its name, its description, its metrics."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from lib.harness.contract.claim import words_of
from lib.harness.contract.lab import Lab
from lib.harness.contract.results import Results
from lib.harness.contract.settings import Options
from lib.harness.contract.studies import in_grid
from lib.harness.recording.recorder import LONGEST_NAME, NAMES
from lib.harness.searching.best import SEARCHED
from lib.harness.showing import display

MEANS = 300
"""Metrics of means that a parent run has at most: a page with more is of no use."""
Claims = Sequence[Mapping[str, Any]]


def name_of(lab: Lab, options: Options, claims: Claims) -> str:
    """The name of a run that has ended: ``lenet · quick · seed 0 · 3 hold, 1 fails``."""
    counts = _counts(claims)
    words = {
        "holds": "holds" if counts["holds"] == 1 else "hold",
        "fails": "fails" if counts["fails"] == 1 else "fail",
        "inconclusive": "inconclusive",
        "not measured": "not measured",
    }
    verdicts = ", ".join(f"{counts[verdict]} {word}" for verdict, word in words.items() if counts[verdict])
    return " · ".join(filter(None, [lab.name, "quick" * options.quick, f"seed {options.seed}", verdicts]))


def numbers_of(results: Results, claims: Claims) -> dict[str, float]:
    """The metrics of a parent run: ``claims/VERDICT``, the number of rows, and ``mean/VARIANT/MEASUREMENT`` over seeds.

    Without trials of a grid or a search, means that are no finite number, and names that MLflow would refuse.
    """
    counts = {f"claims/{verdict}": float(number) for verdict, number in _counts(claims).items()}
    means: dict[str, float] = {}
    for variant in results.variants():
        finished = list(results.of(variant))
        if in_grid(finished[0].trial) or variant.startswith(SEARCHED):
            continue
        for name, value in finished[0].measurements.items():
            if isinstance(value, (int, float)):
                values = [result.measurements.get(name) for result in finished]
                numbers = [float(each) for each in values if isinstance(each, (int, float))]
                means[f"mean/{variant}/{name}"] = sum(numbers) / len(numbers)
    fit = {name: mean for name, mean in means.items() if math.isfinite(mean) and _fits(name)}
    return counts | dict(list(fit.items())[:MEANS])


def note_of(lab: Lab, claims: Claims) -> str:
    """The run's description on its page (Markdown)."""
    rows = [
        f"| {c['id']} | **{c['verdict']}** | {display.number(c['effect'])} {c['unit']} | {_role(c)}{c['statement']} |"
        for c in claims
    ]
    return "\n".join([f"{lab.summary}", "", "| claim | verdict | effect | as measured |", "|---|---|---|---|", *rows])


def _counts(claims: Claims) -> Counter[str]:
    """The number of rows by their verdict."""
    return Counter(str(claim["verdict"]) for claim in claims if "/" not in claim["id"])


def _fits(name: str) -> bool:
    return len(name) <= LONGEST_NAME and NAMES.fullmatch(name) is not None


def _role(claim: Mapping[str, Any]) -> str:
    """The words of a claim's role, with a colon; empty for a sentence."""
    words = words_of(claim)
    return f"{words.en}: " if words else ""
