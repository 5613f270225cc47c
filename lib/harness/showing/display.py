"""What a user sees of a lab in the terminal: progress, the table of results, the verdicts."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from lib.harness.contract.claim import with_role
from lib.harness.contract.results import Results
from lib.harness.contract.texts import Text
from lib.harness.errors import one_line
from lib.harness.judging.family import ALONE, Family
from lib.harness.judging.intervals import TAIL
from lib.harness.showing.progress import tell

WIDTH = None if sys.stdout.isatty() else 160  # a file or a pipe has no width of its own
console = Console(highlight=False, width=WIDTH)
errors = Console(highlight=False, stderr=True)
_COLOURS = {"holds": "green", "fails": "red", "inconclusive": "yellow", "not measured": "magenta"}


def warn(text: str) -> None:
    """Say what went wrong without ending the command: one line."""
    console.print(f"[yellow]Warning:[/] {escape(one_line(text))}", soft_wrap=True)
    tell(warning=text)


def heading(text: str) -> None:
    """Print the heading of the next part of the output."""
    console.print(f"[bold]{escape(text)}")


@contextmanager
def redirected_to_stderr(wanted: bool) -> Iterator[None]:
    """Print everything inside to standard error, so that standard output stays for a machine to read."""
    before = console.file
    console.file = sys.stderr if wanted else before
    try:
        yield
    finally:
        console.file = before


def print_labs(labs: Iterable[Mapping[str, Any]]) -> None:
    """The labs: name, what it shows, duration, frameworks, its rows with their last verdicts."""
    table = Table(header_style="dim", box=None, pad_edge=False)
    for column in ("lab", "shows", "full", "frameworks", "last verdicts"):
        table.add_column(column, no_wrap=column != "shows")
    for lab in labs:
        rows = "\n".join(f"{verdict or 'not run':>12}  {row}" for row, verdict in lab["verdicts"].items())
        table.add_row(lab["name"], lab["summary"], f"{lab['minutes']:g} min", "/".join(lab["frameworks"]), rows)
    console.print(table)


class Counter:
    """Counts trials on a terminal with a bar, elsewhere with a line now and then."""

    def __init__(self, progress: Progress | None, name: str):
        self._progress = progress
        self._name = name
        self._asked = self._ended = self._failed = 0
        self._by_worker: dict[str, int] = {}
        self._task = progress.add_task(name, total=None) if progress else None

    def _tell(self, trial: str = "") -> None:
        tell(asked=self._asked, ended=self._ended, failed=self._failed, trial=trial)

    def asked(self, number: int) -> None:
        """The study has asked for `number` more trials."""
        self._asked += number
        self._tell()
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, total=self._asked)

    def started(self, what: str) -> None:
        """A trial has begun."""
        self._tell(what)
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, description=f"{self._name} [dim]{escape(what)}")

    def ended(self, failed: bool, worker: str = "") -> None:
        """A trial has ended. `worker`: the machine that ran it, if not this one."""
        self._ended += 1
        self._failed += failed
        self._tell()
        if worker:
            self._by_worker[worker] = self._by_worker.get(worker, 0) + 1
        workers = ", ".join(f"{name}: {number}" for name, number in sorted(self._by_worker.items()))
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, completed=self._ended)
            if workers:
                self._progress.update(self._task, description=f"{self._name} [dim]{escape(workers)}")
        elif self._ended % 20 == 0 or self._ended == self._asked:
            console.print(f"{self._name}: {self._ended} of {self._asked} trials{f' ({workers})' if workers else ''}")


@contextmanager
def counting(name: str) -> Iterator[Counter]:
    """A counter for one lab."""
    if not console.is_terminal:
        yield Counter(None, name)
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        yield Counter(progress, name)


def number(value: float | None, limits: Collection[float] = (), digits: int = 3) -> str:
    """A number in few characters: `digits` digits, and as many more as show on which side of the limits it lies.

    Whole ones below a million have all of theirs.
    """
    if value is None:
        return "-"
    value = float(value)
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if value.is_integer() and abs(value) < 1e6:
        return f"{value:.0f}"
    texts = [f"{value:.{count}g}" for count in range(digits, 18)]
    return next((text for text in texts if all(_side(float(text), at) == _side(value, at) for at in limits)), texts[-1])


def _side(value: float, limit: float) -> int:
    """The side of a limit on which a value lies: 1 above, -1 below, 0 at it (or nowhere, as NaN is)."""
    return (value > limit) - (value < limit)


LIMIT = re.compile(r"[<>]=? (-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)")


def limits_of(record: Mapping[str, Any]) -> list[float]:
    """The limits of a claim's range, as its record shows it."""
    return [float(text) for text in LIMIT.findall(record["holds_when"])]


