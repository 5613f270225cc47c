"""The volume of the journal, in which JupyterLab's user writes beside the labs' own."""

import sys

from host.bootstrap.process import reason
from host.engine import compose
from host.machine import labs_owner

OPEN = "find /journal -user 1000 -type d -exec chmod 2775 {} + -o -user 1000 -type f -exec chmod g+rw {} +"
"""As the image makes the folder of a new volume, and as a lab leaves what it records there."""


def open_to_jupyter(variables: dict[str, str]) -> None:
    """Let JupyterLab's user write in a journal that was made for the labs' user alone, as it was until version 0.2.

    Its owner must do that, so a container of the labs' service does. A warning says where it could not be done.
    """
    if labs_owner.jupyter_user()[0] == labs_owner.SERVICE_USER[0]:
        return
    if compose.call(variables, "exec", "-T", "jupyter", "test", "-w", "/journal").returncode == 0:
        return
    opened = compose.call(variables, "run", "--rm", "--no-deps", "-T", "--entrypoint", "sh", "lab", "-c", OPEN)
    if opened.returncode:
        print(f"Notebooks cannot record runs of labs: {reason(opened.stderr)}", file=sys.stderr)
