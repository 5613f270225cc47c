"""Schedules: what happens, one step after the other, all of it from a seed."""

from __future__ import annotations

import random
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tests.lib.harness.simulation.oracle import compare
from tests.lib.harness.simulation.world import World

WEIGHTS = {
    "begin_lab": 6,
    "step_lab": 30,
    "step_shipper": 25,
    "wait": 12,
    "sync": 4,
    "resume_lab": 5,
    "kill_lab": 3,
    "kill_shipper": 2,
    "cut_power": 3,
    "stop_server": 2,
    "start_server": 4,
    "let_server_fail": 4,
    "set_clock_back": 2,
    "back_up": 1,
    "restore": 1,
    "delete_run": 0.4,
    "delete_experiment": 0.4,
    "let_disk_fail": 1,
    "spoil": 0.5,
}
"""How often each action is chosen."""
AT_WORK = ("begin_lab", "step_lab", "step_shipper", "sync", "resume_lab")
"""Actions in the middle of which something else may happen."""
INSIDE = (
    "step_lab",
    "step_shipper",
    "sync",
    "kill_lab",
    "kill_shipper",
    "stop_server",
    "let_server_fail",
    "delete_run",
)
"""What may happen then, beside a kill and a power cut."""


@dataclass(frozen=True)
class Step:
    """An action. `inside`: what happens in the middle of it, before its call number `after`."""

    action: str
    seed: int
    inside: str = ""
    after: int = 0


@dataclass
class Outcome:
    """The outcome of a schedule. `lost`: a line for each thing that was to be kept and was not."""

    steps: Sequence[Step]
    lost: list[str]
    counts: Counter[str]


@dataclass
class Search:
    """The outcome of many schedules."""

    schedules: int = 0
    seconds: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)
    failed: dict[int, Outcome] = field(default_factory=dict)


def schedule(seed: int) -> list[Step]:
    """The steps of a schedule."""
    rng = random.Random(seed)
    steps = []
    for _ in range(rng.randint(8, 45)):
        (action,) = rng.choices(list(WEIGHTS), list(WEIGHTS.values()))
        inside, after = "", 0
        if action in AT_WORK and rng.random() < 0.25:
            inside = rng.choice(("kill", "cut_power", *INSIDE))
            after = rng.randint(1, rng.choice((5, 20, 60)))
        steps.append(Step(action, rng.getrandbits(32), inside, after))
    return [Step("begin_lab", 0), *steps]


def play(steps: Sequence[Step]) -> Outcome:
    """Play steps, settle, and compare MLflow with the journals."""
    world = World()
    try:
        for step in steps:
            rng = random.Random(step.seed)
            if step.inside:
                world.machine.set_trap(step.after, _trap(world, step, rng))
            getattr(world, step.action)(rng)
            world.machine.counts[step.action] += 1
            world.machine.set_trap(0, None)
        world.settle()
    except Exception:  # no fault is to end a process like that
        world.lost.append(traceback.format_exc())
    lost = world.lost + list(compare(world.machine.disk, world.server.store, world.damaged))
    return Outcome(steps, lost, world.machine.counts)


def _trap(world: World, step: Step, rng: random.Random) -> Callable[[str], None]:
    def spring(call: str) -> None:
        world.machine.counts[f"{call}: {step.inside}"] += 1
        if step.inside == "kill":
            world.kill_process()
        else:
            world.machine.clock.frozen = True
            try:
                getattr(world, step.inside)(rng)
            finally:
                world.machine.clock.frozen = False

    return spring


def run(seed: int) -> Outcome:
    """Play the schedule of a seed."""
    return play(schedule(seed))


def search(seconds: float, first: int = 0) -> Search:
    """Play schedules from the seed `first` on, for this many seconds of processor time."""
    result = Search()
    started = time.process_time()
    while time.process_time() - started < seconds:
        outcome = run(first + result.schedules)
        if outcome.lost:
            result.failed[first + result.schedules] = outcome
        result.counts += outcome.counts
        result.schedules += 1
    result.seconds = time.process_time() - started
    return result


def shortest(steps: Sequence[Step]) -> list[Step]:
    """Leave out of a schedule that fails all steps without which it fails as well."""
    steps = list(steps)
    size = len(steps) // 2
    while size:
        start = 0
        while start < len(steps):
            fewer = steps[:start] + steps[start + size :]
            if play(fewer).lost:
                steps = fewer
            else:
                start += size
        size //= 2
    return steps
