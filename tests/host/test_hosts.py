"""Names of a proxy: what MLflow and JupyterLab are told, and one line for what is no name."""

import shlex

import pytest

from host.machine import hosts, settings
from lib.harness.errors import UserError


def test_without_names_nothing_is_added(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_HOSTS", "")
    assert hosts.variables() == {}


def test_names_are_those_of_hosts_and_origins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_HOSTS", " labbox, x-5000.app.example.dev,")
    added = hosts.variables()
    assert added["LAB_MLFLOW_HOSTS"] == ",labbox,labbox:*,x-5000.app.example.dev,x-5000.app.example.dev:*"
    assert added["LAB_MLFLOW_ORIGINS"].split(",")[:4] == [
        "http://labbox", "http://labbox:*", "https://labbox", "https://labbox:*",
    ]  # fmt: skip
    *names, pattern = shlex.split(added["LAB_JUPYTER_OPTIONS"])
    assert names == [
        f"--ServerApp.local_hostnames={name}" for name in ("localhost", "127.0.0.1", "labbox", "x-5000.app.example.dev")
    ]
    assert pattern == r"--ServerApp.allow_origin_pat=https?://(labbox|x\-5000\.app\.example\.dev)(:[0-9]+)?"


@pytest.mark.parametrize(
    "text", ["*", "http://labbox", "labbox:5000", "a b", "-x", "a/b", "한", "a'b", "$(x)", "x" * 300]
)
def test_what_is_no_name_is_one_line(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_HOSTS", f"labbox,{text}")
    with pytest.raises(UserError, match=r"^LAB_HOSTS in the environment: .* is no name of a host: .*LAB_HOSTS=labbox"):
        settings.check()
