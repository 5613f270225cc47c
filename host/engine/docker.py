"""The Docker engine through its command line, so that contexts, remote engines and desktop installs work as there."""

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from host.bootstrap import process
from lib.harness.errors import UserError

# 25: healthchecks with start_interval; 25.0.5: names are not looked up outside of an internal network (CVE-2024-29018).
# 2.21 and 0.12: what compose.yaml and the named build contexts need.
MINIMUM = {"engine": (25, 0, 5), "compose": (2, 21), "buildx": (0, 12)}
PLATFORM = "linux/amd64"
"""The platform of the images: their requirements are locked for Linux on x86-64 alone."""
DOCTOR = "./invoke doctor says how to mend it"
QUESTION = 15.0
"""Seconds for the engine to say that it is there. One behind ssh takes a few, one that hangs never answers."""
ABSENT = re.compile(
    r"cannot connect to the docker daemon|failed to connect to the docker api|daemon is not running", re.I
)
"""The client's complaint where nothing listens. Every other one is an answer, or a mistake in the settings."""
REFUSED = re.compile(r"permission denied while trying to connect|docker\.sock: connect: permission denied", re.I)
OTHERS = "podman|buildah"
FACTS = "{{.Server.Version}} {{.Server.Os}}/{{.Server.Arch}} {{range .Server.Components}}{{.Name}},{{end}}"


class NoEngineError(UserError):
    """There is no Docker engine to talk to: local mode can take over."""


class EngineError(UserError):
    """An engine that cannot be used as it is: `what` is wrong, and the `remedy`."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"Docker: {what}: {remedy}")
        self.what, self.remedy = what, remedy


@dataclass(frozen=True)
class Version:
    """A version as tools print it, '26.1.5+dfsg1' or 'Docker Compose version v2.29.1', and its numbers.

    A version without numbers, as of a tool that somebody has built, is taken for new enough.
    """

    numbers: tuple[int, ...]
    text: str = ""

    def __str__(self) -> str:
        if not self.numbers:
            return f"'{self.text}', no number, so it counts as new enough"
        return ".".join(str(number) for number in self.numbers)

    @classmethod
    def read(cls, text: str) -> "Version":
        """The first dotted number in `text`."""
        match = re.search(r"\d+(?:\.\d+)+", text)
        return cls(tuple(int(part) for part in match[0].split(".")) if match else (), text.strip())

    def fits(self, tool: str) -> bool:
        """Return whether it is at least the minimum for `tool`."""
        return not self.numbers or self.numbers >= MINIMUM[tool]


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
    except (FileNotFoundError, NotADirectoryError):
        raise NoEngineError(f"No Docker engine: there is no command docker here; {DOCTOR}") from None
    except PermissionError as error:
        raise EngineError(f"the command docker may not run ({error.strerror})", "install Docker again") from None


def must(*args: str, limit: float = process.ANSWER) -> str:
    """The output of `docker ARGS`. Raises `UserError` with the engine's own reason when it fails."""
    done = call(*args, limit=limit)
    if done.returncode:
        raise UserError(f"docker {' '.join(args[:2])}: {process.reason(done.stderr)}; {DOCTOR}")
    return done.stdout.strip()


def server() -> Server:
    """The engine that answers.

    Raises:
        NoEngineError: none does.
        UserError: it does, and the answer is an error; it does not answer in time; or it is not Docker.
    """
    try:
        done = call("version", "--format", FACTS, limit=QUESTION)
    except process.TimeLimitError:
        raise EngineError(
            f"the engine does not answer within {QUESTION:g} s", "restart it, or wait until it has started"
        ) from None
    complaint = " ".join(done.stderr.split())
    facts = done.stdout.split()
    if REFUSED.search(complaint):
        raise EngineError(
            "its socket refuses this user",
            "sudo usermod -aG docker $USER (which gives the rights of root), then log in again",
        )
    if done.returncode == 0 and len(facts) > 1 and not re.search(OTHERS, done.stdout, re.I):
        platform = next((fact for fact in facts if re.fullmatch(r"[a-z]+/\w+", fact)), "")
        return Server(Version.read(facts[0]), platform)
    if re.search(OTHERS, f"{done.stdout}{complaint}", re.I) or (not ABSENT.search(complaint) and _is_podman()):
        raise EngineError("this is podman, which is not Docker", "install Docker Engine or Docker Desktop")
    if ABSENT.search(complaint):
        raise NoEngineError(f"No Docker engine answers; {DOCTOR}")
    raise EngineError(process.reason(done.stderr), "mend that until `docker version` shows a server")


def _is_podman() -> bool:
    """Return whether the command `docker` is podman's, by what it and its plugins call themselves."""
    printed = [call(*args, limit=QUESTION) for args in (("--version",), ("buildx", "version"))]
    return any(re.search(OTHERS, f"{done.stdout}{done.stderr}", re.I) for done in printed)


def plugin_version(plugin: str) -> Version | None:
    """Version of the plugin `compose` or `buildx`, None when the command line has no such plugin."""
    result = call(plugin, "version", limit=QUESTION)
    if result.returncode or re.search(OTHERS, result.stdout, re.I):
        return None
    return Version.read(result.stdout)


def require() -> None:
    """Check that an engine answers which is new enough and runs the images.

    Raises:
        NoEngineError: none answers.
        UserError: it is too old, or runs on another platform: nothing is downloaded or built then.
    """
    engine = server()
    _say_odd("Docker engine", engine.version)
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
        _say_odd(f"docker {plugin}", version)
        if not version.fits(plugin):
            raise UserError(f"docker {plugin} {version} is too old: {minimum(plugin)} or newer is needed; {DOCTOR}")


def _say_odd(tool: str, version: Version) -> None:
    if not version.numbers:
        print(f"{tool} {version}.", file=sys.stderr)


def require_builder() -> None:
    """Raises `EngineError` where buildx cannot build: its folder cannot be written, its builder is gone."""
    done = call("buildx", "inspect", limit=process.ANSWER)
    if done.returncode:
        raise EngineError(
            f"buildx cannot build ({process.reason(done.stderr).removeprefix('ERROR: ')})",
            "docker buildx use default; where its folder cannot be written, set DOCKER_CONFIG to one that can",
        )


def available() -> bool:
    """Return whether an engine answers at all. Raises `UserError` when its answer is an error."""
    try:
        server()
    except NoEngineError:
        return False
    return True


def has_containerd_store() -> bool:
    """Return whether the engine keeps its images in containerd's store and can export one with its digest."""
    return "io.containerd.snapshotter" in must("info", "--format", "{{json .DriverStatus}}")


def free_gib() -> float | None:
    """Free GiB where the engine keeps its images; None where this machine does not see that folder (Docker Desktop)."""
    root = must("info", "--format", "{{.DockerRootDir}}")
    return shutil.disk_usage(root).free / 2**30 if root and Path(root).is_dir() else None
