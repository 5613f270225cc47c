"""A service that its container has stopped: `up` says why at once, in the service's own words."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from host.engine import images
from host.machine import env_file, settings
from host.services import trouble
from lib.harness.errors import UserError
from tests.host.clone import ROOT
from tests.host.images.support import free_port
from tests.host.test_signals import until

REASON = "MLflow's database was written by a newer MLflow: check out its commit"


@pytest.fixture
def stopped_service() -> Iterator[int]:
    """The port of a service that refused to start."""
    port = free_port()
    service = [sys.executable, "-c", f"import sys; print({REASON!r}); sys.exit(78)"]
    keeper = [sys.executable, "-I", "-S", str(ROOT / "docker" / "service.py"), "MLflow", str(port), "MLFLOW_MEMORY"]
    with subprocess.Popen([*keeper, *service], stdout=subprocess.DEVNULL) as program:
        yield port
        program.terminate()


def test_the_reason_is_that_of_the_service(stopped_service: int) -> None:
    assert until(lambda: trouble.stopped(stopped_service)) == REASON


def test_a_port_without_a_service_or_with_another_program_has_no_reason() -> None:
    port = free_port()
    assert trouble.stopped(port) == ""
    with subprocess.Popen(
        [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as other:
        assert trouble.stopped(port) == ""
        other.kill()


@pytest.mark.parametrize(("policy", "back"), [(None, True), ("unless-stopped", True), ("no", False)])
def test_whether_services_come_back(policy: str | None, back: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if policy is None:
        monkeypatch.delenv("LAB_RESTART", raising=False)
        monkeypatch.setattr(env_file, "setting", lambda name: None)
    else:
        monkeypatch.setenv("LAB_RESTART", policy)
    assert settings.comes_back() is back


def test_another_policy_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_RESTART", "always")
    with pytest.raises(UserError, match=r"^LAB_RESTART=always in the environment: it is unless-stopped or no$"):
        settings.check()


def configured(**settings: str) -> dict[str, dict[str, Any]]:
    """The services as Compose reads compose.yaml with these settings."""
    variables = {k: v for k, v in os.environ.items() if k not in ("LAB_RESTART", "NO_PROXY")}
    command = [
        "docker",
        "compose",
        "--file",
        str(ROOT / "compose.yaml"),
        "--profile",
        "*",
        "config",
        "--format",
        "json",
    ]
    asked = dict.fromkeys(("JUPYTER_TOKEN", *images.SETTINGS), "none")
    shown = subprocess.run(command, env=variables | asked | settings, capture_output=True, check=True)
    services: dict[str, dict[str, Any]] = json.loads(shown.stdout)["services"]
    return services


@pytest.mark.usefixtures("real_engine")
@pytest.mark.parametrize(("settings", "policy"), [({}, "unless-stopped"), ({"LAB_RESTART": "no"}, "no")])
def test_compose_restarts_the_services_and_nothing_else(settings: dict[str, str], policy: str) -> None:
    """Labs end, and Ray's containers belong to one session."""
    found = {name: service["restart"] for name, service in configured(**settings).items() if "restart" in service}
    assert found == dict.fromkeys(("mlflow", "jupyter", "mlflow-port", "jupyter-port"), policy)


@pytest.mark.usefixtures("real_engine")
def test_no_proxy_stands_between_our_own_containers() -> None:
    """Docker's client hands on its proxies to all of them; what a company has set in NO_PROXY is kept."""
    services = configured(NO_PROXY="intranet.example")
    assert {"mlflow", "jupyter", "mlflow-port", "jupyter-port", "lab", "lab-ray", "ray-head"} <= set(services)
    for name, service in services.items():
        for variable in ("NO_PROXY", "no_proxy"):
            hosts = service["environment"][variable].split(",")
            assert {"mlflow", "ray-head", "localhost", "127.0.0.1", "intranet.example"} <= set(hosts), name
