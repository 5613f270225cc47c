"""`./invoke doctor --fix`: an engine and a base image on Debian or Ubuntu, from the machine's own package mirror.

Nothing that works is touched: packages are installed only when the engine or a plugin is missing or too old, the
engine is started only when none answers, and the base image is made only when no registry has the pinned one.
"""

import os
import shutil
import sys
import time
from pathlib import Path

from host.bootstrap import process
from host.bootstrap.paths import ROOT, STATE
from host.engine import base_image, debootstrap, docker, images
from host.machine import apt
from lib.harness.errors import UserError

ENGINE_LOG = Path("/var/log/dockerd.log")
# Debian 12 has Docker 20.10 and no Compose v2: these come from Debian 13, and only these
NEWER = "docker.io docker-cli docker-buildx docker-compose containerd"
PREFERENCES = f"""\
Package: *
Pin: release n=trixie
Pin-Priority: 100

Package: {NEWER}
Pin: release n=trixie
Pin-Priority: 990
"""


def fix() -> None:
    """Install, start and make what is missing. Raises `UserError` in one line where that cannot be done."""
    if os.getuid() != 0:
        raise UserError("doctor --fix installs packages: sudo ./invoke doctor --fix")
    system = read_os_release()
    if system.get("ID") not in {"debian", "ubuntu"} or not shutil.which("apt-get"):
        raise UserError(
            "doctor --fix knows Debian and Ubuntu; elsewhere install Docker Desktop or Docker Engine by hand"
        )
    if not _installed():
        _say("installing the engine, Compose and buildx from the distribution's packages")
        _install(system)
    if not docker.available():
        _say("starting the engine")
        _start()
    docker.require()
    docker.require_plugins()
    if not _has_base():
        _say(f"no registry can be reached: making {base_image.LOCAL} with debootstrap")
        debootstrap.make(system)
    _give_back()


def read_os_release(text: str | None = None) -> dict[str, str]:
    """/etc/os-release (or `text`) as a dictionary; {} where there is none."""
    if text is None:
        file = Path("/etc/os-release")
        text = file.read_text(encoding="utf-8") if file.exists() else ""
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line)
    return {key: value.strip("\"'") for key, _, value in pairs}


def link_mtu(route: str, root: Path = Path("/sys/class/net")) -> int:
    """MTU of the interface that `route` (/proc/net/route) names for the default route; 1500 when there is none.

    A bridge with larger packets than the machine's own link lets small requests pass and large downloads hang.
    """
    for line in route.splitlines():
        columns = line.split()
        if len(columns) > 1 and columns[1] == "00000000":
            return int((root / columns[0] / "mtu").read_text(encoding="utf-8"))
    return 1500


def _say(message: str) -> None:
    print(f"doctor: {message} …", file=sys.stderr, flush=True)


def _installed() -> bool:
    if not shutil.which("docker") or not (shutil.which("dockerd") or docker.available()):
        return False
    plugins = {plugin: docker.plugin_version(plugin) for plugin in ("compose", "buildx")}
    if docker.available() and not docker.server().version.fits("engine"):
        return False
    return all(version is not None and version.fits(plugin) for plugin, version in plugins.items())


def _install(system: dict[str, str]) -> None:
    log = Path("/var/log/fearless-labs-install.log")
    if system.get("VERSION_CODENAME") == "bookworm":
        address = apt.mirror("bookworm")
        if not address:
            raise UserError("apt has no source for bookworm main: mend /etc/apt/sources.list first")
        Path("/etc/apt/sources.list.d/trixie-docker.list").write_text(f"deb {address} trixie main\n", encoding="utf-8")
        Path("/etc/apt/preferences.d/trixie-docker").write_text(PREFERENCES, encoding="utf-8")
    apt.run(["apt-get", "update", "-qq"], log)
    # Debian has docker-cli as a package of its own; Compose v2 is docker-compose there and docker-compose-v2 on Ubuntu
    tools = ["docker-compose-v2"] if system.get("ID") == "ubuntu" else ["docker-compose", "docker-cli"]
    apt.run([*apt.INSTALL, "docker.io", "docker-buildx", "containerd", "iptables", *tools], log)


def _start() -> None:
    """Start the engine: as a service where systemd runs, else as a process of its own."""
    if Path("/run/systemd/system").is_dir():
        apt.run(["systemctl", "enable", "--now", "docker"], ENGINE_LOG)
        starting = None
    else:
        mtu = link_mtu(Path("/proc/net/route").read_text(encoding="utf-8"))
        _forget_dead_engine(Path("/var/run/docker.pid"))
        starting = process.start(["dockerd", "--mtu", str(mtu)], ENGINE_LOG, append=True)
    deadline = time.monotonic() + 60
    while not docker.available():
        if time.monotonic() > deadline or (starting is not None and starting.poll() is not None):
            apt.fail("The engine does not start", ENGINE_LOG)
        time.sleep(0.2)


def _forget_dead_engine(note: Path) -> None:
    """Remove the note of an engine that is gone: another process may have its number, and dockerd would not start."""
    if note.exists():
        name = Path("/proc", note.read_text(encoding="utf-8").strip(), "comm")
        if not name.exists() or name.read_text(encoding="utf-8").strip() != "dockerd":
            note.unlink()


def _has_base() -> bool:
    """Return whether a build finds its base: in the engine, or in a registry that answers."""
    if os.environ.get("BASE_IMAGE") or images.inspect(base_image.pinned()) or images.inspect(base_image.LOCAL):
        return True
    return base_image.registry_has(base_image.pinned())


def _give_back() -> None:
    """Give what sudo made in the clone to the one who called sudo."""
    if "SUDO_UID" in os.environ and "SUDO_GID" in os.environ:
        owner = int(os.environ["SUDO_UID"]), int(os.environ["SUDO_GID"])
        for top in (STATE, ROOT / ".venv"):
            for path in (top, *top.rglob("*")):
                os.chown(path, *owner, follow_symlinks=False)
