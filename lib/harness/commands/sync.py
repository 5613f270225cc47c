"""``invoke sync``: sends MLflow what it has not got yet."""

from __future__ import annotations

import time

from lib.harness.errors import UserError
from lib.harness.recording import journal, reading
from lib.harness.recording.disk import DISK
from lib.harness.shipping import server
from lib.harness.shipping.follow import ship_left_behind
from lib.harness.shipping.remote import MlflowServer
from lib.harness.shipping.shipper import Shipper
from lib.harness.shipping.state import JOURNAL, unsent
from lib.harness.showing import display

PROGRESS_SECONDS = 10.0
"""Between two lines on how much of a run has been sent."""


def sync() -> int:
    """Send what MLflow has not got yet, and has not got any more. Returns 0.

    Raises:
        UserError: MLflow does not answer, or does not want some of it. All else has been sent then.
    """
    root = journal.journal_root()
    if not any(DISK.exists(root / name / JOURNAL) for name in DISK.names(root)):
        display.console.print("MLflow has everything.")
        return 0
    sent = left = damaged = 0
    refused: list[str] = []
    try:
        if not server.comes_up():
            raise server.ServerAwayError
        remote = MlflowServer(server.connect())
        folders = list(unsent(root, remote.parents()))
        for number, folder in enumerate(folders, 1):
            if not DISK.exists(folder / JOURNAL):
                display.warn(str(reading.damaged(folder / JOURNAL, "is missing")))
                damaged += 1
                continue
            shipper = Shipper(remote, folder, heard=_Progress(f"{folder.name} ({number} of {len(folders)})"))
            try:
                with journal.on_disk(root):
                    if ship_left_behind(shipper, folder) and not (shipper.refused or shipper.damaged):
                        sent += 1
                    elif not shipper.refused and not shipper.problems:
                        left += 1
            except server.RefusedError as error:
                refused.append(f"{folder.name}: {error}")
            damaged += shipper.damaged
            problems = shipper.problems.values()
            refused += [problem for problem in problems if shipper.refused]
            for problem in problems if not shipper.refused else ():
                display.warn(problem)
    except server.ServerAwayError as error:
        if error.slow:
            raise UserError(
                f"MLflow is slow: it took more than {server.ANSWER_SECONDS} s to answer. {sent} lab runs were sent; "
                "run ./invoke sync again when it has less to do"
            ) from None
        raise UserError("MLflow does not answer: start it with ./invoke up, then run ./invoke sync again") from None
    if refused:
        more = f" (and {len(refused) - 1} more)" if len(refused) > 1 else ""
        raise UserError(f"{refused[0]}{more}. All else was sent ({sent} lab runs)")
    has = f"MLflow has everything but {_counted(damaged, 'damaged lab run')}" if damaged else "MLflow has everything"
    if not sent and not left:
        display.console.print(f"{has}.")
        return 0
    rest = f"; {left} belong to labs that are running" if left else f", {has}"
    display.console.print(f"Sent {_counted(sent, 'lab run')} with all trials{rest}.")
    return 0


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'s' if number != 1 else ''}"


class _Progress:
    """Prints now and then how much of a run has been sent."""

    def __init__(self, name: str):
        self._name = name
        self._printed = time.monotonic()

    def __call__(self, progress: str) -> None:
        if time.monotonic() - self._printed > PROGRESS_SECONDS:
            self._printed = time.monotonic()
            display.console.print(f"{self._name}: {progress} so far")
