"""The clone's .env: its instance and Jupyter's token, made once, and the ports and limits that the user may set."""

import io
import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path

from host.bootstrap import environment, files, ledger
from host.bootstrap.flock import held
from host.bootstrap.paths import ROOT
from lib.harness.errors import UserError

FILE = ROOT / ".env"


def read(file: Path = FILE) -> dict[str, str]:
    """The settings KEY=VALUE of the file, as python-dotenv reads them; {} when there is no file.

    Compose replaces $NAME in a value that is not in single quotes; this command does not, so such a value is an error
    where it is asked for.

    Raises:
        UserError: the file cannot be read, is no text in UTF-8, or has a line that is not KEY=VALUE.
    """
    return {key: value for key, value, _ in _bindings(file)}


def setting(name: str, file: Path = FILE) -> str | None:
    """One setting of the file. Raises `UserError` as `read`, and for a value that Compose reads in another way."""
    settings = {key: (value, expanded) for key, value, expanded in _bindings(file)}
    value, expanded = settings.get(name, (None, False))
    if expanded:
        raise UserError(
            f"{name} in {file.name} has a $, which Compose expands and ./invoke does not: write the value itself, or "
            "put it in single quotes"
        )
    return value


def _bindings(file: Path) -> list[tuple[str, str, bool]]:
    """Key and value of each line, and whether Compose expands it."""
    from dotenv.parser import parse_stream

    bindings = []
    for binding in parse_stream(io.StringIO(_text(file))):
        if binding.error:
            raise UserError(f"{file}: line {binding.original.line} is not KEY=VALUE")
        if binding.key is not None and binding.value is not None:
            quoted = binding.original.string.partition("=")[2].lstrip().startswith("'")
            bindings.append((binding.key, binding.value, "$" in binding.value and not quoted))
    return bindings


def _text(file: Path) -> str:
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError:
        text = "\0"
    except OSError as error:
        raise UserError(f"{file} cannot be read ({error.strerror}): {_remedy(error, file)}") from None
    if "\0" in text:
        raise UserError(f"{file} is no text in UTF-8: save it in that encoding")
    return text


def _remedy(error: OSError, path: Path) -> str:
    return files.taking(path) if isinstance(error, PermissionError) else "mend that first"


def token(file: Path = FILE) -> str:
    """Jupyter's token. Made at the first call and kept in the file, which only its owner may read (mode 600)."""
    with held("settings"):
        known = setting("JUPYTER_TOKEN", file)
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


def forget_token(file: Path = FILE) -> None:
    """Remove Jupyter's token, so that the next call of `token` makes a new one."""
    with held("settings"):
        keep({"JUPYTER_TOKEN": None}, file)


def keep(settings: Mapping[str, str | None], file: Path = FILE) -> None:
    """Set these keys, or remove those that are None; every other line stays as it is. The caller holds `settings`.

    The file is replaced when the new one is whole, and only its owner may read it (mode 600).

    Raises:
        UserError: the file cannot be read or written.
    """
    from dotenv.parser import parse_stream

    kept = [
        binding.original.string for binding in parse_stream(io.StringIO(_text(file))) if binding.key not in settings
    ]
    if kept and not kept[-1].endswith("\n"):
        kept[-1] += "\n"
    kept += [f"{key}={_quoted(value)}\n" for key, value in settings.items() if value is not None]
    target = file.resolve()
    try:
        with ledger.beside(target) as part:
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                if os.getuid() == 0:  # a sudo leaves the file to the owner of the clone
                    os.fchown(stream.fileno(), target.parent.stat().st_uid, target.parent.stat().st_gid)
                stream.write("".join(kept))
                stream.flush()
                os.fsync(stream.fileno())
            part.replace(target)
        files.sync(target.parent)
    except OSError as error:
        raise UserError(f"{file} cannot be written ({error.strerror}): {_remedy(error, target.parent)}") from None


def _quoted(value: str) -> str:
    """A value as python-dotenv and Compose read it literally."""
    if re.fullmatch(r"[\w./:@+-]*", value, re.ASCII):
        return value
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def port(name: str, default: int) -> int:
    """The port called `name` in the environment, in .env, or `default`."""
    text, place = setting_and_place(name)
    text = text or str(default)
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= 65535):
        raise UserError(f"{name}={text} in {place} is no port: set a number from 1 to 65535 there, or remove it")
    return int(text)


def setting_and_place(name: str) -> tuple[str, str]:
    """The value of a setting, as Compose takes it, and what to change for another one."""
    if text := environment.get(name):
        return text, "the environment"
    return setting(name) or "", ".env"
