"""The settings that compose.yaml takes from the environment and from .env, checked before anything is built."""

import re

from host.machine import env_file, hosts
from lib.harness.errors import UserError

PORTS = {"JUPYTER_PORT": 8888, "MLFLOW_PORT": 5000}
LIMITS = ("LAB_MEMORY", "MLFLOW_MEMORY", "RAY_HEAD_MEMORY")
AMOUNT = re.compile(r"([0-9]+(?:\.[0-9]+)?)([kmgt]?)(?:i?b)?", re.IGNORECASE)
UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
LEAST = 64 << 20
"""Bytes below which no service starts; it also catches 8 for 8g."""
RESTART, POLICIES = "LAB_RESTART", ("unless-stopped", "no")
"""The setting that is compose.yaml's restart policy of the services."""


def check() -> None:
    """Raises `UserError` for the first setting that Compose could not use."""
    ports = {name: env_file.port(name, default) for name, default in PORTS.items()}
    if len(set(ports.values())) < len(ports):
        raise UserError(f"{' and '.join(ports)} are both {min(ports.values())}: set two different ports")
    for name in LIMITS:
        text, place = env_file.setting_and_place(name)
        match = AMOUNT.fullmatch(text)
        if text and not (match and float(match[1]) * UNITS[match[2].lower()] >= LEAST):
            raise UserError(f"{name}={text} in {place} is no amount of memory for a service: write it as 8g or 512m")
    comes_back()
    hosts.names()


def comes_back() -> bool:
    """Return whether the services come back after a reboot. Raises `UserError` for a setting that is no policy."""
    text, place = env_file.setting_and_place(RESTART)
    if text and text not in POLICIES:
        raise UserError(f"{RESTART}={text} in {place}: it is {' or '.join(POLICIES)}")
    return text != POLICIES[1]
