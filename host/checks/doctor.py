"""Checks of this machine: what is missing, and the command that mends it."""

import json
import os
import shutil
from dataclasses import asdict, replace

from host.bootstrap import files
from host.bootstrap.paths import LABS, ROOT
from host.checks import facts
from host.checks.check import Check
from host.engine import base_image, compose, content, docker, gpu, images
from host.machine import env_file, nvidia, ports
from host.services.service import SERVICES
from host.services.up_down import running
from lib.harness.errors import UserError

INSTALL = "install Docker Engine or Docker Desktop"
if shutil.which("apt-get"):
    INSTALL += ", or the distribution's packages of it: sudo ./invoke doctor --fix (it shows its plan first)"


def checks() -> list[Check]:
    """All checks of this machine, in the order in which they are mended."""
    found = [_engine()]
    if shutil.which("docker"):
        found += [_plugin(name, found[0].passed is True) for name in ("compose", "buildx")]
    if found[0].passed:
        found += [*facts.of_engine(), _disk(), *_images()]
    ours = [*_ports(found[0].passed is True), *_gpu(found[0].passed is True), _user(), _labs()]
    return [*found, *ours, *facts.of_machine()]


def passed(found: list[Check]) -> bool:
    """Return whether everything that the commands need is there."""
    return all(check.passed is not False for check in found)


def _engine() -> Check:
    needed = f"{docker.minimum('engine')} or newer"
    try:
        server = docker.server()
    except docker.NoEngineError as error:
        return Check("Docker engine", False, str(error).removesuffix(f"; {docker.DOCTOR}"), INSTALL)
    except docker.EngineError as error:
        return Check("Docker engine", False, error.what, error.remedy)
    if server.platform != docker.PLATFORM:
        subject = f"{server.platform} ({docker.PLATFORM} is needed)"
        return Check("Docker engine", False, subject, "use a machine with x86-64 Linux")
    return Check("Docker engine", server.version.fits("engine"), f"{server.version} ({needed} is needed)", INSTALL)


def _plugin(name: str, has_engine: bool) -> Check:
    version = docker.plugin_version(name)
    observed = str(version) if version else "missing"
    fits = version is not None and version.fits(name)
    if name == "buildx" and fits and has_engine:
        try:
            docker.require_builder()
        except docker.EngineError as error:
            return Check("docker buildx", False, error.what, error.remedy)
    return Check(f"docker {name}", fits, f"{observed} ({docker.minimum(name)} or newer is needed)", INSTALL)


def _disk() -> Check:
    missing = [image for image in images.IMAGES if images.present(image) is None]
    needed = sum(image.build_gib for image in missing)
    free = docker.free_gib()
    if free is None:
        return Check("Free disk for images", None, f"not visible from here; building needs {needed:.0f} GiB")
    remedy = images.make_room() if free < needed else ""
    return Check("Free disk for images", free >= needed, f"{free:.0f} GiB, {needed:.0f} GiB needed", remedy)


def _images() -> list[Check]:
    states = []
    for image in images.IMAGES:
        if images.present(image):
            states.append(Check(image.name, True, "built"))
        else:
            states.append(Check(image.name, None, "not built", "./invoke build"))
    if all(check.passed for check in states):
        return states
    return [*states, _base()]


def _base() -> Check:
    """Return whether a build finds its base: in the engine, or where the pinned one is published."""
    base = content.chosen_base() or content.pinned()
    for name in (base, content.LOCAL):
        if images.inspect(name):
            return Check("Base image", True, f"{name} is here")
    if not content.chosen_base() and base_image.registry_has(base):
        return Check("Base image", True, "the registry has it")
    return Check(
        "Base image",
        False,
        f"no registry with {base.partition('@')[0]} can be reached",
        "sudo ./invoke doctor --fix (Debian), or BASE_IMAGE=NAME ./invoke build",
    )


def _ports(has_engine: bool) -> list[Check]:
    found = []
    ours = compose.containers() if has_engine else []
    for service in SERVICES:
        try:
            wanted = env_file.port(service.variable, service.default)
        except UserError as error:
            found.append(Check(f"Port of {service.name}", False, *str(error).split(": ", 1)))
            continue
        subject = f"Port {wanted} ({service.name})"
        if running(service, ours):
            found.append(Check(subject, True, f"{service.name} runs"))
        elif ports.is_free(wanted):
            found.append(Check(subject, True, "free"))
        else:
            found.append(
                Check(subject, None, "in use: ./invoke up takes the next free one", f"{service.variable}=N in .env")
            )
    return found


def _gpu(has_engine: bool) -> list[Check]:
    """Checks of what --gpu needs; nothing else does."""
    there = nvidia.find()
    if not there.names:
        return [Check("NVIDIA GPU", None, f"none ({there.reason}): labs run on the CPU")]
    found = [Check("NVIDIA GPU", None, f"{len(there.names)}: {', '.join(sorted(set(there.names)))}")]
    for framework, image in images.GPU.items():
        observed = f"{there.driver} ({gpu.minimum_driver(image)} or newer is needed)"
        fits = gpu.fits(there.driver, image) or None
        found.append(Check(f"NVIDIA driver ({framework})", fits, observed, "install a newer driver"))
    if has_engine:
        way = gpu.offered()
        observed = {"nvidia": "the engine has its runtime", "cdi": "the engine knows GPUs by CDI"}.get(
            way or "", "missing"
        )
        found.append(Check("NVIDIA container toolkit", True if way else None, observed, gpu.INSTALL_TOOLKIT))
        for image in images.GPU.values():
            built = images.present(image) is not None
            found.append(Check(image.name, built or None, "built" if built else "not built", "./invoke build --gpu"))
    return found


def _user() -> Check:
    who = f"uid {os.getuid()}, gid {os.getgid()}"
    return Check(
        "User", None, f"{who}: root; services run as the owner of labs/ or uid 1000" if os.getuid() == 0 else who
    )


def _labs() -> Check:
    if LABS.is_dir() and os.getuid() != 0 and not os.access(LABS, os.W_OK):
        return Check("labs/", False, f"uid {LABS.stat().st_uid} owns it", files.taking(LABS))
    if (ROOT / "lib").stat().st_mode & 0o005 != 0o005:
        return Check("lib/", False, "the container's user cannot read it", "chmod -R go+rX lib labs")
    return Check("labs/, lib/", True, "JupyterLab can write, labs can read")


def print_json(found: list[Check]) -> None:
    """Print the checks as a list of objects."""
    shown = [replace(check, remedy="") if check.passed else check for check in found]
    print(json.dumps([asdict(check) for check in shown], ensure_ascii=False, indent=1))


def table(found: list[Check]) -> None:
    """Print the checks; what has to be mended comes with its command."""
    from rich.console import Console
    from rich.table import Table

    rows = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("", "what", "found", "remedy"):
        rows.add_column(column, overflow="fold")
    marks = {True: "[green]ok[/]", False: "[red]NO[/]", None: "-"}
    for check in found:
        rows.add_row(marks[check.passed], check.subject, check.found, "" if check.passed else check.remedy)
    Console(soft_wrap=False, width=None if os.isatty(1) else 160).print(rows)
