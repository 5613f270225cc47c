"""A lab that is simulated: real journals and recorders, by the calls that a run makes of them."""

from __future__ import annotations

import random
from contextlib import suppress
from pathlib import Path

from lib.harness.errors import UserError
from lib.harness.recording import journal as journals
from lib.harness.recording import reading
from lib.harness.recording.journal import Journal, JournalError
from lib.harness.recording.recorder import Recorder
from lib.harness.running import resumption
from tests.lib.harness.simulation.machine import Machine

TRIALS = 4
"""Of a lab."""


class Promise:
    """The promise of a journal: after a power cut it has `count` records, and with its end the files that it had."""

    def __init__(self) -> None:
        self.appended: list[float] = []
        self.count = 0
        self.files: dict[Path, bytes] = {}
        self.status = ""


class Lab:
    """A run of a lab in a process.

    Attributes:
        process: its name.
        folder: of its journals.
        open: the journals that it writes, by path, the parent's among them.
    """

    def __init__(self, machine: Machine, process: str, folder: Path, promises: dict[Path, Promise]):
        self.machine, self.process, self.folder = machine, process, folder
        self.promises = promises
        self.open: dict[Path, Journal] = {}
        self._recorders: dict[Path, Recorder] = {}
        self._next = 0

    @property
    def path(self) -> Path:
        """The parent's journal."""
        return self.folder / "run.jsonl"

    def begin(self) -> None:
        """Begin a new run."""
        journals.make_folder(self.folder, self.machine.disk)
        self._create(self.path, "all")
        self._write(self.path, "config.json", b'{"steps": 1}')
        self.open[self.path].sync()
        self._kept(self.path)

    def resume(self) -> None:
        """Resume a run. Raises `UserError` where that is not possible."""
        run = resumption.read_run(self.path, self.machine.disk)
        if run is None:
            raise UserError("nothing was recorded")
        journal = run.take_up(self.machine.disk, self.machine.clock)
        self.open[self.path] = journal
        for path in [self.path, *self.trials()]:
            self._read(path)

    def _read(self, path: Path) -> None:
        """Go on counting from what is on the disk: others have written there meanwhile."""
        promise = self.promises.setdefault(path, Promise())
        try:
            number = sum(1 for _ in reading.read(path, disk=self.machine.disk))
        except reading.DamagedError:
            return
        promise.appended = [self.machine.clock.monotonic()] * number

    def trials(self) -> list[Path]:
        """The journals of its trials."""
        return [self.folder / name for name in self.machine.disk.names(self.folder) if reading.is_trial(name)]

    def _create(self, path: Path, variant: str) -> None:
        parent = None if path == self.path else self.folder.name
        key = self.folder.name if parent is None else f"{self.folder.name}.{path.stem}"
        header = {
            "key": key,
            "parent": parent,
            "experiment": self.folder.name[16:-7],
            "name": path.stem,
            "tags": {"lab.name": "tiny", "lab.variant": variant, "lab.seed": "0", "lab.framework": "numpy"},
            "params": {"steps": "1"},
        }
        self.promises[path] = Promise()
        journal = Journal.create(path, header, self.machine.disk, self.machine.clock)
        self.open[path] = journal
        self._recorders[path] = Recorder(journal)
        self._appended(path)

    def _appended(self, path: Path, number: int = 1) -> None:
        self.promises[path].appended += [self.machine.clock.monotonic()] * number

    def _kept(self, path: Path) -> None:
        promise = self.promises[path]
        promise.count = max(promise.count, len(promise.appended))

    def _write(self, path: Path, name: str, data: bytes) -> None:
        self.open[path].write(name, data)
        self.promises[path].files[self.open[path].files / name] = data

    def step(self, rng: random.Random) -> None:
        """Do something that a lab does."""
        trials = [path for path in self.open if path != self.path]
        choice = rng.random()
        if (choice < 0.15 or not trials) and self._next < TRIALS and len(trials) < 2:
            self._begin_trial()
        elif trials and choice < 0.75:
            self._log(rng.choice(trials), rng)
        elif trials:
            self._end_trial(rng.choice(trials), rng)
        elif self._next >= TRIALS:
            self._end()
        else:
            self.open[self.path].append(
                "timing", step=0, values={"gpu": rng.random()}, time=self.machine.clock.now_ms()
            )
            self._appended(self.path)

    def _begin_trial(self) -> None:
        number, self._next = self._next, self._next + 1
        attempt = 1
        while True:
            path = self.folder / f"trial-{number:04d}{f'-{attempt}' if attempt > 1 else ''}.jsonl"
            if not self.machine.disk.exists(path):
                break
            attempt += 1
            try:
                last = reading.last(path, self.machine.disk)
            except reading.DamagedError:
                continue
            if last and last.get("status") == "FINISHED":
                return  # it is adopted
        self._create(path, "fast")
        self._write(path, "config.json", b'{"steps": 2}')

    def _log(self, path: Path, rng: random.Random) -> None:
        recorder = self._recorders[path]
        for _ in range(rng.randint(1, 4)):
            step = len(self.promises[path].appended)
            if rng.random() < 0.8:
                recorder(step, loss=rng.random(), infinite=float("inf"))
            else:
                recorder.timing(step, seconds=rng.random())
            self._appended(path)

    def _end_trial(self, path: Path, rng: random.Random) -> None:
        journal, recorder = self.open[path], self._recorders[path]
        if rng.random() < 0.7:
            with journal.writing("model/parameters.npz") as file:
                file.write(bytes(rng.randrange(1, 50)))
            recorder.measurements({"accuracy": rng.random()})
            self._appended(path)
            self._finish(path, "FINISHED", {"lab.result_digest": recorder.digest})
        else:
            self._write(path, "traceback.txt", b"Traceback")
            self._finish(path, "FAILED", {"lab.error": "it failed"})

    def _finish(self, path: Path, status: str, tags: dict[str, str]) -> None:
        journal = self.open[path]
        promise = self.promises[path]
        for file in self.machine.disk.below(journal.files):
            promise.files[file] = self.machine.disk.data(file) or b""
        journal.end(status, **tags)
        del self.open[path]
        self._appended(path)
        self._kept(path)
        promise.status = status

    def _end(self) -> None:
        self._write(self.path, "claims.json", b"[]")
        figure = self.open[self.path].files / "figures"  # drawn by another process, which syncs nothing
        self.machine.disk.make_folder(figure)
        with self.machine.disk.writing(figure / "loss.png") as file:
            file.write(b"PNG")
        self._finish(self.path, "FINISHED", {"lab.result_digest": "d"})

    @property
    def has_ended(self) -> bool:
        """Return whether its run has come to its end."""
        return self.path not in self.open

    def abandon(self) -> None:
        """End as a lab does whose disk has failed: what is still possible, and no more."""
        for journal in [*self.open.values()]:
            with suppress(JournalError):
                journal.end("FAILED", **{"lab.ended": "the disk failed"})
        self.machine.kill(self.process)

    def keep_promises(self) -> None:
        """A second has passed for what was recorded before it: it is to be on the disk, if the process lives."""
        limit = self.machine.clock.monotonic() - 1.0
        for path, journal in self.open.items():
            if journal._failure is None and self.process not in self.machine.killed:
                promise = self.promises[path]
                promise.count = max(promise.count, sum(time <= limit for time in promise.appended))
