"""The caller's settings of pip that are honoured, from its variables and from pip.conf, for all that installs.

Where packages come from, and how to get there: index-url, extra-index-url, find-links, no-index, cert, trusted-host,
proxy. Where pip would put them (target, user, prefix) and what else it would do is not the caller's to say here. pip
itself reads pip.conf, so that it is found and merged as everywhere else on this machine.
"""

import ast
import functools
import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from host.bootstrap import environment, process
from host.bootstrap.paths import caller_path
from lib.harness.errors import UserError

TIMEOUT = "60"
"""Seconds that pip waits for an answer: an index on a slow link takes longer than the 15 that it waits by itself."""
CERTIFICATES = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
LISTS = ("extra-index-url", "find-links", "trusted-host")
NAMES = ("index-url", *LISTS, "no-index", "cert", "proxy")
LISTING = ("--disable-pip-version-check", "-vvv", "--log", os.devnull)
"""Options with which pip lists its settings where pip.conf tells it to be quiet, and adds nothing to the user's log."""
TRUE, FALSE = {"1", "true", "yes", "on", "y", "t"}, {"", "0", "false", "no", "off", "n", "f"}


@dataclass(frozen=True)
class Sources:
    """The places that packages come from, and the way there.

    Attributes:
        index: the address of the index; empty for pip's own.
        extra: addresses of more indexes.
        folders: folders of packages on this machine.
        links: addresses of pages or folders of packages elsewhere.
        no_index: no index is asked.
        trusted: hosts whose certificates are not checked.
        proxy: the proxy for all of them.
        certificates: the file with the caller's certificates.
    """

    index: str = ""
    extra: tuple[str, ...] = ()
    folders: tuple[Path, ...] = ()
    links: tuple[str, ...] = ()
    no_index: bool = False
    trusted: tuple[str, ...] = ()
    proxy: str = ""
    certificates: Path | None = None

    @property
    def find_links(self) -> tuple[str, ...]:
        """Folders and links as addresses, which may have spaces in pip's variables."""
        return (*(folder.as_uri() for folder in self.folders), *self.links)


def sources(python: str | Path) -> Sources:
    """The caller's settings; `python`: one that has pip, which reads pip.conf.

    Raises:
        UserError: pip.conf cannot be read, or a value is not what pip takes.
    """
    variables = {name: environment.get(f"PIP_{name.replace('-', '_').upper()}") for name in NAMES}
    return of_values(_configured(str(python)) | {name: value for name, value in variables.items() if value})


def of_values(values: dict[str, str]) -> Sources:
    """`values`: texts by the names of pip's options. Raises as `sources`."""
    folders, links = [], []
    for entry in _entries(values.get("find-links", "")):
        place = _local(entry)
        if place is None:
            links.append(entry)
        elif place.is_dir():
            folders.append(place)
        elif place.is_file():
            links.append(place.as_uri())
    return Sources(
        index=values.get("index-url", "").strip(),
        extra=tuple(values.get("extra-index-url", "").split()),
        folders=tuple(folders),
        links=tuple(links),
        no_index=_switch("no-index", values.get("no-index", "")),
        trusted=tuple(values.get("trusted-host", "").split()),
        proxy=values.get("proxy", "").strip(),
        certificates=_certificates(values.get("cert", "")),
    )


def variables(chosen: Sources) -> dict[str, str]:
    """The environment of a pip that has these settings and no others, whatever its files say."""
    settings = {
        "PIP_INDEX_URL": chosen.index,
        "PIP_EXTRA_INDEX_URL": " ".join(chosen.extra),
        "PIP_FIND_LINKS": " ".join(chosen.find_links),
        "PIP_NO_INDEX": "1" if chosen.no_index else "",
        "PIP_TRUSTED_HOST": " ".join(chosen.trusted),
        "PIP_PROXY": chosen.proxy,
        "PIP_CERT": str(chosen.certificates or ""),
    }
    own = {"PIP_CONFIG_FILE": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_TIMEOUT": TIMEOUT}
    kept = {name: value for name, value in environment.caller().items() if not name.startswith("PIP_")}
    return kept | own | {name: value for name, value in settings.items() if value}


@functools.cache
def _configured(python: str) -> dict[str, str]:
    """The values of pip.conf by the names of the options: of every command, then of `pip install`."""
    plain = {name: value for name, value in environment.caller().items() if not name.startswith("PIP_")}
    if file := environment.get("PIP_CONFIG_FILE"):
        plain["PIP_CONFIG_FILE"] = str(caller_path(file)) if file != os.devnull else file
    done = process.output([python, "-m", "pip", *LISTING, "config", "list"], env=plain)
    if done.returncode:
        raise UserError(
            f"pip's settings cannot be read: {process.reason(done.stderr)}: mend them, or set PIP_CONFIG_FILE=/dev/null"
        )
    values: dict[str, str] = {}
    for section in ("global", "install"):
        for line in done.stdout.splitlines():
            match = re.match(rf"{section}\.([a-z-]+)=(.*)$", line)
            if match and match[1] in NAMES:
                values[match[1]] = str(ast.literal_eval(match[2]))
    return values


def _entries(text: str) -> list[str]:
    """The entries of find-links: words, as pip has them, but a line that names a file or folder is one with spaces."""
    entries: list[str] = []
    for line in filter(None, map(str.strip, text.splitlines())):
        place = _local(line)
        entries += [line] if place is not None and place.exists() else line.split()
    return entries


def _local(entry: str) -> Path | None:
    """The place on this machine that an entry names, from where the caller is; None for an address elsewhere."""
    parts = urlsplit(entry)
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    return None if "://" in entry else caller_path(os.path.expanduser(entry))  # noqa: PTH111 (of a text with spaces)


def _switch(name: str, text: str) -> bool:
    if text.strip().lower() in TRUE | FALSE:
        return text.strip().lower() in TRUE
    raise UserError(f"pip's setting {name} is {text!r}: set it to 1 or 0 (PIP_{name.replace('-', '_').upper()})")


def _certificates(cert: str) -> Path | None:
    """The first file with certificates that is there: SSL_CERT_FILE's, pip's, those of its siblings."""
    named = {name: environment.get(name) for name in CERTIFICATES} | ({"PIP_CERT": cert} if cert else {})
    places = [caller_path(os.path.expanduser(name)) for name in named.values() if name]  # noqa: PTH111
    return next((place for place in places if place.is_file()), None)
