"""Ports on 127.0.0.1, and those that the services of an instance got: an instance keeps its addresses."""

import json
import socket

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


def next_free(port: int, taken: set[int]) -> int:
    """The first free port from `port` on that is not in `taken`. Raises `UserError` after 100."""
    for candidate in range(port, min(port + 100, 65536)):
        if candidate not in taken and is_free(candidate):
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
