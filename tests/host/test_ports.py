"""Ports in use: seen wherever the other program listens; the next free one is taken and said."""

import socket
from collections.abc import Iterator

import pytest

from host.machine import ports
from host.services import service


@pytest.fixture(params=["127.0.0.1", "0.0.0.0"])
def taken(request: pytest.FixtureRequest) -> Iterator[int]:
    with socket.create_server((request.param, 0)) as listener:
        yield listener.getsockname()[1]


def test_a_port_in_use_is_not_free(taken: int) -> None:
    assert not ports.is_free(taken)


def test_the_next_free_port_is_chosen(taken: int) -> None:
    chosen = ports.next_free(taken, set())
    assert chosen > taken
    assert ports.is_free(chosen)
    assert ports.next_free(taken, {chosen}) > chosen


def test_the_choice_is_said(taken: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("MLFLOW_PORT", str(taken))
    chosen = service.choose_port(service.MLFLOW, set())
    assert capsys.readouterr().err == f"Port {taken} is in use: mlflow is on {chosen}.\n"


def test_nothing_is_said_of_a_free_port(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        free = listener.getsockname()[1]
    monkeypatch.setenv("MLFLOW_PORT", str(free))
    assert service.choose_port(service.MLFLOW, set()) == free
    assert capsys.readouterr().err == ""
