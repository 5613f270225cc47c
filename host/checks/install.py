"""`./invoke doctor --fix`: an engine and a base image on Debian or Ubuntu, from the machine's own package mirror.

It shows its plan first and does nothing without a yes. Nothing that is installed is removed or replaced: packages are
added only where the engine or a plugin is missing, the engine is started only when none answers, and the base image is
made only when no registry has the pinned one.
"""

import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from host.bootstrap import ledger, process
from host.engine import base_image, content, debootstrap, docker, images
from host.machine import apt
from lib.harness.errors import UserError

ENGINE_LOG = Path("/var/log/dockerd.log")
INSTALL_LOG = Path("/var/log/fearless-labs-install.log")
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
PIN = Path("/etc/apt/preferences.d/trixie-docker")
SUITE = Path("/etc/apt/sources.list.d/trixie-docker.list")
SYSTEMD = Path("/run/systemd/system")
"""A folder that is there where systemd starts services."""


@dataclass(frozen=True)
class Plan:
    """The steps of a repair.

    Attributes:
        packages: those to install, by the names that apt is given.
        new: all that apt adds for them.
        files: what is written below /etc/apt first, by its path.
        start: the engine is started.
        base: the base image is made, where no registry can be reached.
    """

    packages: tuple[str, ...] = ()
    new: tuple[str, ...] = ()
    files: tuple[tuple[Path, str], ...] = ()
    start: bool = False
    base: bool = False

    def steps(self) -> list[str]:
        """One line for each step."""
        lines = [f"write {file}" for file, _ in self.files]
        if self.packages:
            lines.append(f"apt-get install {' '.join(self.packages)} ({len(self.new)} new packages, none removed)")
        if self.start:
            lasting = ", now and whenever this machine starts" if SYSTEMD.is_dir() else ""
            lines.append(f"start the engine (dockerd), which runs as root{lasting}")
        if self.base:
            lines.append(
                f"where no registry can be reached, make the image {content.LOCAL} with debootstrap, which is "
                "installed if it is missing"
            )
        return lines


def fix(yes: bool) -> None:
    """Install, start and make what is missing. `yes`: without asking.

    Raises:
        UserError: it cannot be done, would remove or replace a package, or was not agreed to.
    """
    if os.getuid() != 0:
        raise UserError("doctor --fix installs packages: sudo ./invoke doctor --fix")
    system = read_os_release()
    if system.get("ID") not in {"debian", "ubuntu"} or not shutil.which("apt-get"):
        raise UserError(
            "doctor --fix knows Debian and Ubuntu; elsewhere install Docker Desktop or Docker Engine by hand"
        )
    chosen = plan(system)
    if chosen.steps():
        print("\n".join(["doctor --fix will", *(f"  - {step}" for step in chosen.steps())]), flush=True)
        _agree(yes)
        _carry_out(chosen, system)


def plan(system: dict[str, str]) -> Plan:
    """The steps that this machine needs; nothing is written for it but lists of packages in a folder that goes.

    Raises:
        UserError: a package that is installed would be removed or replaced.
    """
    here, answers = _installed(), docker.available()
    base = not answers or not _has_base()
    if here:
        return Plan(start=not answers, base=base)
    # Debian has docker-cli as a package of its own; Compose v2 is docker-compose there and docker-compose-v2 on Ubuntu
    tools = ("docker-compose-v2",) if system.get("ID") == "ubuntu" else ("docker-compose", "docker-cli")
    packages = ("docker.io", "docker-buildx", "containerd", "iptables", *tools)
    files = _files_of_apt(system)
    with _apt_options(files) as options:
        changes = apt.simulate(packages, options)
    changes.refuse()
    return Plan(packages, changes.new, files, not answers, base)


def _agree(yes: bool) -> None:
    """Raises `UserError` unless the user agrees."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise UserError("doctor --fix changes this machine: agree with --yes where there is no terminal")
    print("Go on? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise UserError("Nothing was changed: the answer was not yes")


def _carry_out(chosen: Plan, system: dict[str, str]) -> None:
    for file, text in chosen.files:
        with ledger.beside(file) as part:
            part.write_text(text, encoding="utf-8")
            part.rename(file)
    if chosen.packages:
        _say("installing the engine, Compose and buildx from the distribution's packages")
        apt.run(["apt-get", "update", "-qq"], INSTALL_LOG)
        apt.install(chosen.packages, INSTALL_LOG)
    if chosen.start and not docker.available():
        _say("starting the engine")
        _start()
    docker.require()
    docker.require_plugins()
    if chosen.base and not _has_base():
        _say(f"no registry can be reached: making {content.LOCAL} with debootstrap")
        debootstrap.make(system)


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


def _files_of_apt(system: dict[str, str]) -> tuple[tuple[Path, str], ...]:
    """The files that let apt take Docker from the next Debian, where this one's is too old and they are not there.

    The pin comes first: without it apt would take every package from there.
    """
    if system.get("VERSION_CODENAME") != "bookworm":
        return ()
    address = apt.mirror("bookworm")
    if not address:
        raise UserError("apt has no source for bookworm main: mend /etc/apt/sources.list first")
    files = ((PIN, PREFERENCES), (SUITE, f"deb {address} trixie main\n"))
    return tuple((file, content) for file, content in files if not file.exists())


@contextmanager
def _apt_options(files: tuple[tuple[Path, str], ...]) -> Iterator[list[str]]:
    """Options with which apt works as if `files` were there, its lists of packages up to date."""
    with ledger.folder("apt-") as folder:
        options = ["-o", f"Dir::State::lists={folder / 'lists'}", "-o", "APT::Sandbox::User=root"]
        options += ["-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache="]
        (folder / "lists" / "partial").mkdir(parents=True)
        for kind, place in (("sourceparts", SUITE.parent), ("preferencesparts", PIN.parent)):
            parts = folder / place.name
            shutil.copytree(place, parts) if place.is_dir() else parts.mkdir()
            for file, content in files:
                if file.parent == place:
                    (parts / file.name).write_text(content, encoding="utf-8")
            options += ["-o", f"Dir::Etc::{kind}={parts}"]
        apt.run(["apt-get", "-qq", *options, "update"], INSTALL_LOG)
        yield options


def _start() -> None:
    """Start the engine: as a service where systemd runs, else as a process of its own."""
    if SYSTEMD.is_dir():
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
    if content.chosen_base() or images.inspect(content.pinned()) or images.inspect(content.LOCAL):
        return True
    return base_image.registry_has(content.pinned())
