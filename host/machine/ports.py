"""Ports on 127.0.0.1, and those that the services of an instance got: an instance keeps its addresses."""

import json
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from host.machine import instance
from lib.harness.errors import UserError

FILE = "ports.json"


def is_free(port: int) -> bool:
    """Return whether nobody listens on `port`, be it on 127.0.0.1 or on every address."""
    with socket.socket() as client:
        client.settimeout(1)
        if client.connect_ex(("127.0.0.1", port)) == 0:
            return False
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


class Reservation:
    """The ports that a command has chosen and that no service listens on yet: no other command chooses them.

    Two instances that start at the same time would otherwise find the same port free. Each port is an address that one
    socket of this machine can have, as `host.bootstrap.flock.held_across` has them; only Linux knows such addresses.
    """

    def __init__(self, sockets: ExitStack) -> None:
        self._sockets = sockets
        self._ports: set[int] = set()
        self.descriptors: tuple[int, ...] = ()
        """A child process that inherits them keeps the reservation until it ends."""

    def take(self, port: int) -> bool:
        """Reserve a port; False where it is in use, or another command has reserved it."""
        if not is_free(port):
            return False
        if sys.platform == "linux" and port not in self._ports:
            holder = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                holder.bind(f"\0fearless-labs/port/{port}")
            except OSError:
                holder.close()
                return False
            self.descriptors += (self._sockets.enter_context(holder).fileno(),)
            self._ports.add(port)
        return True


@contextmanager
def reservation() -> Iterator[Reservation]:
    """A reservation for the block, in which the services begin to listen."""
    with ExitStack() as sockets:
        yield Reservation(sockets)


def next_free(port: int, taken: set[int], take: Callable[[int], bool] = is_free) -> int:
    """The first port from `port` on that is not in `taken` and can be taken. Raises `UserError` after 100."""
    for candidate in range(port, min(port + 100, 65536)):
        if candidate not in taken and take(candidate):
            return candidate
    raise UserError(f"No free port from {port} to {port + 99}: set another start in .env (JUPYTER_PORT, MLFLOW_PORT)")


def kept(service: str, wanted: int) -> int | None:
    """The port that `service` got when `wanted` was asked for; None when another one was, or none yet."""
    entry = _read().get(service)
    return entry[1] if entry and entry[0] == wanted else None


def keep(ports: dict[str, tuple[int, int]]) -> None:
    """Keep the port that was asked for and the one that it got, by service."""
    before = _read()
    if not ports.items() <= before.items():
        file = instance.path(FILE)
        part = file.with_suffix(".part")
        part.write_text(json.dumps(before | ports), encoding="utf-8")
        part.replace(file)


def _read() -> dict[str, tuple[int, int]]:
    """The file's entries; none where it cannot be read: the next start writes it anew."""
    try:
        entries = json.loads((instance.folder() / FILE).read_text(encoding="utf-8"))
        pairs = {str(service): (int(wanted), int(port)) for service, (wanted, port) in entries.items()}
        return {service: pair for service, pair in pairs.items() if 0 < pair[1] < 65536}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
