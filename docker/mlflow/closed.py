"""Routes of MLflow that this server does not have: those by which it asks other machines for what a client names.

A webhook posts to any address and returns the answer. The gateway, the scorers that are called and the assistant ask
models elsewhere, with keys that MLflow keeps. No lab needs them, and a lab without a way out could make them its way.
"""

import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]
CLOSED = re.compile(
    r"/gateway(/|$)|/(ajax-)?api/\d+\.\d+/mlflow/(webhooks|gateway|gateway-proxy|assistant|scorer)(/|$)"
)
BODY = b'{"error_code": "ENDPOINT_NOT_FOUND", "message": "This server asks no other machine (SECURITY.md)"}'


class Closed:
    """An ASGI application without the routes of `CLOSED`: they answer with status 404, as if there were none."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or not CLOSED.match(scope["path"]):
            await self._application(scope, receive, send)
            return
        fields = [(b"content-type", b"application/json"), (b"content-length", str(len(BODY)).encode())]
        await send({"type": "http.response.start", "status": 404, "headers": fields})
        await send({"type": "http.response.body", "body": BODY})
