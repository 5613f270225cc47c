"""Settings of the user's that Compose takes: they may limit a service, not change what its runs record."""

import json
from collections.abc import Mapping
from typing import Any

from host.bootstrap import environment
from host.bootstrap.paths import ROOT
from host.bootstrap.process import reason
from host.engine import compose, images
from host.machine import env_file
from lib.harness.errors import UserError

FILES = tuple(f"{stem}.override.{suffix}" for stem in ("compose", "docker-compose") for suffix in ("yaml", "yml"))
RECORDED = ("image", "entrypoint", "command", "environment", "volumes")
"""What of a service says which code runs in which image, and what it records of itself."""
OURS = (
    "LAB_CPU_IMAGE",
    "LAB_GPU_IMAGE",
    "TRACKING_IMAGE",
    "LAB_IMAGE",
    "LAB_IMAGE_KIND",
    "LAB_IMAGE_CONTENT",
    "LAB_GIT_COMMIT",
    "LAB_GIT_DIRTY",
    "LAB_REPRODUCES",
    "LAB_RECORDED_IMAGE",
    "LAB_RECORDED_KERNELS",
    "LAB_CODE_LIB",
    "LAB_CODE_MINE",
    "LAB_CODE_PACKAGES",
    "LAB_CODE_SNAPSHOT",
)
"""Variables of compose.yaml that ./invoke alone sets: what runs record is what they say."""


def refuse_variables() -> None:
    """Raises `UserError` for a variable of `OURS` that the caller has set, or in .env other than ./invoke has."""
    kept = {name: value for name, value in env_file.read().items() if _is_kept(name, value)}
    for place, settings in (("the environment", environment.caller()), (".env", env_file.read())):
        for name in OURS:
            if settings.get(name) and settings[name] != kept.get(name):
                raise UserError(
                    f"{name} is set in {place}: runs record the image and the code that ./invoke chooses, so it "
                    f"cannot be chosen there; remove it (BASE_IMAGE=… ./invoke build changes what images are made of)"
                )


def _is_kept(name: str, value: str) -> bool:
    """Return whether ./invoke itself has written this setting into .env, for `docker compose` typed in the clone."""
    return name in images.SETTINGS and images.NAMED.fullmatch(value) is not None


def refuse_files(variables: Mapping[str, str]) -> None:
    """Raises `UserError` where a file that Compose merges changes what runs record. `variables`: of compose.yaml."""
    chosen = ["COMPOSE_FILE"] if env_file.read().get("COMPOSE_FILE") else []
    present = chosen or [name for name in FILES if (ROOT / name).exists()]
    if not present:
        return
    merged, ours = (_services(variables, *files) for files in ((), ("--file", str(ROOT / "compose.yaml"))))
    for service, settings in ours.items():
        for key in RECORDED:
            if merged.get(service, {}).get(key) != settings.get(key):
                raise UserError(
                    f"{present[0]} changes {key} of the service {service}, which runs would not record: remove that "
                    "(limits, ports and networks may be changed)"
                )


def _services(variables: Mapping[str, str], *files: str) -> dict[str, dict[str, Any]]:
    listing = compose.call(dict(variables), *files, "--profile", "*", "config", "--format", "json")
    if listing.returncode:
        raise UserError(f"Compose cannot read its files: {reason(listing.stderr)}")
    services: dict[str, dict[str, Any]] = json.loads(listing.stdout)["services"]
    return services
