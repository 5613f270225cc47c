"""Facts of this machine and of its engine that decide whether labs run well: memory, cores, where files are, proxies.

All that the engine says is from one `docker info`.
"""

import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from host.bootstrap import environment
from host.bootstrap.paths import ROOT
from host.checks.check import Check
from host.engine import docker
from host.machine.package_sources import without_credentials
from host.runs import memory
from lib.harness.errors import UserError

GIB = 1 << 30
LEAST_GIB = 4
"""Memory of an engine below which labs do not run: a worker of TensorFlow and MLflow's server take 2 GiB."""
SKEW = 5.0
"""Seconds by which the engine's clock may be off. Virtual machines fall behind while a computer sleeps."""
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")
OSRELEASE = Path("/proc/sys/kernel/osrelease")
MORE = "Docker Desktop: Settings, Resources; elsewhere a machine with more"


def of_engine() -> list[Check]:
    """Checks of what the engine says of itself; none where its answer cannot be read."""
    try:
        info = json.loads(docker.must("info", "--format", "{{json .}}"))
    except (UserError, ValueError):
        return []
    return [*checks(info), *_context()]


def checks(info: Mapping[str, Any]) -> Iterator[Check]:
    """The checks of an answer of `docker info`, as the Engine API has it."""
    yield _processor(info)
    yield _memory(info)
    yield _store(info)
    yield from _mapping(info)
    yield from _selinux(info)
    yield from _clock(info)


def _processor(info: Mapping[str, Any]) -> Check:
    cores, here = int(info.get("NCPU", 0)), len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count()
    others = f", {here} here" if here != cores else ""
    return Check("Processor", None, f"{info.get('Architecture', 'unknown')}, {cores} cores{others}")


def _memory(info: Mapping[str, Any]) -> Check:
    gib = int(info.get("MemTotal", 0)) / GIB
    try:
        found = f"{gib:.1f} GiB; LAB_MEMORY is {memory.limit()}"
    except UserError as error:
        return Check("Memory", False, *str(error).split(": ", 1))
    if gib < LEAST_GIB:
        return Check("Memory", False, f"{gib:.1f} GiB, {LEAST_GIB} GiB needed", MORE)
    return Check("Memory", True, found)


def _store(info: Mapping[str, Any]) -> Check:
    kind = "containerd's image store" if "io.containerd" in str(info.get("DriverStatus")) else "classic image store"
    return Check("Storage", None, f"{info.get('Driver', 'unknown')}, {kind}")


def _options(info: Mapping[str, Any]) -> list[str]:
    """The names of the engine's security options."""
    return re.findall(r"name=([a-z]+)", " ".join(map(str, info.get("SecurityOptions") or [])))


def _mapping(info: Mapping[str, Any]) -> Iterator[Check]:
    names = _options(info)
    if "rootless" in names:
        yield Check("Users", None, "the engine is rootless: in its containers, you are root")
    elif "userns" in names:
        yield Check("Users", None, "the engine maps users (userns-remap): notebooks may not be saved")


def _selinux(info: Mapping[str, Any]) -> Iterator[Check]:
    if "selinux" in _options(info):
        yield Check("SELinux", None, "on: containers may see labs/ and lib/ only with its label container_file_t")


def _clock(info: Mapping[str, Any]) -> Iterator[Check]:
    match = re.match(r"[\d-]+T[\d:]+", str(info.get("SystemTime")))
    if match is None:
        return
    there = datetime.fromisoformat(match[0]).replace(tzinfo=timezone.utc)
    off = (datetime.now(timezone.utc) - there).total_seconds()
    if abs(off) > SKEW:
        behind = "behind" if off > 0 else "ahead"
        yield Check(
            "Clock", False, f"the engine's is {abs(off):.0f} s {behind}", "restart the engine, or set the clock"
        )


def _context() -> list[Check]:
    """Return a check of where the engine is: it must see this folder, and one elsewhere seldom does."""
    host, name = environment.get("DOCKER_HOST") or "", "DOCKER_HOST"
    if not host:
        done = docker.call("context", "inspect", "--format", "{{.Endpoints.docker.Host}} context {{.Name}}")
        host, _, name = done.stdout.strip().partition(" ")
    found = f"{without_credentials(host)} ({name})" if host else "unknown"
    if re.match(r"ssh:|tcp://(?!localhost|127\.|\[::1\])", host):
        found += ": if that is another machine, it does not see this folder, and labs do not start"
        return [Check("Engine's place", None, found, "an engine on this machine: docker context use default")]
    return [Check("Engine's place", None, found)]


def of_machine() -> list[Check]:
    """Checks that need no engine: proxies, and where the clone lies."""
    return [*_proxies(), *_windows(ROOT, OSRELEASE)]


def _proxies() -> Iterator[Check]:
    found = {without_credentials(value) for name in PROXIES if (value := environment.get(name))}
    clients = _of_client()
    if found or clients:
        both = ", ".join(sorted({*found, *clients}))
        yield Check("Proxies", None, f"{both}; our own containers speak to each other without")


def _of_client() -> set[str]:
    """The proxies of Docker's client settings, which it gives to every container."""
    folder = Path(environment.get("DOCKER_CONFIG") or Path.home() / ".docker")
    try:
        settings = json.loads((folder / "config.json").read_bytes())
        tables = settings["proxies"].values()
        return {
            without_credentials(str(value))
            for table in tables
            for name, value in table.items()
            if name in ("httpProxy", "httpsProxy")
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return set()


def _windows(root: Path, osrelease: Path) -> Iterator[Check]:
    """Return a check of the clone's disk where this is WSL: Windows' own has no locks and is slow."""
    try:
        is_wsl = "microsoft" in osrelease.read_text(encoding="utf-8", errors="replace").lower()
    except OSError:
        return
    if not is_wsl:
        return
    if re.match(r"/mnt/[a-z]/", f"{root}/"):
        found, remedy = f"WSL; the clone is on a Windows drive ({root})", "clone it into WSL's own disk, as in ~/"
        yield Check("Windows", False, found, remedy)
    else:
        yield Check("Windows", None, "WSL; the clone is on its own disk")
