"""The Docker engine through its command line, so that contexts, remote engines and desktop installs work as there."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from host.bootstrap import process
from lib.harness.errors import UserError

# 25: healthchecks with start_interval. 2.21 and 0.12: what compose.yaml and the named build contexts need.
MINIMUM = {"engine": (25, 0), "compose": (2, 21), "buildx": (0, 12)}
PLATFORM = "linux/amd64"
"""The platform of the images: their requirements are locked for Linux on x86-64 alone."""
DOCTOR = "./invoke doctor says how to mend it"


class NoEngineError(UserError):
    """There is no Docker engine to talk to: local mode can take over."""


@dataclass(frozen=True)
class Version:
    """A version as numbers, read from what tools print: '26.1.5+dfsg1', 'Docker Compose version v2.29.1'."""

    numbers: tuple[int, ...]

    def __str__(self) -> str:
        return ".".join(str(number) for number in self.numbers)

    @classmethod
    def read(cls, text: str) -> "Version":
        """The first dotted number in `text`. Raises `UserError` when there is none."""
        match = re.search(r"\d+(?:\.\d+)+", text)
        if not match:
            raise UserError(f"'{text.strip()}' is no version that can be compared: install a released one; {DOCTOR}")
        return cls(tuple(int(part) for part in match[0].split(".")))

    def fits(self, tool: str) -> bool:
        """Return whether it is at least the minimum for `tool`."""
        return self.numbers >= MINIMUM[tool]


@dataclass(frozen=True)
class Server:
    """An engine that answers. `platform`: what its containers run on, as in linux/amd64."""

    version: Version
    platform: str


def minimum(tool: str) -> str:
    """The minimum as text: '2.21'."""
    return ".".join(str(part) for part in MINIMUM[tool])


def call(*args: str, limit: float = process.ANSWER) -> subprocess.CompletedProcess[str]:
    """Run `docker ARGS` with its output captured. Raises `NoEngineError` where there is no such command."""
    try:
        return process.output(["docker", *args], limit=limit)
    except FileNotFoundError:
        raise NoEngineError(f"No Docker engine: there is no command docker here; {DOCTOR}") from None


def server() -> Server:
    """The engine that answers. Raises `NoEngineError`, or `UserError` when the caller may not use it."""
    result = call("version", "--format", "{{.Server.Version}} {{.Server.Os}}/{{.Server.Arch}}")
    if result.returncode == 0:
        version, _, platform = result.stdout.strip().rpartition(" ")
        return Server(_read("Docker engine", version), platform)
    reason = " ".join(result.stderr.split())
    if "permission denied" in reason.lower():
        raise UserError("Docker's socket refuses this user: sudo usermod -aG docker $USER, then log in again")
    raise NoEngineError(f"No Docker engine answers; {DOCTOR}")


def _read(tool: str, printed: str) -> Version:
    try:
        return Version.read(printed)
    except UserError as error:
        raise UserError(f"{tool}: {error}") from None


def plugin_version(plugin: str) -> Version | None:
    """Version of the plugin `compose` or `buildx`, None when the command line has no such plugin."""
    result = call(plugin, "version")
    return _read(f"docker {plugin}", result.stdout) if result.returncode == 0 else None


def require() -> None:
    """Check that an engine answers which is new enough and runs the images.

    Raises:
        NoEngineError: none answers.
        UserError: it is too old, or runs on another platform: nothing is downloaded or built then.
    """
    engine = server()
    if not engine.version.fits("engine"):
        raise UserError(f"Docker engine {engine.version} is too old: {minimum('engine')} or newer is needed; {DOCTOR}")
    if engine.platform != PLATFORM:
        raise UserError(
            f"This Docker engine runs {engine.platform}, the images need {PLATFORM}: use a machine with x86-64 Linux"
        )


def require_plugins() -> None:
    """Compose and buildx are there and new enough, or `UserError`."""
    for plugin in ("compose", "buildx"):
        version = plugin_version(plugin)
        if version is None:
            raise UserError(f"docker {plugin} is missing: {minimum(plugin)} or newer is needed; {DOCTOR}")
        if not version.fits(plugin):
            raise UserError(f"docker {plugin} {version} is too old: {minimum(plugin)} or newer is needed; {DOCTOR}")


def available() -> bool:
    """Return whether an engine answers at all."""
    try:
        server()
    except NoEngineError:
        return False
    return True


def has_containerd_store() -> bool:
    """Return whether the engine keeps its images in containerd's store and can export one with its digest."""
    return "io.containerd.snapshotter" in call("info", "--format", "{{json .DriverStatus}}").stdout


def free_gib() -> float | None:
    """Free GiB where the engine keeps its images; None where this machine does not see that folder (Docker Desktop)."""
    root = call("info", "--format", "{{.DockerRootDir}}").stdout.strip()
    return shutil.disk_usage(root).free / 2**30 if root and Path(root).is_dir() else None
