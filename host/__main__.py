"""`./invoke …`: makes .venv when it is missing or out of date, then runs Invoke in it."""

import importlib.util
import os
import sys

from host.bootstrap import environment, files
from host.bootstrap.paths import REQUIREMENTS, ROOT
from host.bootstrap.venv import ensure
from lib.harness.errors import UserError


def main(argv: list[str]) -> int:
    """Exit code of the command `argv`, with the honoured variables of the caller as its environment."""
    environment.adopt()
    try:
        return _run(argv)
    except UserError as error:
        print(files.one_line(error), file=sys.stderr)
        return 2
    except OSError as error:
        refused = files.refused(error)
        if refused is None:
            raise
        print(files.one_line(refused), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    finally:
        files.give_back()


def _run(argv: list[str]) -> int:
    """Exit code of `argv`. Replaces this process when it is not yet the environment's own Python."""
    folder = ROOT / ".venv"
    inside = os.path.realpath(sys.prefix) == str(folder.resolve())
    if inside and not importlib.util.find_spec("invoke"):  # somebody has emptied the environment
        (folder / "stamp").unlink(missing_ok=True)
        inside = False
    python = ensure(folder, REQUIREMENTS / "host.txt")
    if not inside:
        os.execv(python, [str(python), "-X", "utf8", "-m", "host", *argv])
    from host.command.program import run

    return run(argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
