"""Ports in use: seen wherever the other program listens; the next free one is taken and said."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from host.engine import compose
from host.machine import instance, ports
from host.services import changes, service


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


def chosen_port() -> int:
    """The port that MLflow would get now."""
    with ports.reservation() as reserved:
        return service.choose_port(service.MLFLOW, set(), reserved)


def test_the_choice_is_said(taken: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("MLFLOW_PORT", str(taken))
    chosen = chosen_port()
    assert capsys.readouterr().err == f"Port {taken} is in use: mlflow is on {chosen}.\n"


def test_nothing_is_said_of_a_free_port(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        free = listener.getsockname()[1]
    monkeypatch.setenv("MLFLOW_PORT", str(free))
    assert chosen_port() == free
    assert capsys.readouterr().err == ""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has such addresses")
def test_two_that_start_at_once_do_not_choose_the_same_port(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second one looks while nobody listens on the port of the first one yet."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        free = listener.getsockname()[1]
    monkeypatch.setenv("MLFLOW_PORT", str(free))
    with ports.reservation() as reserved:
        assert service.choose_port(service.MLFLOW, set(), reserved) == free
        assert service.choose_port(service.MLFLOW, set(), reserved) == free, "a second try of the same command"
        assert capsys.readouterr().err == ""
        assert chosen_port() > free
        child = subprocess.Popen(["sleep", "600"], pass_fds=reserved.descriptors)
    assert chosen_port() > free, "what starts the service carries the reservation on"
    child.kill()
    child.wait()
    assert chosen_port() == free


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of an instance's state."""
    monkeypatch.setattr(instance, "STATE", tmp_path)
    monkeypatch.setattr(instance, "known", lambda: None)
    return tmp_path


def test_an_instance_keeps_the_port_it_got(
    state: Path, taken: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_PORT", str(taken))
    chosen = chosen_port()
    service.keep_ports({service.MLFLOW: chosen})
    capsys.readouterr()
    assert chosen_port() == chosen
    assert capsys.readouterr().err == ""
    with socket.create_server(("127.0.0.1", chosen)):
        assert chosen_port() not in {taken, chosen}
    assert capsys.readouterr().err.startswith(f"Port {chosen} is in use: mlflow is on ")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        other = listener.getsockname()[1]
    monkeypatch.setenv("MLFLOW_PORT", str(other))
    assert chosen_port() == other, "another setting asks for another port"


@pytest.mark.parametrize(
    "written", ["", "[]", "{", '{"mlflow": 1}', '{"mlflow": [5000, 99999]}', '{"mlflow": [1, "x"]}']
)
def test_ports_that_cannot_be_read_are_forgotten(state: Path, written: str) -> None:
    (state / ports.FILE).write_text(written, encoding="utf-8")
    assert ports.kept("mlflow", 5000) is None
    ports.keep({"mlflow": (5000, 5001)})
    assert ports.kept("mlflow", 5000) == 5001


@pytest.mark.parametrize(
    ("runs_on", "wanted", "kept", "expected"),
    [
        (5001, 5000, 5001, 5001),  # it got 5001 for this setting
        (5000, 5000, None, 5000),
        (5001, 5000, None, 5001),  # from before ports were kept, with the default setting
        (5001, 7000, None, None),  # the setting has changed
        (5001, 7000, 7001, None),
        (None, 5000, 5001, None),
    ],
)
def test_a_running_service_keeps_its_port_unless_the_setting_has_changed(
    monkeypatch: pytest.MonkeyPatch, runs_on: int | None, wanted: int, kept: int | None, expected: int | None
) -> None:
    monkeypatch.setenv("MLFLOW_PORT", str(wanted))
    published = {5000: runs_on} if runs_on else {}
    container = compose.Container("a", "running", published, (), "mlflow", "", "", "")
    assert changes.port_of(service.MLFLOW, container, kept) == expected
