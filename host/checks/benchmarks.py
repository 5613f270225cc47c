"""`./invoke bench`: runs each file of benchmarks/ and prints its rows as one table.

A benchmark has `run()`, which gives rows (what, ours, peer, ratio, goal): ours and the peer's as text or in seconds,
the goal as text, as the least ratio, or None. It runs in the lab image; one that measures the commands themselves (its
name begins with `host_`) runs here.
"""

import json
import sys
from typing import Any

from host.bootstrap import process
from host.bootstrap.paths import ROOT
from host.engine import build, docker, images
from host.runs import sandbox
from lib.harness.errors import UserError

COLUMNS = ("what", "ours", "peer", "ratio", "goal")
LONG = ("load",)
"""Benchmarks that take an hour or more: they run where they are named."""
# rows go last, on a line of their own: what is measured may print
SCRIPT = "import importlib, json, sys; print('\\n' + json.dumps(importlib.import_module(sys.argv[1]).run()))"


def names(only: list[str]) -> list[str]:
    """The benchmarks that are named in `only`, all but `LONG` when none is. Raises `UserError` for an unknown one."""
    there = sorted(path.stem for path in (ROOT / "benchmarks").glob("*.py") if not path.stem.startswith("_"))
    unknown = [name for name in only if name not in there]
    if unknown:
        raise UserError(f"--only {unknown[0]}: it is one of {', '.join(there)}")
    return [name for name in there if (name in only if only else name not in LONG)]


def require(wanted: list[str], local: bool) -> None:
    """Raises `UserError` when all of `wanted` need an engine and there is none, or none is to be used."""
    if all(name.startswith("host_") for name in wanted):
        if local:
            raise UserError(f"--only {wanted[0]} and --local cannot be combined: it needs a Docker engine")
        docker.require()


def bench(wanted: list[str], local: bool, *, as_json: bool) -> None:
    """Run the benchmarks `wanted` and print the table. Raises `UserError` for one that fails."""
    if not local:
        build.ensure(*images.IMAGES)
    rows: list[list[Any]] = []
    for name in wanted:
        on_host = name.startswith("host_")
        if on_host and local:
            print(f"{name}: not measured, it needs a Docker engine", file=sys.stderr)
            continue
        print(f"{name} …", file=sys.stderr, flush=True)
        arguments = ["-c", SCRIPT, f"benchmarks.{name}"]
        command = [sys.executable, *arguments] if on_host else sandbox.command(arguments, local)
        with sandbox.variables(local) as environment:
            # no time limit: a benchmark takes as long as what it measures
            result = process.output(command, limit=None, cwd=ROOT, env=environment, stderr=None)
        if result.returncode:
            raise UserError(f"benchmarks/{name}.py ended with exit code {result.returncode}; the lines above say why")
        rows += json.loads(result.stdout.splitlines()[-1])
    if as_json:
        print(json.dumps([dict(zip(COLUMNS, row, strict=True)) for row in rows], indent=1, ensure_ascii=False))
    else:
        _table(rows)


def _table(rows: list[list[Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("ours : peer", box=None, header_style="bold", pad_edge=False)
    for column in COLUMNS[1:]:
        table.add_column(column, justify="right")
    for what, ours, peer, ratio, goal in rows:
        table.add_row(what, ours, peer, f"{ratio:.3g}", goal)
    Console(width=None if sys.stdout.isatty() else 160).print(table)
