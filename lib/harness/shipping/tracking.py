"""The lab's side of the shipper: starts it, listens to it, and waits for it at the end, but never for long."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from lib.harness.shipping.server import ANSWER_SECONDS, STARTING_SECONDS

DELAY_SECONDS = 3.0
"""Until the shipper starts: the first trials get the cores to load their framework."""
PATIENCE_SECONDS = 1.0
"""How long a lab that has ended waits for an MLflow that is away."""
CONNECTING_SECONDS = 180.0
"""For loading MLflow's client, and in local mode making its database, on a busy machine."""
SENDING_SECONDS = 600.0
"""For sending without a word from the shipper."""
SLOW_SECONDS = 120.0
"""For an MLflow that takes too long to answer."""
PROGRESS_SECONDS = 10.0
"""Between two lines on how much has been sent."""
INTERRUPTED_SECONDS = 10.0
"""How long a lab that was cut short tries to tell MLflow."""


class Tracking:
    """The shipper of one lab's folder of journals. It starts a little after `begin`, or when it is asked to finish.

    If an error ends the ``with`` block, records are still sent, but only for a short time.

    Attributes:
        trouble: the reason why not everything was sent, when `finish` says so.
        problems: lines on what MLflow has not taken as it is.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._page = self._progress = ""
        self.problems: list[str] = []
        self._state, self._since = "connecting", time.monotonic()
        self.trouble = ""
        self._timer = threading.Timer(DELAY_SECONDS, self._start)
        self._timer.daemon = True

    def begin(self) -> None:
        """Start the shipper soon: there is a journal now."""
        self._timer.start()

    def __enter__(self) -> Tracking:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None and self._timer.ident is not None:
            self.finish(limit=INTERRUPTED_SECONDS)

    def _start(self) -> subprocess.Popen[str] | None:
        """The shipper's process, started unless it was; None where it cannot be."""
        with self._lock:
            if self._process is None:
                try:
                    self._process = self._new_process()
                except OSError as error:  # the disk, or the number of processes, has no room for it
                    self.trouble = f"What sends to MLflow cannot be started ({error.strerror})"
                    return None
                self.trouble = "MLflow did not answer"
                self._listener.start()
            return self._process

    def _new_process(self) -> subprocess.Popen[str]:
        with (self._folder / "shipper.log").open("a") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "lib.harness.shipping.follow", str(self._folder), str(os.getpid())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,  # Ctrl-C is for the lab; the shipper still sends how its runs ended
            )

    def _listen(self) -> None:
        assert self._process is not None and self._process.stdout is not None
        for line in self._process.stdout:
            word, _, rest = line.strip().partition(" ")
            match word:
                case "problem":
                    self.problems.append(rest)
                    continue
                case "run":
                    self._page = rest
                case "sending":
                    self._progress = rest
                case "refused":
                    self.trouble = rest
                case "away":
                    self.trouble = "MLflow did not answer"
                case "slow":
                    self.trouble = f"MLflow is slow: it took more than {ANSWER_SECONDS} s to answer{self._so_far()}"
            self._since = time.monotonic()
            self._state = word
        if self._process.wait() > 0:
            self.trouble = f"What sends to MLflow has crashed ({self._folder}/shipper.log)"

    def _so_far(self) -> str:
        return f" ({self._progress} were sent)" if self._progress else ""

    def finish(self, show: Callable[[str], object] = lambda line: None, limit: float = math.inf) -> bool:
        """Wait until all is sent, as long as MLflow answers. Returns whether it is; the journal has the rest.

        It gives up after `limit` seconds, or when MLflow has been away for `PATIENCE_SECONDS`, however long ago that
        began (`STARTING_SECONDS` where the same command has just started the server). `trouble` then says why. While
        it takes long, `show` is given a line on the progress now and then.
        """
        patience = STARTING_SECONDS if os.environ.get("LAB_MLFLOW_STARTING") else PATIENCE_SECONDS
        self._timer.cancel()
        process = self._start()
        if process is None:
            return False
        asked = shown = time.monotonic()
        while self._state not in ("done", "refused") and process.poll() is None:
            now = time.monotonic()
            if self._state == "away":
                spent, allowed = now - self._since, patience
            elif self._state == "slow":
                spent, allowed = now - max(asked, self._since), SLOW_SECONDS
            else:
                spent = now - max(asked, self._since)
                allowed = CONNECTING_SECONDS if self._state == "connecting" else SENDING_SECONDS
            if spent > allowed or now - asked > limit:
                if self._state in ("up", "run", "sending"):
                    self.trouble = f"MLflow is slow: not all was sent in {now - asked:.0f} s{self._so_far()}"
                break
            if now - shown > PROGRESS_SECONDS and self._progress:
                shown = now
                show(f"Sending to MLflow: {self._progress} so far")
            time.sleep(0.05)
        if self._state == "connecting" and process.poll() is None:  # it may be making a database
            self.trouble = f"MLflow's client took more than {CONNECTING_SECONDS:.0f} s to start"
            return False
        process.terminate()
        self._listener.join()  # including its last lines
        return self._state == "done"

    def where(self) -> str:
        """The address of the run's page as the user's browser opens it; without a server, where MLflow keeps it."""
        base = os.environ.get("LAB_MLFLOW_URL")
        return f"{base}/{self._page}" if base else os.environ.get("MLFLOW_TRACKING_URI", "./mlruns")
