"""The caller's package sources, handed on to what installs packages elsewhere than pip: the image build and uv.

Company networks and rooms without internet are normal. Honoured are the settings of pip that `host.bootstrap.pip`
reads, SSL_CERT_FILE and its siblings, proxies, and the registry of npm. None of their values is on a command line,
where every user of the machine could read it.
"""

import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from host.bootstrap import environment, ledger, pip
from host.bootstrap.paths import STATE

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY")
TORCH_INDEX = "https://download.pytorch.org/whl/cpu"
BUILD_VARIABLE = "LAB_BUILD_SOURCES"
"""Takes the lines of the build secret `sources` to docker; docker/build/system/network.sh reads them."""
RECORDED = ("PIP_INDEX_URL", "TORCH_INDEX_URL", "NPM_CONFIG_REGISTRY")
TIMEOUT = "300"


def sources() -> pip.Sources:
    """The caller's settings of pip."""
    return pip.sources(sys.executable)


def has_torch(chosen: pip.Sources) -> bool:
    """Return whether a folder of the caller's has wheels of PyTorch, so that its index need not be asked."""
    return any(any(folder.glob("torch-*.whl")) for folder in chosen.folders)


@contextmanager
def build_settings(
    chosen: pip.Sources, *, recorded: bool = False, credentials: bool = True
) -> Iterator[tuple[list[str], dict[str, str]]]:
    """Options of `docker buildx build` that hand on the caller's sources, and the environment that it needs for them.

    An index that is a folder of this machine is left out: the build does not see it, but it sees those of find-links.

    Args:
        chosen: the caller's settings of pip.
        recorded: the Dockerfile is a record's, which may be of the time when these settings were build arguments.
        credentials: users and passwords stay in the addresses, those of Docker's own proxies among them.
    """
    variables = {
        "PIP_INDEX_URL": chosen.index if _elsewhere(chosen.index) else "",
        "PIP_EXTRA_INDEX_URL": " ".join(filter(_elsewhere, chosen.extra)),
        "PIP_FIND_LINKS": " ".join(filter(_elsewhere, chosen.links)),
        "PIP_NO_INDEX": "1" if chosen.no_index else "",
        "PIP_TRUSTED_HOST": " ".join(chosen.trusted),
        "NPM_CONFIG_REGISTRY": environment.get("NPM_CONFIG_REGISTRY") or environment.get("npm_config_registry"),
        "TORCH_INDEX_URL": environment.get("TORCH_INDEX_URL"),
    }
    settings = {name: value for name, value in variables.items() if value}
    proxies = _proxies(chosen)
    if not credentials:
        settings = {name: without_credentials(value) for name, value in settings.items()}
        every = dict.fromkeys((name for upper in PROXIES for name in (upper, upper.lower())), "")  # else Docker's own
        proxies = every | {name: without_credentials(value) for name, value in proxies.items()}
    lines = [f"export {name}={shlex.quote(value)}" for name, value in settings.items()]
    options = [option for name in proxies for option in ("--build-arg", name)]  # docker takes the value from our side
    if recorded:
        options += [option for name in RECORDED if name in settings for option in ("--build-arg", name)]
    if lines:
        options += ["--secret", f"id=sources,env={BUILD_VARIABLE}"]
    if chosen.certificates:
        options += ["--secret", f'id=ca,"src={_quoted(chosen.certificates)}"']
    with _one_folder(chosen.folders) as wheels:
        if wheels:
            options += ["--build-context", f"wheels={wheels}"]
        yield options, environment.caller() | proxies | settings | {BUILD_VARIABLE: "\n".join([*lines, ""])}


def without_credentials(text: str) -> str:
    """Return a text with the addresses in it without the users and passwords that they may have."""
    return re.sub(r"(//|^)[^/\s]*@", r"\1", text)


def uv_environment(chosen: pip.Sources) -> dict[str, str]:
    """The environment of a uv that has pip's settings; PyTorch's CPU index is added when no folder has its wheels.

    Any index may then answer for any package. That is safe only because every file's hash is locked.
    """
    torch_index = "" if has_torch(chosen) else environment.get("TORCH_INDEX_URL") or TORCH_INDEX
    extra = [*chosen.extra, *([torch_index] if torch_index else [])]
    settings = {
        "UV_DEFAULT_INDEX": chosen.index,
        "UV_INDEX": " ".join(extra),
        "UV_INDEX_STRATEGY": "unsafe-best-match" if extra else "",
        "UV_FIND_LINKS": ",".join(address.replace(",", "%2C") for address in chosen.find_links),
        "UV_INSECURE_HOST": " ".join(chosen.trusted),
        "SSL_CERT_FILE": str(chosen.certificates or ""),
        "UV_CACHE_DIR": "" if _home_is_writable() else str(STATE / "uv-cache"),
    }
    own = {"UV_NO_CONFIG": "1", "UV_PYTHON_DOWNLOADS": "never", "UV_HTTP_TIMEOUT": TIMEOUT}
    return environment.caller() | _proxies(chosen) | own | {name: value for name, value in settings.items() if value}


def uv_options(chosen: pip.Sources) -> list[str]:
    """The setting that uv takes only as an option: no-index."""
    return ["--no-index"] if chosen.no_index else []


def _elsewhere(address: str) -> bool:
    return "://" in address and not address.startswith("file:")


def _quoted(path: Path) -> str:
    return str(path).replace('"', '""')


def _proxies(chosen: pip.Sources) -> dict[str, str]:
    """The proxy variables of the caller, or pip's proxy in their place."""
    names = [name for upper in PROXIES for name in (upper, upper.lower())]
    named = {name: value for name in names if (value := environment.get(name))}
    if chosen.proxy and not {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"} & {name.upper() for name in named}:
        address = chosen.proxy if "://" in chosen.proxy else f"http://{chosen.proxy}"
        named |= dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), address)
    return named


@contextmanager
def _one_folder(folders: tuple[Path, ...]) -> Iterator[Path | None]:
    """The one folder, or a folder with the files of all: a build takes one for each name, and follows no links."""
    if len(folders) < 2:
        yield folders[0] if folders else None
        return
    with ledger.folder("wheels-") as folder:
        for file in (file for each in reversed(folders) for file in sorted(each.iterdir()) if file.is_file()):
            target = folder / file.name
            target.unlink(missing_ok=True)
            try:
                os.link(file.resolve(), target)
            except OSError:  # on another disk
                shutil.copyfile(file, target)
        yield folder


def _home_is_writable() -> bool:
    """Return whether uv can make its cache in the caller's home."""
    folder = Path(environment.get("XDG_CACHE_HOME") or Path(environment.get("HOME") or "/", ".cache"), "uv")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)
