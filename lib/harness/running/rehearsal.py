"""The rehearsal of a trial or a figure in a worker: for a few seconds, in a folder that goes."""

from __future__ import annotations

import signal
import sys
import sysconfig
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from lib.harness.contract.loading import lab_of
from lib.harness.contract.results import Results
from lib.harness.recording.journal import Journal, now_ms
from lib.harness.recording.reading import read
from lib.harness.running.job import Job, described, train

if TYPE_CHECKING:
    from lib.harness.contract.config import Config
    from lib.harness.contract.trial import Result
    from lib.harness.running.draw import Picture

SECONDS = 10.0  # for one trial, or one figure
HARNESS = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Rehearsed:
    """The outcome of rehearsing a trial or a figure.

    Attributes:
        seconds: duration; `SECONDS` or more if it was stopped.
        error: one line with the file and the line that raised it; empty if nothing was raised.
        first: seconds from the start of a trial to its first record; None if it recorded nothing.
        measurements: the measurements of a trial that ended; None if it did not.
        timings: the timings that such a trial recorded.
        stopped: True if it was stopped because its time was up.
        lacking: variants without measurements that a figure asked for.
    """

    seconds: float
    error: str = ""
    first: float | None = None
    measurements: Mapping[str, Any] | None = None
    timings: Mapping[str, float] = field(default_factory=dict)
    stopped: bool = False
    lacking: frozenset[str] = frozenset()


class RehearsedResults(Results):
    """Results of a rehearsal, in which a variant whose trial did not come to its end has no measurements.

    Attributes:
        lacking: those of them that were asked for, by their name or with all others. An error that follows may be
            their absence alone.
    """

    def __init__(self, results: Sequence[Result]):
        super().__init__(results)
        self.lacking: set[str] = set()
        self._unfinished = {result.trial.variant for result in results if result.status != "FINISHED"}

    def __iter__(self) -> Iterator[Result]:
        self.lacking |= self._unfinished
        return super().__iter__()

    def of(self, variant: str) -> Results:
        """Return the results of `Results.of`, and note whether the variant lacks them."""
        self.lacking |= self._unfinished & {variant}
        return super().of(variant)

    def variants(self, prefix: str = "") -> list[str]:
        """Return the names of `Results.variants`, and note those that are missing from them."""
        self.lacking |= {variant for variant in self._unfinished if variant.startswith(prefix)}
        return super().variants(prefix)


class TimeUpError(BaseException):
    """Ends what is rehearsed from within; no `Exception`, so that no trial takes it for a failure of its own."""


class Alarm:
    """Raises `TimeUpError` in the main thread after `seconds`, at its next step in Python, and again every second.

    An import is not interrupted: half a module would be left to the next trial of this process.

    Attributes:
        rang: whether it did; a library may have turned the error into one of its own.
    """

    def __init__(self, seconds: float):
        self.rang = False
        self._seconds = seconds

    def __enter__(self) -> Alarm:
        self._before = signal.signal(signal.SIGALRM, self._ring)
        signal.setitimer(signal.ITIMER_REAL, self._seconds, 1.0)
        return self

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self._before)

    def _ring(self, _: int, frame: FrameType | None) -> None:
        if not any(step.f_code.co_filename.startswith("<frozen importlib") for step, _ in traceback.walk_stack(frame)):
            self.rang = True
            raise TimeUpError


def rehearse_trial(job: Job) -> Rehearsed:
    """Run a trial as `run_job` does, for at most `SECONDS`; its journal belongs in a folder that goes."""
    from lib.harness.recording.recorder import Recorder

    lab_of(job.module)  # its time is not the trial's
    with Journal.create(job.journal, job.header) as journal:
        recorder = Recorder(journal)
        measurements: Mapping[str, Any] | None = None
        error, alarm = "", Alarm(SECONDS)
        began, started = now_ms(), time.perf_counter()
        try:
            with alarm:
                measurements, _ = train(job, recorder, None)
        except TimeUpError:
            pass
        except (Exception, SystemExit) as raised:
            error = "" if alarm.rang else one_line(raised, job.module)
        seconds = time.perf_counter() - started
    recorded = [record["time"] for _, record in read(job.journal) if record["kind"] == "log"]
    first = (recorded[0] - began) / 1000 if recorded else None
    return Rehearsed(seconds, error, first, measurements, recorder.timings, alarm.rang)


def rehearse_figure(
    module: str, picture: Picture, results: RehearsedResults, config: Config, folder: Path
) -> Rehearsed:
    """Draw a picture of a lab into `folder`, for at most `SECONDS`."""
    from lib.harness.running.draw import draw

    started = time.perf_counter()
    error, alarm = "", Alarm(SECONDS)
    try:
        with alarm:
            draw(module, picture, results, config, folder)
    except TimeUpError:
        pass
    except (Exception, SystemExit) as raised:
        error = "" if alarm.rang else one_line(raised, module)
    return Rehearsed(time.perf_counter() - started, error, stopped=alarm.rang, lacking=frozenset(results.lacking))


def one_line(error: BaseException, module: str) -> str:
    """An exception that the lab in `module` raised, in one line with its file and line.

    The place is the innermost one in code of the clone or of the user, not in a library that it called.
    """
    text = described(error)
    frames = traceback.extract_tb(error.__traceback__)
    libraries = (str(HARNESS), sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"), "<")
    lab = str(Path(getattr(sys.modules[module], "__file__", None) or "").parent)
    own = [frame for frame in frames if not frame.filename.startswith(libraries)]
    own = own or [frame for frame in frames if frame.filename.startswith(lab)] or frames[-1:]
    return " ".join(text.split()) + "".join(f" ({_short(frame.filename)}:{frame.lineno})" for frame in own[-1:])


def _short(name: str) -> str:
    """A file's path below the folder of ``lib``, or the whole of it."""
    root = HARNESS.parents[1]
    path = Path(name)
    return str(path.relative_to(root)) if path.is_relative_to(root) else name
