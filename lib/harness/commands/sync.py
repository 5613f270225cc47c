"""``invoke sync``: sends MLflow what it has not got yet."""

from __future__ import annotations

from lib.harness.errors import UserError
from lib.harness.recording import journal
from lib.harness.shipping import server
from lib.harness.shipping.follow import ship_left_behind
from lib.harness.shipping.state import unsent
from lib.harness.showing import display


def sync() -> int:
    """Send what MLflow has not got yet. Returns 0.

    Raises:
        UserError: MLflow does not answer, or does not want some of it.
    """
    root = journal.journal_root()
    folders = unsent(root)
    if not folders:
        display.console.print("MLflow has everything.")
        return 0
    sent = 0
    refused: UserError | None = None
    try:
        if not server.comes_up():
            raise server.ServerAwayError
        client = server.connect()
        for folder in folders:
            try:
                with journal.on_disk(root):
                    sent += ship_left_behind(client, folder)
            except server.RefusedError as error:
                refused = error
    except server.ServerAwayError:
        raise UserError("MLflow does not answer: start it with ./invoke up, then run ./invoke sync again") from None
    if refused is not None:
        raise refused
    left = len(folders) - sent
    rest = f"; {left} belong to labs that are running" if left else ", MLflow has everything"
    display.console.print(f"Sent {sent} lab run{'s' if sent != 1 else ''} with all trials{rest}.")
    return 0