def effect_text(record: Mapping[str, Any]) -> str:
    """A claim's effect, never rounded to its limit or beyond it; a dash where there is none."""
    return number(record["effect"], limits_of(record))


def ends_text(record: Mapping[str, Any], between: str = " … ") -> str:
    """Both ends of the interval of a claim's effect, rounded as the effect is."""
    return between.join(number(record[end], limits_of(record)) for end in ("low", "high"))


def _table(title: str) -> Table:
    return Table(
        title=title,
        title_justify="left",
        title_style="bold",
        header_style="dim",
        box=None,
        pad_edge=False,
        min_width=60,
    )


MEANS = 4  # of a variant, in the table of results


def _mean(name: str, values: Sequence[float], seeds: int) -> str:
    """A mean over seeds; where some seeds lack the measurement, of how many it is."""
    return f"{name} {number(sum(values) / len(values))}{f' (of {len(values)})' if len(values) < seeds else ''}"


def print_results(results: Results) -> None:
    """A row per variant that measures numbers: the means over seeds of the first four."""
    table = _table("Results (mean over seeds)")
    for column in ("variant", "seeds", "measured"):
        table.add_column(column, justify="right" if column == "seeds" else "left")
    for variant in results.variants():
        finished = results.of(variant)
        measured: dict[str, list[float]] = {}
        for result in finished:
            for name, value in result.measurements.items():
                if isinstance(value, (int, float)):
                    measured.setdefault(name, []).append(float(value))
        if measured:
            shown = "  ".join(_mean(name, values, len(finished)) for name, values in list(measured.items())[:MEANS])
            table.add_row(escape(variant), str(len(finished)), escape(shown))
    console.print(table)
    console.print()


VALUE_LENGTH = 100  # of a measurement in a table


def print_measurements(measurements: Mapping[str, Any]) -> None:
    """Print the measurements of one trial, a row each; of a long one its beginning."""
    table = _table("Measurements")
    table.add_column("name", no_wrap=True)
    table.add_column("value", overflow="fold")
    for name, value in measurements.items():
        text = str(value)
        table.add_row(escape(name), escape(text if len(text) <= VALUE_LENGTH else f"{text[: VALUE_LENGTH - 1]}…"))
    console.print(table)


def print_rehearsal(rows: Iterable[tuple[str, str, str, str]]) -> None:
    """Print the outcome of a rehearsal, a row a part: its kind, its name, the outcome, details."""
    table = _table("Rehearsal")
    for column in ("part", "name", "outcome"):
        table.add_column(column, no_wrap=True)
    table.add_column("", overflow="fold")
    colours = {"ok": "green", "error": "red", "not rehearsed": "yellow"}
    for part, name, outcome, more in rows:
        table.add_row(part, escape(name), f"[{colours[outcome]}]{outcome}", escape(more))
    console.print(table)


BEST_SHOWN = 5


