"""The caller's network settings, handed on to what installs packages: the image build and uv.

Company networks and rooms without internet are normal. pip's variables are the ones that people set, so they are the
interface: PIP_INDEX_URL, PIP_EXTRA_INDEX_URL, PIP_FIND_LINKS, PIP_NO_INDEX; SSL_CERT_FILE and its siblings; proxies.
"""

from collections.abc import Mapping
from pathlib import Path

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY")
CERTIFICATES = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
TORCH_INDEX = "https://download.pytorch.org/whl/cpu"
UV_NAMES = {"PIP_INDEX_URL": "UV_DEFAULT_INDEX", "PIP_EXTRA_INDEX_URL": "UV_INDEX", "PIP_FIND_LINKS": "UV_FIND_LINKS"}


def wheel_folder(environ: Mapping[str, str]) -> Path | None:
    """The first entry of PIP_FIND_LINKS that is a folder."""
    entries = (Path(entry.removeprefix("file://")) for entry in environ.get("PIP_FIND_LINKS", "").split())
    return next((entry for entry in entries if entry.is_dir()), None)


def certificates(environ: Mapping[str, str]) -> Path | None:
    """The caller's bundle of certificates, when it has set one that exists."""
    entries = (Path(environ[name]) for name in CERTIFICATES if environ.get(name))
    return next((entry for entry in entries if entry.is_file()), None)


def build_options(environ: Mapping[str, str]) -> list[str]:
    """Options of `docker buildx build` that hand on the caller's wheels, index, certificates and proxies."""
    options = []
    if wheels := wheel_folder(environ):
        options += ["--build-context", f"wheels={wheels}"]
    if bundle := certificates(environ):
        options += ["--secret", f"id=ca,src={bundle}"]
    for name in (
        "PIP_INDEX_URL",
        "TORCH_INDEX_URL",
        "NPM_CONFIG_REGISTRY",
        *PROXIES,
        *(proxy.lower() for proxy in PROXIES),
    ):
        if environ.get(name):
            options += ["--build-arg", f"{name}={environ[name]}"]
    return options


def uv_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """`environ` with uv's names for pip's settings; PyTorch's CPU index is added when no wheel folder has torch.

    Any index may then answer for any package. That is safe only because every file's hash is locked.
    """
    settings = {uv: environ[pip] for pip, uv in UV_NAMES.items() if environ.get(pip)}
    if "UV_FIND_LINKS" in settings:
        settings["UV_FIND_LINKS"] = ",".join(settings["UV_FIND_LINKS"].split())
    wheels = wheel_folder(environ)
    if not (wheels and any(wheels.glob("torch-*.whl"))):
        torch_index = environ.get("TORCH_INDEX_URL", TORCH_INDEX)
        settings["UV_INDEX"] = f"{settings.get('UV_INDEX', '')} {torch_index}".strip()
    if "UV_INDEX" in settings:
        settings["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    if bundle := certificates(environ):
        settings["SSL_CERT_FILE"] = str(bundle)
    return {"UV_PYTHON_DOWNLOADS": "never", **environ, **settings}


def uv_options(environ: Mapping[str, str]) -> list[str]:
    """The setting that uv takes only as an option: PIP_NO_INDEX."""
    return ["--no-index"] if environ.get("PIP_NO_INDEX", "").lower() in {"1", "true", "yes", "on"} else []
