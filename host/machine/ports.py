"""Ports on 127.0.0.1."""

import socket

from lib.harness.errors import UserError


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
