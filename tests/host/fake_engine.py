"""A process that speaks as much of the engine's protocol as `docker version` and `docker info` ask for."""

import http.server
import json
import socketserver
import threading
from pathlib import Path
from typing import Any


class FakeEngine:
    """Answers on a Unix socket until `stop`. `info`: what `docker info` hears. `arch`: as Docker calls processors."""

    def __init__(self, socket: Path, version: str, info: dict[str, Any] | None = None, arch: str = "amd64") -> None:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                self._answer(b"")

            def do_GET(self) -> None:
                about = {"Version": version, "ApiVersion": "1.44", "MinAPIVersion": "1.24", "Os": "linux", "Arch": arch}
                if "/images/" in self.path:  # it has none
                    self._answer(b'{"message": "No such image"}', 404)
                    return
                if "/containers/" in self.path:  # and no container
                    self._answer(b"[]")
                    return
                answer = info or {} if self.path.endswith("/info") else about
                self._answer(b"OK" if self.path == "/_ping" else json.dumps(answer).encode())

            def _answer(self, body: bytes, status: int = 200) -> None:
                self.send_response(status)
                self.send_header("Api-Version", "1.44")
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def address_string(self) -> str:
                return "unix"

            def log_message(self, *_: object) -> None:
                pass

        self.address = f"unix://{socket}"
        self._server = socketserver.ThreadingUnixStreamServer(str(socket), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    def stop(self) -> None:
        """End the server and its thread."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
