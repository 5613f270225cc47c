"""doctor --fix: what it reads of the machine, and that CI is red where the engine cannot start."""

import os
import subprocess
from pathlib import Path

import pytest

from host.checks import install
from host.machine import apt
from tests.host.clone import copy_clone
from tests.host.conftest import NO_ENGINE

TARGETS = """\
bookworm main http://mirror.example/debian/
bookworm-updates main http://mirror.example/debian/
bookworm-security main http://mirror.example/debian-security/
nodistro main https://node.example/node_20.x/
"""
ROUTE = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0
ens4\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
"""


def test_the_mirror_is_the_one_that_apt_has() -> None:
    assert apt.mirror("bookworm", TARGETS) == "http://mirror.example/debian/"
    assert apt.mirror("bookworm-security", TARGETS) == "http://mirror.example/debian-security/"
    assert apt.mirror("trixie", TARGETS) is None


def test_this_machines_mirror_is_found() -> None:
    system = install.read_os_release()
    if system.get("ID") in {"debian", "ubuntu"}:
        assert str(apt.mirror(system["VERSION_CODENAME"])).startswith(("http", "file:", "cdrom:", "mirror"))


def test_the_bridge_takes_the_links_mtu(tmp_path: Path) -> None:
    (tmp_path / "ens4").mkdir()
    (tmp_path / "ens4" / "mtu").write_text("1460\n", encoding="utf-8")
    assert install.link_mtu(ROUTE, tmp_path) == 1460
    assert install.link_mtu(ROUTE.splitlines()[0], tmp_path) == 1500


def test_os_release_is_read() -> None:
    text = 'NAME="Debian GNU/Linux"\nVERSION_CODENAME=bookworm\nID=debian\n'
    assert install.read_os_release(text) == {"NAME": "Debian GNU/Linux", "VERSION_CODENAME": "bookworm", "ID": "debian"}


@pytest.mark.skipif(os.getuid() != 0, reason="doctor --fix needs root")
def test_ci_is_red_when_the_engine_cannot_start(tmp_path: Path) -> None:
    root = copy_clone(tmp_path / "clone")
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "dockerd").write_text("#!/bin/sh\necho 'no space left on device'\nexit 1\n", encoding="utf-8")
    (tools / "dockerd").chmod(0o755)
    path = f"{tools}{os.pathsep}{os.environ['PATH']}"
    outcome = subprocess.run(
        ["bash", str(root / ".ci" / "run")],
        env={**os.environ, **NO_ENGINE, "PATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert outcome.returncode == 2
    assert "no space left on device" in outcome.stderr
    assert "The engine does not start" in outcome.stderr.splitlines()[-1]
    assert "passed" not in outcome.stdout
