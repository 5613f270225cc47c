"""The lab's side of the shipper: starts it, listens to it, and waits for it at the end, but never for long."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

AWAY_SECONDS = 2.0
CONNECTING_SECONDS = 30.0  # loading MLflow's client on a busy machine
STARTING_SECONDS = 90.0
SENDING_SECONDS = 600.0
DELAY_SECONDS = 3.0  # the first trials get the cores to load their framework


class Tracking:
    """The shipper of one lab's folder of journals. It starts a little later, or when it is asked to finish."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()
        self._page = ""
        self.state = "connecting"
        self._timer = threading.Timer(DELAY_SECONDS, self._start)
        self._timer.daemon = True
        self._timer.start()

    def _start(self) -> subprocess.Popen[str]:
        with self._lock:
            if self._process is None:
                with (self._folder / "shipper.log").open("w") as log:
                    self._process = subprocess.Popen(
                        [sys.executable, "-m", "lib.harness.shipper", str(self._folder)],
                        stdin=subprocess.DEVNULL,
                        stdout=subprocess.PIPE,
                        stderr=log,
                        text=True,
                        start_new_session=True,  # Ctrl-C is for the lab; the shipper still sends how its runs ended
                    )
                threading.Thread(target=self._listen, args=(self._process,), daemon=True).start()
            return self._process

    def _listen(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            word, _, rest = line.strip().partition(" ")
            if word == "run":
                self._page = rest
                word = "up"
            self.state = word

    def finish(self, patience: float | None = None) -> bool:
        """Wait until all is sent, as long as MLflow answers. Returns whether it is; the journal has the rest.

        Without an answer it gives up after `patience`: 5 s, or 90 s where the same command has just started the server.
        """
        if patience is None:
            patience = STARTING_SECONDS if os.environ.get("LAB_MLFLOW_STARTING") else AWAY_SECONDS
        limits = {"connecting": max(patience, CONNECTING_SECONDS), "away": patience, "up": SENDING_SECONDS}
        self._timer.cancel()
        process = self._start()
        state, since = self.state, time.monotonic()
        while self.state != "done" and process.poll() is None:
            if self.state != state:
                state, since = self.state, time.monotonic()
            if time.monotonic() - since > limits[state]:
                break
            time.sleep(0.05)
        process.terminate()
        process.wait()
        return self.state == "done"

    def where(self) -> str:
        """The address of the run's page as the user's browser opens it; without a server, where MLflow keeps it."""
        base = os.environ.get("LAB_MLFLOW_URL")
        return f"{base}/{self._page}" if base else os.environ.get("MLFLOW_TRACKING_URI", "./mlruns")
