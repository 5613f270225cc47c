"""The clone's .env: Jupyter's token, made once, and the ports and limits that the user may set there."""

import os
import secrets
from pathlib import Path

from host.bootstrap.flock import held
from host.bootstrap.paths import ROOT
from lib.harness.errors import UserError

FILE = ROOT / ".env"


def read(file: Path = FILE) -> dict[str, str]:
    """The settings KEY=VALUE of the file; comments and empty lines are skipped. {} when there is no file."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    pairs = (line.partition("=") for line in lines if "=" in line and not line.lstrip().startswith("#"))
    return {key.strip(): value.strip().strip("\"'") for key, _, value in pairs}


def token(file: Path = FILE) -> str:
    """Jupyter's token. Made at the first call and kept in the file, which only its owner may read (mode 600)."""
    with held("settings"):
        known = read(file).get("JUPYTER_TOKEN")
        if known:
            if file.stat().st_mode & 0o077:
                file.chmod(0o600)
            return known
        made = secrets.token_hex(24)
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "r+", encoding="utf-8") as stream:
            file.chmod(0o600)
            before = stream.read()
            stream.write(("\n" if before and not before.endswith("\n") else "") + f"JUPYTER_TOKEN={made}\n")
        return made


def port(name: str, default: int) -> int:
    """The port called `name` in the environment, in .env, or `default`."""
    text = os.environ.get(name) or read().get(name) or str(default)
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise UserError(f"{name}={text} is no port: set a number from 1 to 65535 in .env or the environment")
    return int(text)