def print_best(
    rows: Sequence[tuple[str, float | None, Mapping[str, Any]]], measure: str, goal: Literal["minimize", "maximize"]
) -> None:
    """The best trials of a search: name, value of `measure`, the fields that were searched. None: not to its end."""
    table = _table("Best of the search")
    fields = list(rows[0][2]) if rows else []
    table.add_column("trial")
    table.add_column(measure, justify="right")
    for name in fields:
        table.add_column(name, justify="right")
    ended = [(value, name, found) for name, value, found in rows if value is not None]
    ended.sort(key=lambda row: row[0], reverse=goal == "maximize")  # stable: the first one asked for wins a tie
    for value, name, found in ended[:BEST_SHOWN]:
        shown = (number(v) if isinstance(v, float) else str(v) for v in found.values())
        table.add_row(escape(name), f"{value:.4g}", *map(escape, shown))
    console.print(table)


def part_name(record: Mapping[str, Any]) -> str:
    """The name of a part within its row, with its role's words before it: ``true only if: small-start``."""
    return with_role(record, record["id"].split("/", 1)[1])


def p_text(record: Mapping[str, Any]) -> str:
    """The one-sided p-value against the claim's limit, in few characters; a dash where there is none."""
    if record.get("p") is None:
        return "-"
    p = float(record["p"])
    return "< 0.001" if p < 0.001 else number(p, (TAIL,), digits=2)


def split_of(record: Mapping[str, Any]) -> Text | None:
    """The two parts of an interval over seeds and items; None of any other, as in records of older versions."""
    parts = record.get("parts") or {}
    if not {"seeds", "items"} <= parts.keys():
        return None
    seeds, items = number(parts["seeds"]), number(parts["items"])
    return Text(f"another start ±{seeds}, other data ±{items}", f"다른 초깃값이면 ±{seeds}, 다른 데이터면 ±{items}")


TURNS = Text(
    "would be inconclusive if the {rows} sentences of the lecture in this table that chance can decide were asked for "
    "at once (Holm's method); those that are exact or not measured do not count",
    "이 표에서 우연으로 판정이 달라질 수 있는 강의 문장 {rows}개를 한꺼번에 묻는다면 판단 불가가 됩니다(Holm의 방법). "
    "정확한 값으로 판정한 문장과 측정하지 않은 문장은 세지 않습니다",
)


def print_verdicts(records: Sequence[Mapping[str, Any]], family: Family = ALONE) -> None:
    """The verdicts, a row of the lecture and its parts below it: its sentences, then what else was measured of it.

    Args:
        records: as in ``claims.json``.
        family: the lecture's rows in it; those whose verdict would turn are marked.
    """
    table = _table("Verdicts")
    for column in ("claim", "verdict"):
        table.add_column(column, no_wrap=True)
    for column in ("effect", "95 % interval", "holds when"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("p", justify="right", no_wrap=True)
    table.add_column("unit", overflow="fold")
    for record in records:
        verdict = f"{record['verdict']}{'*' if record['id'] in family.turning else ''}"
        colour = _COLOURS.get(record["verdict"], "white")
        if "part" in record:
            table.add_row(f"[bold]{escape(record['id'])}", f"[bold {colour}]{escape(verdict)}", "", "", "", "", "")
            continue
        name = f"  {escape(part_name(record))}" if "/" in record["id"] else f"[bold]{escape(record['id'])}"
        interval = "exact" if record["kind"] == "exact" else ends_text(record)
        if record["effect"] is None:
            interval = "-"
        split = split_of(record)
        unit = f"{record['unit']} ({split.en})" if split else record["unit"]
        shown = (effect_text(record), interval, record["holds_when"], p_text(record), escape(unit))
        table.add_row(name, f"[{colour}]{escape(verdict)}", *shown)
    console.print(table)
    for record in records:
        unmeasured = record["effect"] is None or record["note"].startswith("inconclusive: ")
        if unmeasured and "part" not in record:
            console.print(f"[dim]{escape(record['id'])}: {escape(record['note'])}", soft_wrap=True)
    if family.turning:
        console.print(f"[dim]*: {TURNS.en.format(rows=family.rows)}", soft_wrap=True)
    console.print()
