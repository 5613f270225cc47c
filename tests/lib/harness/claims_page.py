"""The tables of docs/claims.md, from the code and a simulation.

``python -m tests.lib.harness.claims_page`` writes them into the page.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from lib.harness.contract.catalogue import find_labs
from lib.harness.contract.claim import ROLES, Claim
from lib.harness.judging.intervals import KINDS

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "claims.md"
SAMPLES = 3000
SIZES = (2, 3, 5, 8, 20)
ITEMS = 300
NONE = "–"


@dataclass(frozen=True)
class Data:
    """Data that an interval is meant for.

    Attributes:
        kind: of the interval.
        name: of the data, for the reader.
        draw: from a generator and the number of seeds n to the values, shape (n,) or (n, items).
        truth: the mean, the geometric mean or the median that the interval is to cover.
    """

    kind: str
    name: str
    draw: Callable[[np.random.Generator, int], np.ndarray]
    truth: float


def crossed(ratio: float) -> Callable[[np.random.Generator, int], np.ndarray]:
    """Values of seeds and items whose seeds add `ratio` times as much to the variance of the mean as the items."""

    def draw(rng: np.random.Generator, n: int) -> np.ndarray:
        of_seeds = 0.3 * math.sqrt(ratio * n / ITEMS)
        return 0.1 + rng.normal(0, of_seeds, (n, 1)) + rng.normal(0, 0.3, (1, ITEMS)) + rng.normal(0, 0.3, (n, ITEMS))

    return draw


DATA = (
    Data("mean", "normal", lambda rng, n: rng.normal(1.0, 2.0, n), 1.0),
    Data("log-mean", "log-normal", lambda rng, n: rng.lognormal(0.5, 1.0, n), math.exp(0.5)),
    Data("median", "exponential", lambda rng, n: rng.exponential(1.0, n), math.log(2)),
    *(Data("items", f"normal, seeds : items = {ratio} : 1", crossed(ratio), 0.1) for ratio in (0, 3, 10)),
)


@cache
def simulated(data: Data, n: int) -> tuple[float, float]:
    """The share of samples whose interval covers the truth, and the median width.

    The width is in standard deviations of the estimate, which are simulated as well; of a geometric mean both are
    those of its logarithm.
    """
    rng = np.random.default_rng(17)
    intervals = [KINDS[data.kind](data.draw(rng, n)) for _ in range(SAMPLES)]
    centers, ends = np.array([each.center for each in intervals]), np.array([each.ends() for each in intervals])
    covered = float(np.mean((ends[:, 0] <= data.truth) & (data.truth <= ends[:, 1])))
    if data.kind == "log-mean":
        centers, ends = np.log(centers), np.log(ends)
    return covered, float(np.median(ends[:, 1] - ends[:, 0]) / np.std(centers))


def coverage() -> list[str]:
    """A line for each kind of data: coverage and, in brackets, median width by the number of seeds."""

    def cell(data: Data, n: int) -> str:
        covered, width = simulated(data, n)
        return "infinite" if math.isinf(width) else f"{covered:.3f} ({width:.1f})"

    return [line(f"`{data.kind}`", data.name, *(cell(data, n) for n in SIZES)) for data in DATA]


def lab_claims() -> list[tuple[str, Claim]]:
    """The claims of the lecture's labs, each with its lab's name."""
    return [
        (entry.name, claim)
        for entry in find_labs(ROOT).values()
        for claim in importlib.import_module(entry.module).LAB.claims
    ]


def _rows(claims: Sequence[tuple[str, Claim]], column_of: Callable[[Claim], str], columns: Sequence[str]) -> list[str]:
    """A line for each row with its parts by column."""
    rows: dict[tuple[str, str], dict[str, list[str]]] = {}
    for lab, claim in claims:
        cells = rows.setdefault((lab, claim.row), {column: [] for column in columns})
        cells[column_of(claim)].append(f"`{claim.id.partition('/')[2] or claim.id}`")
    return [
        line(f"`{lab}`", f"`{row}`", *(", ".join(cells[column]) or NONE for column in columns))
        for (lab, row), cells in rows.items()
    ]


def roles() -> list[str]:
    """A line for each row with its parts by role."""
    return _rows(lab_claims(), lambda claim: claim.says, ROLES)


def intervals() -> list[str]:
    """A line for each row with statistical parts, by their interval."""
    statistical = [(lab, claim) for lab, claim in lab_claims() if claim.kind == "statistical"]
    return _rows(statistical, lambda claim: claim.interval, ("items", "mean", "log-mean", "median"))


def line(*cells: str) -> str:
    """A line of a table."""
    return f"| {' | '.join(cells)} |"


Tables = Mapping[str, Callable[[], list[str]]]
"""By its header the lines of each table."""
TABLES: Tables = {
    line("`interval`", "data", *(f"n = {n}" for n in SIZES)): coverage,
    line("lab", "row", "seeds and items: `items`", "seeds only: `mean`", "`log-mean`", "`median`"): intervals,
    line("lab", "row", *ROLES): roles,
}


def lines_below(header: str, text: str) -> list[str]:
    """The lines of a table on the page, without its header and its ruler."""
    lines = text.splitlines()
    first = lines.index(header) + 2
    return lines[first : next(i for i in range(first, len(lines) + 1) if not "".join(lines[i : i + 1]).startswith("|"))]


def written(text: str, tables: Tables = TABLES) -> str:
    """The page with fresh tables."""
    for header, table in tables.items():
        old = "\n".join([header, line(*["---"] * (header.count("|") - 1)).replace(" ", ""), *lines_below(header, text)])
        assert old in text, f"the ruler below {header}"
        text = text.replace(old, "\n".join([*old.splitlines()[:2], *table()]))
    return text


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
