"""Many faults: the places of each command, a fault at a time on each core, and what came of them."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.torture.case import Case
from tests.torture.places import ACTIONS, Fault, faults_of, unsynced
from tests.torture.program import Program

LIB, HOST = ("lab", "sync", "import"), ("load", "bundle", "backup")
"""The commands that run in the lab image, and those that run on the host."""
COMMANDS = (*LIB, *HOST)
WORKERS = max(1, len(os.sched_getaffinity(0)))


@dataclass
class Tried:
    """The faults that were tried.

    Attributes:
        places: faults by command, place and action.
        missed: faults whose call the run did not make.
        lost: what was lost, by the fault as `Fault` prints it, after its command.
        left: faults that there was no time for.
    """

    places: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    missed: int = 0
    lost: dict[str, list[str]] = field(default_factory=dict)
    left: int = 0

    @property
    def number(self) -> int:
        """Number of faults."""
        return sum(self.places.values())


class Bench:
    """The cases of one worker, each made when it is needed first."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._programs: dict[str, Program] = {}
        self._cases: dict[str, Case] = {}

    def case(self, name: str) -> Case:
        """The case of a command."""
        if name not in self._cases:
            self._cases[name] = self._lib(name) if name in LIB else self._host(name)
        return self._cases[name]

    def _lib(self, name: str) -> Case:
        from tests.torture import lib_cases

        folder = self._folder / "lib"
        if "lib" not in self._programs:
            folder.mkdir(parents=True)
            self._programs["lib"] = Program("lib", lib_cases.clone(folder), folder / "runs")
            _make_database(folder / "mlflow.db")
        kinds = {each.name: each for each in (lib_cases.LabCase, lib_cases.SyncCase, lib_cases.ImportCase)}
        return kinds[name](folder / name, self._programs["lib"], folder / "mlflow.db")

    def _host(self, name: str) -> Case:
        from tests.torture import host_cases

        folder = self._folder / "host"
        if "host" not in self._programs:
            folder.mkdir(parents=True)
            self._programs["host"] = Program("host", host_cases.clone(folder), folder / "runs")
        kinds = {each.name: each for each in (host_cases.LoadCase, host_cases.BundleCase, host_cases.BackupCase)}
        return kinds[name](folder / name, self._programs["host"])

    def close(self) -> None:
        """End the programs."""
        for program in self._programs.values():
            program.close()


def _make_database(path: Path) -> None:
    """Make an empty database, as MLflow's client does."""
    code = "import sys; from mlflow import MlflowClient; MlflowClient(sys.argv[1]).search_experiments()"
    variables = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "GIT_PYTHON_REFRESH": "quiet"}
    command = [sys.executable, "-c", code, f"sqlite:///{path}"]
    subprocess.run(command, check=True, env=variables, cwd=path.parent, capture_output=True)


@contextmanager
def benches(number: int) -> Iterator[list[Bench]]:
    """Benches for this many workers, in a folder that goes with them."""
    with tempfile.TemporaryDirectory(prefix="torture-", ignore_cleanup_errors=True) as folder:
        made = [Bench(Path(folder, str(index))) for index in range(number)]
        try:
            yield made
        finally:
            for bench in made:
                bench.close()


def place_faults(case: Case) -> tuple[list[Fault], list[str]]:
    """The faults of a command, from a run without one; and what that run alone gets wrong."""
    ended = case.first(None)
    faults = faults_of(ended.calls, case.room)
    return faults, [*ended.wrong(), *unsynced(ended.calls, case.room), *case.lost(ended)]


def try_fault(case: Case, fault: Fault) -> tuple[bool, list[str]]:
    """Try one fault. Returns whether its call was made, and what was lost."""
    ended = case.first(fault.at(case.room))
    return ended.was_hit, [*ended.wrong(), *case.lost(ended)]


def run(
    commands: Sequence[str], seconds: float, seed: int, *, until_lost: bool = False,
    say: Callable[[str], None] = lambda line: None,
) -> Tried:  # fmt: skip
    """Try the faults of commands for this many seconds, by chance; those of places that have had fewer come first."""
    tried = Tried()
    deadline = time.monotonic() + seconds
    with benches(WORKERS) as workers:
        todo: list[tuple[str, Fault]] = []
        for command in commands:
            faults, lost = place_faults(workers[0].case(command))
            if lost:
                tried.lost[f"{command}"] = lost
            say(f"{command}: {len({fault.place for fault in faults})} places, {len(faults)} faults")
            todo += [(command, fault) for fault in faults]
        if tried.lost and until_lost:
            return tried
        todo = _in_order(todo, random.Random(seed))
        lock = threading.Lock()

        def work(bench: Bench) -> None:
            while True:
                with lock:
                    if not todo or time.monotonic() > deadline or (until_lost and tried.lost):
                        return
                    command, fault = todo.pop(0)
                hit, lost = try_fault(bench.case(command), fault)
                with lock:
                    tried.missed += not hit
                    tried.places[command, fault.place, fault.action] += hit
                    if lost:
                        tried.lost[f"{command}:{fault}"] = lost
                        say(f"{command}:{fault}: {'; '.join(lost)}")

        with ThreadPoolExecutor(len(workers)) as pool:
            for working in [pool.submit(work, bench) for bench in workers]:
                working.result()
        tried.left = len(todo)
    return tried


def _in_order(faults: list[tuple[str, Fault]], rng: random.Random) -> list[tuple[str, Fault]]:
    """The faults by chance, those of places that have had fewer first."""
    rng.shuffle(faults)
    had: Counter[tuple[str, str]] = Counter()
    keys = []
    for command, fault in faults:
        keys.append(had[command, fault.place])
        had[command, fault.place] += 1
    return [each for _, each in sorted(zip(keys, faults, strict=True), key=lambda pair: pair[0])]


def replay(text: str) -> list[str]:
    """Try the fault that was printed as COMMAND:CALL:PATH:NUMBER:ACTION, or COMMAND alone without one."""
    command, _, fault = text.partition(":")
    with benches(1) as (bench,):
        case = bench.case(command)
        if not fault:
            return place_faults(case)[1]
        hit, lost = try_fault(case, Fault.read(fault))
        return lost or ([] if hit else ["the run did not make that call"])


def table(tried: Tried, commands: Sequence[str]) -> list[str]:
    """The lines on what was tried, by command and place, with the number of faults of each action."""
    lines = [f"{tried.number} faults at {len({key[:2] for key in tried.places})} places, "
             f"{tried.missed} not reached, {tried.left} left, {len(tried.lost)} lost something"]  # fmt: skip
    for command in commands:
        number = sum(count for key, count in tried.places.items() if key[0] == command)
        lost = sum(fault.partition(":")[0] == command for fault in tried.lost)
        lines += [f"{command}: {number} faults, {lost} lost something", f"         {'place':58} ENOSPC EIO KILL"]
        for place in sorted({place for name, place, _ in tried.places if name == command}):
            numbers = [tried.places[command, place, action] for action in ACTIONS]
            lines.append(f"         {place:58} {numbers[0]:6} {numbers[1]:3} {numbers[2]:4}")
    return lines
