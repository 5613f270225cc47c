"""The caller's environment, as far as it is honoured: everything that the host starts gets this one.

General variables pass (PATH, HOME, LANG, TERM, NO_COLOR, TZ, proxies, certificates …). Programs that have settings of
their own in the environment, and the libraries in them that have some, see only what is listed here: what somebody has
exported for another project must not decide which repository git writes to, where pip installs, or which server a run
is sent to.

`./invoke` and `docker compose` share the clone's .env; of pip's settings, `host.bootstrap.pip` reads those it honours.
"""

import os
from collections.abc import Mapping

SETTINGS = ("LAB_", "_PORT", "_MEMORY")
"""Marks of this project's own settings: the beginning of a name, or its end."""
ENGINE = (
    *("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG"),
    *("DOCKER_TLS", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DOCKER_API_VERSION"),
)
"""The variables that say which engine is used, and how it is reached."""
HONOURED = {
    *ENGINE,
    # pip's, whose values go through host.bootstrap.pip
    *("PIP_CONFIG_FILE", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX"),
    *("PIP_CERT", "PIP_TRUSTED_HOST", "PIP_PROXY"),
    "NPM_CONFIG_REGISTRY",
    *("RAY_ADDRESS", "RAY_AUTH_MODE", "RAY_AUTH_TOKEN"),
}
FAMILIES = (
    *("GIT_", "PIP_", "UV_", "NPM_CONFIG_", "PYTHON", "__PYVENV", "VIRTUAL_ENV", "CONDA_", "PIPENV_", "POETRY_"),
    *("COMPOSE_", "DOCKER_", "BUILDX_", "BUILDKIT_", "EXPERIMENTAL_BUILDKIT_", "SOURCE_DATE_EPOCH", "OTEL_"),
    *("INVOKE_", "MLFLOW_", "_MLFLOW_", "DATABRICKS_", "FLASK_", "GUNICORN_", "UVICORN_"),
    *("JUPYTER", "RAY_", "PYTEST_", "TAR_OPTIONS"),
)
"""Beginnings of the names of other programs' settings, which do not pass unless they are honoured."""
FRAMEWORKS = (
    *("TF_", "TF2_", "TENSORFLOW_", "XLA_", "KERAS_", "TORCH", "PYTORCH_", "CUDNN_", "CUBLAS_", "NVIDIA_TF32", "ATEN_"),
    *("OMP_", "GOMP_", "KMP_", "MKL_", "OPENBLAS_", "BLIS_", "NUMEXPR_", "ONEDNN_", "DNNL_", "NPY_"),
    *("MPLBACKEND", "MATPLOTLIBRC"),
)
"""The same of what a lab computes and draws with: in a container none of them is set."""
OWNER = "LAB_LEDGER"
"""In the environment of what a command starts: the name of the command in the ledger (host.bootstrap.ledger)."""
OF_LABS = (OWNER, "LAB_TINY_DISK")
"""Names with this project's mark that pass to a lab outside a container. Others say what a run is; no caller does."""
UTF8 = {"PYTHONUTF8": "1"}
"""The one variable of Python's that everything gets: names and output are UTF-8, whatever the locale is."""
SHOWN = ("NO_COLOR", "TERM", "TZ")
"""The variables that decide how a program shows something on the caller's terminal."""


def caller(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """The variables of the caller (or of `environ`) that are honoured."""
    environ = os.environ if environ is None else environ
    return {name: value for name, value in environ.items() if _passes(name)} | UTF8


def for_labs() -> dict[str, str]:
    """The honoured variables for a lab outside a container: none changes what it computes or says of itself."""
    kept = {name: value for name, value in caller().items() if not name.startswith(FRAMEWORKS)}
    return {name: value for name, value in kept.items() if not name.startswith(SETTINGS[0]) or name in OF_LABS}


def adopt() -> None:
    """Make the honoured variables the whole environment of this process, so that no library reads another one."""
    kept = caller()
    for name in [name for name in os.environ if name not in kept]:
        del os.environ[name]


def add(name: str, value: str) -> None:
    """Give a variable to all that this process starts from now on."""
    os.environ[name] = value


def get(name: str) -> str:
    """One honoured variable of the caller, or nothing. Every other module asks here."""
    return os.environ.get(name, "") if _passes(name) else ""


def _passes(name: str) -> bool:
    if name.upper() in HONOURED or name.startswith(SETTINGS[0]) or name.endswith(SETTINGS[1:]):
        return True
    return not name.upper().startswith(FAMILIES)
