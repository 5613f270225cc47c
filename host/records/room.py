"""The room in which a record is run again: a volume for what its program writes, which goes afterwards.

The program is the record's, whoever wrote that. In its container (`lab-alone` of compose.yaml) there are no journal of
ours, no MLflow and no way out. Its result comes into the journal by a program of ours, without a network.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone

from host.bootstrap import process
from host.bootstrap.process import reason
from host.engine import images, volumes
from lib.harness.errors import UserError

INSIDE = "/room"
PROGRAM = "import sys; from lib.harness.commands.taking_in import main; main(*sys.argv[1:])"
SKEW = timedelta(hours=1)
"""The most by which the engine's clock may be behind this machine's."""
SECONDS = 3600
"""The longest that taking a result in may take: a large one has many files."""


@contextmanager
def opened() -> Iterator[str]:
    """A new, empty volume of this instance: its name without the instance's. It is deleted after the block."""
    name = f"room-{secrets.token_hex(4)}"
    volumes.create(name)
    try:
        yield name
    finally:
        volumes.remove(name)


def now() -> str:
    """The time before which what is begun now cannot have begun, as in a key."""
    return (datetime.now(timezone.utc) - SKEW).strftime("%Y%m%d-%H%M%S")


def take_in(name: str, key: str, since: str) -> None:
    """Take the reproduction of the run `key` out of a room and into the journal.

    Raises:
        UserError: what is there is no reproduction of it, begun since.
    """
    volumes.create(volumes.JOURNAL)
    mounts = {volumes.JOURNAL: "/journal", name: f"{INSIDE}:ro"}
    command = volumes.command(images.LAB.name, mounts, PROGRAM, INSIDE, key, since)
    result = process.output(command, limit=SECONDS, name="taking the result in")
    if result.returncode:
        raise UserError(reason(result.stderr) or f"{key}: its result could not be taken in")
