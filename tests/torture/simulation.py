"""Many schedules of the simulation, on all cores."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from multiprocessing import get_context

from tests.lib.harness.simulation.schedule import WEIGHTS, run, shortest

AT_A_TIME = 50
"""Schedules that a worker plays before it says what came of them."""


@dataclass
class Found:
    """The schedules that were played, what happened in them, and by its seed what was lost in one."""

    schedules: int = 0
    seconds: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)
    failed: dict[int, list[str]] = field(default_factory=dict)


def play(first: int, number: int) -> Found:
    """Play schedules from the seed `first` on."""
    found, started = Found(), time.process_time()
    for seed in range(first, first + number):
        outcome = run(seed)
        if outcome.lost:
            found.failed[seed] = outcome.lost
        found.counts += outcome.counts
    found.schedules, found.seconds = number, time.process_time() - started
    return found


def search(seconds: float, first: int, *, until_lost: bool = False) -> Found:
    """Play schedules for this many seconds, on all cores."""
    deadline = time.monotonic() + seconds
    total = Found()

    def more() -> Iterator[int]:
        seed = first
        while time.monotonic() < deadline and not (until_lost and total.failed):
            yield seed
            seed += AT_A_TIME

    seeds = more()
    workers = len(os.sched_getaffinity(0))
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        waiting = {pool.submit(play, seed, AT_A_TIME) for seed, _ in zip(seeds, range(workers), strict=False)}
        while waiting:
            done = next(as_completed(waiting))
            waiting.remove(done)
            found = done.result()
            total.schedules += found.schedules
            total.seconds += found.seconds
            total.counts += found.counts
            total.failed |= found.failed
            waiting |= {pool.submit(play, seed, AT_A_TIME) for seed, _ in zip(seeds, range(1), strict=False)}
    return total


def replay(seed: int) -> list[str]:
    """Play the schedule of a seed. Returns what it loses, and the steps that it takes to lose it."""
    outcome = run(seed)
    if not outcome.lost:
        return []
    return [*outcome.lost, *(f"    {step}" for step in shortest(outcome.steps))]


def table(found: Found) -> list[str]:
    """The lines on what was tried: steps by kind, and what happened in the middle of which call."""
    speed = found.schedules / found.seconds if found.seconds else 0.0
    lines = [
        f"{found.schedules:,} schedules ({speed:,.0f} a second of processor time), {len(found.failed)} lost something"
    ]
    lines += [f"  {found.counts[name]:9,}  {name}" for name in WEIGHTS if found.counts[name]]
    inside: dict[str, Counter[str]] = {}
    for what, number in found.counts.items():
        call, colon, event = what.partition(": ")
        if colon:
            inside.setdefault(event, Counter())[call] += number
    lines += [
        f"  {sum(calls.values()):9,}  {event} in the middle of {len(calls)} calls"
        for event, calls in sorted(inside.items())
    ]
    return lines
