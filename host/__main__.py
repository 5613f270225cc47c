"""`./invoke …`: makes .venv when it is missing or out of date, then runs Invoke in it."""

import os
import sys

from host.environment import ensure
from host.paths import REQUIREMENTS, ROOT
from lib.harness.errors import UserError


def main(argv: list[str]) -> int:
    """Exit code of the command `argv`. Replaces this process when it is not yet the environment's own Python."""
    folder = ROOT / ".venv"
    try:
        python = ensure(folder, REQUIREMENTS / "host.txt")
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    if os.path.realpath(sys.prefix) == str(folder.resolve()):
        try:
            import invoke  # noqa: F401
        except ModuleNotFoundError:  # somebody has emptied the environment: make it again
            (folder / "stamp").unlink()
        else:
            from host.cli import run

            return run(argv)
    os.execv(python, [str(python), "-m", "host", *argv])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
