"""The server of the image has no route by which it asks another machine for what a client names."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.lib.harness.support import LabServer

HOOK: dict[str, Any] = {
    "name": "out",
    "url": "https://192.0.2.1/",
    "events": [{"entity": "REGISTERED_MODEL", "action": "CREATED"}],
}
SECRET: dict[str, Any] = {"secret_name": "a", "secret_value": {"api_key": "b"}, "provider": "openai"}
ASKING: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", "/api/2.0/mlflow/webhooks", HOOK),
    ("POST", "/ajax-api/2.0/mlflow/webhooks", HOOK),
    ("GET", "/api/2.0/mlflow/webhooks", {}),
    ("POST", "/api/2.0/mlflow//webhooks", HOOK),
    ("POST", "/api/2.0/mlflow/%77ebhooks", HOOK),
    ("POST", "/api/2.0/mlflow/webhooks/1/test", {}),
    ("POST", "/api/3.0/mlflow/gateway/secrets/create", SECRET),
    ("GET", "/ajax-api/3.0/mlflow/gateway/supported-providers", {}),
    ("GET", "/ajax-api/2.0/mlflow/gateway-proxy?gateway_path=x", {}),
    ("POST", "/gateway/mlflow/v1/chat/completions", {"model": "a", "messages": []}),
    ("POST", "/gateway/proxy/a/b", {}),
    ("POST", "/ajax-api/3.0/mlflow/scorer/invoke", {}),
    ("GET", "/ajax-api/3.0/mlflow/assistant/config", {}),
    ("POST", "/ajax-api/3.0/mlflow/assistant/message", {"message": "a"}),
]
"""Method, path and body of requests by which MLflow would ask another machine, or keep a key for doing so."""


@pytest.fixture(scope="module")
def lab_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    started = LabServer(tmp_path_factory.mktemp("mlflow"))
    started.start()
    yield started
    started.kill()


@pytest.mark.parametrize(("method", "path", "body"), ASKING)
def test_what_asks_another_machine_is_not_there(
    lab_server: LabServer, method: str, path: str, body: dict[str, Any]
) -> None:
    answer = requests.request(method, f"{lab_server.url}{path}", json=body or None, timeout=60)
    assert answer.status_code == 404
    assert "asks no other machine" in answer.json()["message"]


def test_an_artifact_may_have_such_a_name(lab_server: LabServer) -> None:
    address = f"{lab_server.url}/api/2.0/mlflow-artifacts/artifacts/gateway/mlflow/webhooks"
    assert requests.put(address, b"content", timeout=60).ok
    assert requests.get(address, timeout=60).content == b"content"
