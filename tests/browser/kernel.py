"""A notebook's cell without a browser: Jupyter's REST API starts a kernel, its web socket runs code in it."""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import requests
import websocket


@contextmanager
def channels(jupyter: str, token: str) -> Iterator[websocket.WebSocket]:
    """The web socket of a new kernel, which is shut down at the end."""
    headers = {"Authorization": f"token {token}"}
    started = requests.post(f"{jupyter}/api/kernels", json={"name": "python3"}, headers=headers, timeout=60)
    assert started.status_code == 201, started.text
    kernel = f"{jupyter}/api/kernels/{started.json()['id']}"
    url = kernel.replace("http://", "ws://") + "/channels"
    socket = websocket.create_connection(url, header=headers, timeout=120, suppress_origin=True)
    try:
        yield socket
    finally:
        socket.close()
        requests.delete(kernel, headers=headers, timeout=60)


def run_cell(jupyter: str, token: str, code: str) -> str:
    """Run code in a new kernel and return what it printed; AssertionError with the traceback when it failed."""
    with channels(jupyter, token) as socket:
        return _execute(socket, code)


def _execute(socket: websocket.WebSocket, code: str) -> str:
    """The protocol: https://jupyter-client.readthedocs.io/en/stable/messaging.html."""
    header = {"msg_id": uuid.uuid4().hex, "session": uuid.uuid4().hex, "username": "test", "version": "5.3"}
    header["msg_type"] = "execute_request"
    content = {"code": code, "silent": False, "store_history": False, "stop_on_error": True}
    message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
    socket.send(json.dumps(message))
    printed, replied, idle = "", False, False
    while not (replied and idle):
        answer = json.loads(socket.recv())
        if answer["parent_header"].get("msg_id") != header["msg_id"]:
            continue
        kind, content = answer["msg_type"], answer["content"]
        if kind == "stream":
            printed += str(content["text"])
        elif kind == "error":
            raise AssertionError("\n".join(map(str, content["traceback"])))
        replied = replied or kind == "execute_reply"
        idle = idle or (kind == "status" and content["execution_state"] == "idle")
    return printed
