"""`./invoke clean`: removes the images of Fearless Labs that nothing needs, after saying which and how much."""

import sys

from host.bootstrap.process import reason
from host.engine import build, docker, images, inventory
from host.engine.inventory import Entry
from lib.harness.errors import UserError

SECONDS = 600
"""The longest that deleting an image may take: it has hundreds of thousands of files."""
UNSEEN = "A clone whose services are down is not seen here: it would build its images again"


def clean(yes: bool) -> None:
    """Remove what `spare` gives. `yes`: without asking.

    Raises:
        UserError: nobody agrees, what runs need cannot be seen, or the engine does not remove one.
    """
    docker.require()
    planned = spare()
    if not planned:
        print("Nothing to remove: every image of Fearless Labs here is needed (./invoke images).")
        return
    for entry in planned:
        print(f"{entry.bytes / 1e9:6.2f} GB  {inventory.title(entry)}", file=sys.stderr)
    print(f"{UNSEEN}.", file=sys.stderr)
    _agree(planned, yes)
    with build.alone():  # another command may have begun to need one
        left = {entry.id for entry in spare()}
        remove([entry for entry in planned if entry.id in left])


def spare() -> list[Entry]:
    """The images that no clone known here, no container and no run of this instance's journal needs."""
    return [entry for entry in inventory.entries() if not entry.is_needed]


def remove(chosen: list[Entry]) -> None:
    """Take from images the names that are ours; the engine deletes those that have no other.

    Raises:
        UserError: the engine refuses one; the others are removed.
    """
    refused = []
    for entry in chosen:
        names = [name for name in entry.names if name.startswith(images.REPOSITORY)] or [entry.id]
        done = docker.call("image", "rm", *names, limit=SECONDS)
        if done.returncode:
            refused.append(f"{inventory.title(entry)} ({reason(done.stderr)})")
    if refused:
        raise UserError(f"Not everything was removed: {'; '.join(refused)}")
    print(f"Removed {inventory.amount(chosen)}")


def _agree(planned: list[Entry], yes: bool) -> None:
    what = inventory.amount(planned)
    if yes:
        return
    if sys.stdin is None or not sys.stdin.isatty():
        raise UserError(f"Nothing was removed: agree to remove {what} with --yes where there is no terminal")
    print(f"Remove {what}? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise UserError("Nothing was removed: the answer was not yes")
