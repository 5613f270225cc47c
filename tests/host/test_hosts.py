"""Names of a proxy: what MLflow and JupyterLab are told, and one line for what is no name."""

import fnmatch
import re
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
        "http://labbox", "http://labbox:[0-9]*", "https://labbox", "https://labbox:[0-9]*",
    ]  # fmt: skip
    *names, pattern = shlex.split(added["LAB_JUPYTER_OPTIONS"])
    assert names == [
        f"--ServerApp.local_hostnames={name}" for name in ("localhost", "127.0.0.1", "labbox", "x-5000.app.example.dev")
    ]
    assert pattern == r"--ServerApp.allow_origin_pat=https?://(labbox|x\-5000\.app\.example\.dev)(:[0-9]+)?"


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("https://hub.example.edu", True),
        ("http://hub.example.edu:8443", True),
        ("https://hub.example.edu.evil.example", False),
        ("https://hubxexample.edu:443", False),
        ("https://evil.example", False),
    ],
)
def test_no_page_of_a_longer_name_is_one_of_the_proxys(
    origin: str, allowed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MLflow's server matches by `fnmatch` and Flask-CORS by `re.match`; a text without signs of a pattern is equal."""
    monkeypatch.setenv("LAB_HOSTS", "hub.example.edu")
    given = hosts.variables()["LAB_MLFLOW_ORIGINS"].split(",")
    patterns, texts = [text for text in given if "*" in text], [text for text in given if "*" not in text]
    assert (origin in texts or any(fnmatch.fnmatch(origin, each) for each in patterns)) is allowed
    assert (origin in texts or any(re.match(each, origin) for each in patterns)) is allowed


@pytest.mark.parametrize(
    "text", ["*", "http://labbox", "labbox:5000", "a b", "-x", "a/b", "한", "a'b", "$(x)", "x" * 300]
)
def test_what_is_no_name_is_one_line(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_HOSTS", f"labbox,{text}")
    with pytest.raises(UserError, match=r"^LAB_HOSTS in the environment: .* is no name of a host: .*LAB_HOSTS=labbox"):
        settings.check()
