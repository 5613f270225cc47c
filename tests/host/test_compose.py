"""compose.yaml as Compose reads it; no engine is asked."""

import json
import os
import shutil
import subprocess
from typing import Any

import pytest

from tests.host.clone import ROOT
from tests.host.conftest import NO_ENGINE


def services(**variables: str) -> dict[str, Any]:
    """The services of compose.yaml with these variables, and the caller's proxy settings left out."""
    if not shutil.which("docker"):
        (pytest.fail if os.environ.get("CI") else pytest.skip)("the program docker reads the file")
    kept = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    done = subprocess.run(
        ["docker", "compose", "--project-directory", str(ROOT), "--profile", "*", "config", "--format", "json"],
        env=kept | NO_ENGINE | {"JUPYTER_TOKEN": "t"} | variables,
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)["services"]
    return found


@pytest.mark.parametrize(
    ("callers", "expected"),
    [({}, "mlflow,ray-head,localhost,127.0.0.1"), ({"NO_PROXY": "a.b"}, "mlflow,ray-head,localhost,127.0.0.1,a.b")],
)
def test_no_service_asks_a_proxy_for_another_one(callers: dict[str, str], expected: str) -> None:
    found = services(**callers)
    assert len(found) == 6
    for name, service in found.items():
        assert service["environment"]["NO_PROXY"] == expected, name
        assert service["environment"]["no_proxy"] == expected, name
        hosts = [value.split("//")[1].split(":")[0] for value in service["environment"].values() if "://" in str(value)]
        assert {host for host in hosts if host in found} <= set(expected.split(",")), name
