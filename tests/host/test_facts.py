"""What doctor says of an engine, from answers of `docker info` as engines give them, and of where the clone is."""

import json
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from host.checks import facts
from host.checks.check import Check
from tests.host.conftest import Invoke

DESKTOP: dict[str, Any] = {
    "OperatingSystem": "Docker Desktop",
    "Architecture": "aarch64",
    "NCPU": 8,
    "MemTotal": 8216330240,
    "Driver": "overlayfs",
    "DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]],
    "SecurityOptions": ["name=seccomp,profile=unconfined", "name=cgroupns"],
}


def by_subject(**changes: Any) -> dict[str, Check]:
    """The checks of Docker Desktop's answer with some of it changed."""
    now = datetime.now(timezone.utc).isoformat()
    return {check.subject: check for check in facts.checks({**DESKTOP, "SystemTime": now, **changes})}


def test_docker_desktop() -> None:
    found = by_subject()
    assert found["Processor"].found.startswith("aarch64, 8 cores")
    assert found["Memory"].passed is True
    assert found["Memory"].found.startswith("7.7 GiB")
    assert found["Storage"].found == "overlayfs, containerd's image store"
    assert found.keys() == {"Processor", "Memory", "Storage"}


def test_a_machine_of_2_gib_is_too_small() -> None:
    check = by_subject(MemTotal=2 << 30)["Memory"]
    assert (check.passed, check.found, check.remedy) == (False, "2.0 GiB, 4 GiB needed", facts.MORE)


@pytest.mark.parametrize(
    ("option", "subject", "word"),
    [
        ("name=rootless", "Users", "rootless"),
        ("name=userns", "Users", "userns-remap"),
        ("name=selinux", "SELinux", "label"),
    ],
)
def test_security_options(option: str, subject: str, word: str) -> None:
    check = by_subject(SecurityOptions=["name=seccomp,profile=builtin", option])[subject]
    assert check.passed is None
    assert word in check.found


@pytest.mark.parametrize(("seconds", "word"), [(-3600, "behind"), (3600, "ahead")])
def test_a_clock_that_is_off(seconds: float, word: str) -> None:
    there = datetime.fromtimestamp(time.time() + seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.123456789Z")
    check = by_subject(SystemTime=there)["Clock"]
    assert check.passed is False
    assert word in check.found


def test_an_answer_without_anything() -> None:
    assert [check.subject for check in facts.checks({})] == ["Processor", "Memory", "Storage"]


@pytest.mark.parametrize(
    ("folder", "passed"), [("/mnt/c/Users/kim/labs", False), ("/home/kim/labs", None), ("/mnt/data/labs", None)]
)
def test_wsl(folder: str, passed: bool | None, tmp_path: Path) -> None:
    release = tmp_path / "osrelease"
    release.write_text("5.15.153.1-microsoft-standard-WSL2\n", encoding="utf-8")
    (check,) = facts._windows(Path(folder), release)
    assert check.passed is passed
    release.write_text("6.1.0-18-amd64\n", encoding="utf-8")
    assert not list(facts._windows(Path(folder), release))
    assert not list(facts._windows(Path(folder), tmp_path / "absent"))


def test_an_engine_elsewhere_does_not_see_the_clone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "ssh://kim:secret@gpu.example")
    (check,) = facts._context()
    assert "gpu.example" in check.found
    assert "does not see this folder" in check.found
    assert check.remedy
    assert "secret" not in check.found
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:2375")
    assert not facts._context()[0].remedy


def test_proxies_are_named_without_their_passwords(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in facts.PROXIES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    assert not list(facts._proxies())
    monkeypatch.setenv("HTTPS_PROXY", "http://kim:secret@proxy.example:3128")
    client = {"proxies": {"default": {"httpProxy": "http://kim:secret@other.example:8080", "noProxy": "localhost"}}}
    (tmp_path / "config.json").write_text(json.dumps(client), encoding="utf-8")
    (check,) = facts._proxies()
    assert "http://other.example:8080, http://proxy.example:3128" in check.found
    assert "secret" not in check.found
    (tmp_path / "config.json").write_text('{"proxies": 3}', encoding="utf-8")
    assert "other.example" not in next(facts._proxies()).found


def test_json(invoke: Invoke) -> None:
    outcome = invoke("doctor", "--json")
    found = json.loads(outcome.stdout)
    assert outcome.returncode == int(any(check["passed"] is False for check in found))
    assert found[0]["subject"] == "Docker engine"
    assert all(set(check) == {"subject", "passed", "found", "remedy"} for check in found)
    assert all(check["passed"] is not True or not check["remedy"] for check in found)
