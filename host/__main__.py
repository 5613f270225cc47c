"""`./invoke …`: makes .venv when it is missing or out of date, then runs Invoke in it."""

import importlib.util
import os
import sys

from host.bootstrap.paths import REQUIREMENTS, ROOT
from host.bootstrap.venv import ensure
from lib.harness.errors import UserError


def main(argv: list[str]) -> int:
    """Exit code of the command `argv`. Replaces this process when it is not yet the environment's own Python."""
    folder = ROOT / ".venv"
    inside = os.path.realpath(sys.prefix) == str(folder.resolve())
    if inside and not importlib.util.find_spec("invoke"):  # somebody has emptied the environment
        (folder / "stamp").unlink(missing_ok=True)
        inside = False
    try:
        python = ensure(folder, REQUIREMENTS / "host.txt")
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    if not inside:
        os.execv(python, [str(python), "-m", "host", *argv])
    from host.command.program import run

    return run(argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
