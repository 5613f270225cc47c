"""doctor --fix: its plan, which removes and replaces nothing; and that CI is red where the engine cannot start."""

import os
import pty
import shutil
import subprocess
from pathlib import Path

import pytest

from host.checks import install
from host.engine import docker
from host.machine import apt
from lib.harness.errors import UserError
from tests.host.clone import command, copy_clone, share_venv
from tests.host.conftest import NO_ENGINE, Invoke, one_line

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


STATUS = Path("/var/lib/dpkg/status")
OURS = ("docker.io", "docker-cli", "docker-buildx", "docker-compose", "docker-compose-v2", "containerd", "runc")
DOCKERS_OWN = {
    "containerd.io": "Provides: containerd, runc\nConflicts: containerd, runc\nReplaces: containerd, runc\n",
    "docker-ce-cli": "Conflicts: docker.io\n",
    "docker-ce": "Depends: containerd.io, docker-ce-cli\nConflicts: docker.io\n",
}


def entry(name: str, version: str, more: str = "") -> str:
    return (
        f"Package: {name}\nStatus: install ok installed\nPriority: optional\nSection: admin\n"
        f"Maintainer: x <x@y.z>\nArchitecture: amd64\nVersion: {version}\n{more}Description: x"
    )


@pytest.fixture
def machine(tmp_path: Path) -> list[str]:
    """Options with which the real apt takes this machine for one without an engine, by a status file of its own."""
    if not (shutil.which("apt-get") and STATUS.exists()):
        pytest.skip("no apt here")
    installed = [block for block in STATUS.read_text(encoding="utf-8").split("\n\n") if block.strip()]
    kept = [block for block in installed if block.partition("\n")[0].removeprefix("Package: ") not in OURS]
    (tmp_path / "status").write_text("\n\n".join(kept) + "\n", encoding="utf-8")
    return ["-o", f"Dir::State::status={tmp_path / 'status'}"]


def add(machine: list[str], *entries: str) -> None:
    with Path(machine[1].partition("=")[2]).open("a", encoding="utf-8") as status:
        status.write("\n" + "\n\n".join(entries) + "\n")


def test_a_machine_without_an_engine_gets_new_packages_alone(machine: list[str]) -> None:
    changes = apt.simulate(["docker.io"], machine)
    assert "docker.io" in changes.new
    assert changes.removed == ()


def test_dockers_own_packages_are_never_removed(machine: list[str]) -> None:
    """A docker-ce without its Compose plugin lost its engine, and all containers, to the distribution's packages."""
    add(machine, *(entry(name, "5:27.5.1-1", more) for name, more in DOCKERS_OWN.items()))
    changes = apt.simulate(["docker.io", "containerd"], machine)
    assert set(changes.removed) == DOCKERS_OWN.keys()
    with pytest.raises(UserError, match=r"would remove .*docker-ce.*, which it never does.*docker-compose-plugin"):
        changes.refuse()


def test_an_installed_package_is_never_replaced(machine: list[str]) -> None:
    add(machine, entry("docker.io", "1.0"))
    with pytest.raises(UserError, match=r"would replace docker\.io 1\.0 -> \S+, which it never does"):
        apt.simulate(["docker.io"], machine).refuse()


def test_a_package_that_apt_does_not_know_is_in_apts_words(machine: list[str]) -> None:
    with pytest.raises(UserError, match=r"apt cannot install no-such-engine: E: Unable to locate package"):
        apt.simulate(["no-such-engine"], machine)


def test_what_is_installed_for_good_may_remove_nothing() -> None:
    assert "--no-remove" in apt.INSTALL


def test_no_moment_has_the_next_suite_without_its_pin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A --fix that was killed between the two left a machine that the next upgrade would have moved to that suite."""
    monkeypatch.setattr(apt, "mirror", lambda release: f"http://mirror.example/{release}/")
    monkeypatch.setattr(install, "PIN", tmp_path / "pin")
    monkeypatch.setattr(install, "SUITE", tmp_path / "suite")
    bookworm = {"VERSION_CODENAME": "bookworm"}
    files = install._files_of_apt(bookworm)
    assert [file.name for file, _ in files] == ["pin", "suite"]
    (tmp_path / "pin").touch()
    assert [file.name for file, _ in install._files_of_apt(bookworm)] == ["suite"]
    assert install._files_of_apt({"VERSION_CODENAME": "trixie"}) == ()


@pytest.fixture
def startable(tmp_path: Path) -> dict[str, str]:
    """The environment of a machine that has everything but an engine that answers; dockerd only says that it ran."""
    if os.getuid() != 0:
        pytest.skip("doctor --fix needs root")
    program = tmp_path / "tools" / "dockerd"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/started\nexit 1\n", encoding="utf-8")
    program.chmod(0o755)
    return {**NO_ENGINE, "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"}


def test_without_a_terminal_the_plan_needs_a_yes(invoke: Invoke, startable: dict[str, str], tmp_path: Path) -> None:
    outcome = invoke("doctor", "--fix", env=startable)
    assert outcome.returncode == 2
    assert outcome.stderr == "doctor --fix changes this machine: agree with --yes where there is no terminal\n"
    assert "  - start the engine" in outcome.stdout
    assert not (tmp_path / "started").exists()
    assert "--fix" in one_line(invoke("doctor", "--yes", env=startable))


def test_on_a_terminal_it_asks_and_a_no_changes_nothing(startable: dict[str, str], tmp_path: Path) -> None:
    root = share_venv(copy_clone(tmp_path / "clone"))
    main, side = pty.openpty()
    os.write(main, b"n\n")
    environment = os.environ | startable
    done = subprocess.run(
        command(root, "doctor", "--fix"), env=environment, stdin=side, capture_output=True, text=True, check=False
    )
    os.close(main)
    os.close(side)
    assert done.returncode == 2
    assert done.stderr == "Go on? [y/N] Nothing was changed: the answer was not yes\n"
    assert not (tmp_path / "started").exists()


def test_a_hung_engine_is_not_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    def hangs() -> bool:
        raise docker.EngineError("the engine does not answer within 15 s", "restart it")

    monkeypatch.setattr(docker, "available", hangs)
    with pytest.raises(docker.EngineError):
        install.plan({"ID": "debian"})


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
        timeout=600,
        check=False,
    )
    assert outcome.returncode == 2
    assert "no space left on device" in outcome.stderr
    assert "The engine does not start" in outcome.stderr.splitlines()[-1]
    assert "passed" not in outcome.stdout
