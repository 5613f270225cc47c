"""Names by which a browser reaches the services through a tunnel or proxy of the user's own: LAB_HOSTS.

MLflow and JupyterLab answer to `localhost` alone, so that no page of somebody else's speaks to them under another name.
The ports stay on 127.0.0.1: what has such a name forwards to them.
"""

import re
import shlex

from host.machine import env_file
from lib.harness.errors import UserError, short

NAME = "LAB_HOSTS"
HOST = re.compile(r"[a-z0-9]([a-z0-9.-]{0,250}[a-z0-9])?", re.IGNORECASE)
OURS = ("localhost", "127.0.0.1")


def names() -> list[str]:
    """The names of the setting, without ports.

    Raises:
        UserError: one is no name of a host.
    """
    text, place = env_file.setting_and_place(NAME)
    wanted = [name.strip() for name in text.split(",") if name.strip()]
    for name in wanted:
        if not HOST.fullmatch(name):
            raise UserError(
                f"{NAME} in {place}: {short(name)} is no name of a host: write names without port or http://, commas "
                f"between, as in {NAME}=labbox,hub.example.edu"
            )
    return wanted


def _origins(address: str) -> tuple[str, str]:
    """A page's origin without a port, and the pattern of it with one.

    MLflow takes the pattern for one of file names, Flask-CORS for the beginning of a regular expression: it must be
    right as either, or a page of another host whose name begins with this one reads what is behind the proxy.
    """
    return address, f"{address.replace('.', '[.]')}:[0-9]*"


def variables() -> dict[str, str]:
    """The parts of MLflow's environment and of JupyterLab's command that compose.yaml adds for these names."""
    wanted = names()
    if not wanted:
        return {}
    origins = [origin for name in wanted for scheme in ("http", "https") for origin in _origins(f"{scheme}://{name}")]
    pattern = f"https?://({'|'.join(map(re.escape, wanted))})(:[0-9]+)?"
    jupyter = [f"--ServerApp.local_hostnames={name}" for name in (*OURS, *wanted)]
    return {
        "LAB_MLFLOW_HOSTS": "".join(f",{name},{name}:*" for name in wanted),
        "LAB_MLFLOW_ORIGINS": ",".join(origins),
        "LAB_JUPYTER_OPTIONS": shlex.join([*jupyter, f"--ServerApp.allow_origin_pat={pattern}"]),
    }
