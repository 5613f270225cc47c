"""Labs, shippers and an MLflow on one machine, all of them simulated, and all that can happen to them."""

from __future__ import annotations

import errno
import random
from collections.abc import Callable
from pathlib import Path

from lib.harness.errors import UserError
from lib.harness.recording.journal import JournalError
from lib.harness.shipping.follow import Follower, ship_left_behind
from lib.harness.shipping.server import RefusedError, ServerAwayError
from lib.harness.shipping.shipper import Shipper
from lib.harness.shipping.state import JOURNAL, unsent
from tests.lib.harness.simulation.disk import ROOT
from tests.lib.harness.simulation.lab import Lab, Promise
from tests.lib.harness.simulation.machine import Machine
from tests.lib.harness.simulation.oracle import after_power_cut, lines_of
from tests.lib.harness.simulation.tracking import SimulatedServer, Store

LABS = 3
"""Of a schedule, at most."""


class World:
    """All of it.

    Attributes:
        labs: the living ones, by process.
        followers: the shippers of labs, by process; the lock of each once it has it.
        damaged: the journals that somebody, or the power, has spoilt.
        lost: what was to be kept and was not, a line each.
    """

    def __init__(self) -> None:
        self.machine = Machine()
        self.machine.disk.make_root()
        self.server = SimulatedServer(self.machine)
        self.promises: dict[Path, Promise] = {}
        self.labs: dict[str, Lab] = {}
        self.followers: dict[str, tuple[Path, Follower]] = {}
        self.locked: set[str] = set()
        self.damaged: set[Path] = set()
        self.lost: list[str] = []
        self._backup: Store | None = None
        self._processes = 0

    def process(self, kind: str) -> str:
        """The name of a new process."""
        self._processes += 1
        return f"{kind}{self._processes}"

    def folders(self) -> list[Path]:
        """The folders of runs that are on the disk."""
        return [path.parent for path in self.machine.disk.journals() if path.name == JOURNAL]

    def begin_lab(self, rng: random.Random) -> None:
        """Start a lab and its shipper."""
        number = len(self.machine.disk.names(ROOT))
        if number < LABS:
            folder = ROOT / f"20260101-00000{number}-tiny-{number:06x}"
            self._start(folder, lambda lab: lab.begin())

    def resume_lab(self, rng: random.Random) -> None:
        """Resume a run whose lab is gone."""
        living = {lab.folder for lab in self.labs.values()}
        gone = [folder for folder in self.folders() if folder not in living]
        if gone:
            self._start(rng.choice(gone), lambda lab: lab.resume())

    def _start(self, folder: Path, begin: Callable[[Lab], None]) -> None:
        lab = Lab(self.machine, self.process("lab"), folder, self.promises)
        self.labs[lab.process] = lab
        with self.machine.in_process(lab.process):
            try:
                begin(lab)
            except UserError:
                self.machine.kill(lab.process)
        if lab.process in self.machine.killed:
            self.labs.pop(lab.process, None)
            return
        process = self.process("ship")
        follower = Follower(
            folder,
            reach=self.server.answers,
            join=lambda: self.server,
            lives=lambda: lab.process in self.labs,
            tell=lambda line: None,
            disk=self.machine.disk,
            clock=self.machine.clock,
        )
        self.followers[process] = folder, follower

    def step_lab(self, rng: random.Random) -> None:
        """Let a lab go on for a while."""
        lab = self._lab(rng)
        if lab is None:
            return
        with self.machine.in_process(lab.process):
            try:
                for _ in range(rng.randint(1, 8)):
                    lab.step(rng)
                    if lab.has_ended:
                        break
            except JournalError:
                lab.abandon()
        if lab.has_ended or lab.process in self.machine.killed:
            self.machine.kill(lab.process)
            self.labs.pop(lab.process, None)

    def _lab(self, rng: random.Random) -> Lab | None:
        names = [name for name in self.labs if name != self.machine.process]
        return self.labs[rng.choice(names)] if names else None

    def step_shipper(self, rng: random.Random) -> None:
        """Let a shipper look at its journals."""
        names = [name for name in self.followers if name != self.machine.process]
        if names:
            self._step(rng.choice(names))

    def _step(self, name: str) -> None:
        folder, follower = self.followers[name]
        goes_on = False
        with self.machine.in_process(name):
            try:
                if name not in self.locked:
                    if self.machine.disk.lock(folder / "shipping.lock", wait=True) is None:
                        return
                    self.locked.add(name)
                goes_on = follower.step() is not None
            except (UserError, OSError):
                pass
        if not goes_on:
            self.machine.kill(name)
            self.followers.pop(name, None)

    def sync(self, rng: random.Random) -> None:
        """Run ``sync``."""
        process = self.process("sync")
        disk = self.machine.disk
        with self.machine.in_process(process):
            try:
                for folder in list(unsent(ROOT, self.server.parents(), disk)):
                    if disk.exists(folder / JOURNAL):
                        try:
                            ship_left_behind(Shipper(self.server, folder, disk), folder, disk, self.machine.clock)
                        except RefusedError:
                            self.machine.counts["refused"] += 1
            except (ServerAwayError, JournalError, OSError):
                pass
        self.machine.kill(process)

    def wait(self, rng: random.Random) -> None:
        """Let time pass."""
        self.machine.clock.advance(rng.choice((0.1, 0.6, 1.1, 6.0)))
        for lab in self.labs.values():
            lab.keep_promises()

    def kill_lab(self, rng: random.Random) -> None:
        """Kill a lab with its workers."""
        lab = self._lab(rng)
        if lab is not None:
            self.machine.kill(lab.process)
            del self.labs[lab.process]

    def kill_shipper(self, rng: random.Random) -> None:
        """Kill a shipper."""
        names = [name for name in self.followers if name != self.machine.process]
        if names:
            name = rng.choice(names)
            self.machine.kill(name)
            del self.followers[name]

    def kill_process(self) -> None:
        """Kill the process that is at work."""
        name = self.machine.process
        if name:
            self.machine.kill(name)
        self.labs.pop(name, None)
        self.followers.pop(name, None)

    def cut_power(self, rng: random.Random) -> None:
        """Cut the power. What was promised must be there after it."""
        self.machine.cut_power(rng, [*self.labs, *self.followers, *filter(None, [self.machine.process])])
        self.labs.clear()
        self.followers.clear()
        self.lost += after_power_cut(self.machine.disk, self.promises, self.damaged)
        self.damaged |= {path for path in self.machine.disk.journals() if lines_of(self.machine.disk, path)[1]}

    def stop_server(self, rng: random.Random) -> None:
        """Stop MLflow."""
        self.server.up = False

    def start_server(self, rng: random.Random) -> None:
        """Start MLflow."""
        self.server.up = True

    def let_server_fail(self, rng: random.Random) -> None:
        """Let some of MLflow's next answers fail."""
        self.server.failures = [""] * rng.randint(0, 12) + [rng.choice(("error", "lost", "slow"))] * rng.randint(1, 2)

    def set_clock_back(self, rng: random.Random) -> None:
        """Set the machine's clock back, or forward."""
        self.machine.clock.ahead += rng.choice((-3_600_000, -1000, 5000))

    def back_up(self, rng: random.Random) -> None:
        """Copy all that MLflow has."""
        self._backup = self.server.copy()

    def restore(self, rng: random.Random) -> None:
        """Stop MLflow, replace its data with an older copy or with nothing, and start it."""
        self.server.up = False
        for name in list(self.followers):
            self._step(name)  # while it restarts, nobody reaches it
        self.server.store = self._backup if self._backup is not None and rng.random() < 0.7 else Store()
        self._backup = None
        self.server.up = True

    def delete_run(self, rng: random.Random) -> None:
        """Delete a run on MLflow's page."""
        if self.server.store.runs:
            self.server.store.runs[rng.choice(sorted(self.server.store.runs))].deleted = True

    def delete_experiment(self, rng: random.Random) -> None:
        """Delete the experiment on MLflow's page."""
        for experiment in list(self.server.store.experiments.values()):
            self.server.bin_experiment(experiment.id, deleted=True)

    def let_disk_fail(self, rng: random.Random) -> None:
        """Let some calls of the disk fail."""
        self.machine.disk.failure = rng.choice((errno.ENOSPC, errno.EIO))
        self.machine.disk.fails = rng.randint(1, 5)

    def spoil(self, rng: random.Random) -> None:
        """Overwrite a piece of a journal that nobody writes, as a bad sector does."""
        living = {path for lab in self.labs.values() for path in lab.open}
        paths = [path for path in self.machine.disk.journals() if path not in living]
        if paths:
            path = rng.choice(paths)
            inode = self.machine.disk.inodes[self.machine.disk.numbers[str(path)]]
            inode.sync()
            if len(inode.data) > 40:
                start = rng.randrange(len(inode.data) - 30)
                inode.data[start : start + 8] = bytes(8)
                inode.sync()
                self.damaged.add(path)

    def settle(self) -> None:
        """End what is left, and sync until nothing is left to send."""
        self.machine.set_trap(0, None)
        for name in [*self.labs, *self.followers]:
            self.machine.kill(name)
        self.labs.clear()
        self.followers.clear()
        self.server.up, self.server.failures, self.machine.disk.fails = True, [], 0
        rng = random.Random(0)
        left: list[Path] = []
        for _ in range(4):
            self.sync(rng)
            spoilt = {path.parent for path in self.damaged} | set(self.unreadable())
            left = [each for each in unsent(ROOT, self.server.parents(), self.machine.disk) if each not in spoilt]
            left = [folder for folder in left if self.machine.disk.exists(folder / JOURNAL)]
            if not left:
                break
        self.lost += [f"{folder.name}: not sent, however often" for folder in left]

    def unreadable(self) -> list[Path]:
        """The folders with a journal that is damaged, if by the power alone."""
        disk = self.machine.disk
        return [path.parent for path in disk.journals() if lines_of(disk, path)[1]]
