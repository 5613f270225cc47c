"""docker/mlflow/forward.py: bytes go through unchanged both ways, to one service, which may be away."""

import hashlib
import os
import socket
import socketserver
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import pytest

from tests.host.clone import ROOT
from tests.host.images.support import free_port
from tests.host.test_signals import until


@dataclass(frozen=True)
class Ports:
    """Those of a forwarder and of the service that it passes connections on to, which does not run yet."""

    forwarder: int
    service: int


@pytest.fixture
def ports() -> Iterator[Ports]:
    """A forwarder that runs."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ports = Ports(free_port(), taken.getsockname()[1])
    program = [sys.executable, "-I", "-S", str(ROOT / "docker" / "mlflow" / "forward.py"), str(ports.forwarder)]
    with subprocess.Popen([*program, "127.0.0.1", str(ports.service)], stderr=subprocess.PIPE) as forwarder:
        try:
            until(lambda: listens(ports.forwarder))
            yield ports
        finally:
            forwarder.terminate()
            assert forwarder.stderr
            assert forwarder.stderr.read() == b""


def connected(ports: Ports) -> socket.socket:
    """A connection to the forwarder."""
    return socket.create_connection(("127.0.0.1", ports.forwarder), 60)


def listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 60) as client:
            return everything(client) == b""
    except OSError:
        return False


class Service(socketserver.ThreadingTCPServer):
    """A service that keeps the connections it got."""

    allow_reuse_address = True
    daemon_threads = True


@contextmanager
def served(ports: Ports, answer: Callable[[socket.socket], None]) -> Iterator[None]:
    """A service that gives each connection to `answer`."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            answer(self.request)

    with Service(("127.0.0.1", ports.service), Handler) as service:
        thread = threading.Thread(target=service.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield
        finally:
            service.shutdown()
            thread.join()


def everything(connection: socket.socket) -> bytes:
    """All that comes before the end."""
    return b"".join(iter(lambda: connection.recv(1 << 16), b""))


def test_what_is_sent_arrives_unchanged_and_so_does_the_answer_after_the_end_of_the_question(ports: Ports) -> None:
    """Sixteen megabytes each way: more than any buffer on the way holds."""
    sent = os.urandom(16 << 20)

    def answer(connection: socket.socket) -> None:
        received = everything(connection)
        connection.sendall(hashlib.sha256(received).digest() + received[::-1])

    with served(ports, answer), connected(ports) as client:
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)
        assert everything(client) == hashlib.sha256(sent).digest() + sent[::-1]


def test_a_conversation_goes_back_and_forth_as_a_web_sockets_does(ports: Ports) -> None:
    def echo(connection: socket.socket) -> None:
        while data := connection.recv(100):
            connection.sendall(data.upper())

    with served(ports, echo):
        clients = [connected(ports) for _ in range(20)]
        for number in range(3):
            for client in clients:
                client.sendall(b"frame %d" % number)
            assert [client.recv(100) for client in clients] == [b"FRAME %d" % number] * len(clients)
        for client in clients:
            client.close()


def test_nothing_that_is_sent_chooses_another_place(ports: Ports) -> None:
    asked: list[bytes] = []

    def refuse(connection: socket.socket) -> None:
        asked.append(connection.recv(1000))

    with socket.create_server(("127.0.0.1", 0)) as other, served(ports, refuse):
        other.setblocking(False)
        elsewhere = f"127.0.0.1:{other.getsockname()[1]}"
        questions = [f"CONNECT {elsewhere} HTTP/1.1\r\n\r\n", f"GET http://{elsewhere}/ HTTP/1.1\r\n\r\n", "\5\1\0"]
        for question in questions:
            with connected(ports) as client:
                client.sendall(question.encode())
                assert everything(client) == b""
        assert asked == [question.encode() for question in questions]
        with pytest.raises(BlockingIOError):
            other.accept()


def test_a_client_that_is_gone_is_gone_for_the_service_and_the_next_one_is_served(ports: Ports) -> None:
    ended = threading.Event()

    def wait(connection: socket.socket) -> None:
        connection.sendall(b"here")
        with suppress(ConnectionResetError):
            connection.recv(1)
        ended.set()

    with served(ports, wait):
        for _ in range(2):
            with connected(ports) as client:
                assert client.recv(4) == b"here"
            assert ended.wait(60)
            ended.clear()


def test_while_the_service_is_away_connections_are_closed_and_afterwards_it_is_found(ports: Ports) -> None:
    with connected(ports) as client:
        assert everything(client) == b""
    with served(ports, lambda connection: connection.sendall(b"back")), connected(ports) as client:
        assert everything(client) == b"back"
