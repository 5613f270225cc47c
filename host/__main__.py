"""`./invoke …`: makes .venv when it is missing or out of date, then runs Invoke in it."""

import _signal as early  # the built-in part of signal, which imports nothing

if early.getsignal(early.SIGINT) is early.default_int_handler:  # Ctrl-C during the imports is no traceback
    early.signal(early.SIGINT, early.SIG_DFL)

import importlib.util
import os
import sys

from host.bootstrap import environment, files, ledger, signals
from host.bootstrap.paths import REQUIREMENTS, ROOT
from host.bootstrap.venv import ensure
from lib.harness.errors import UserError, one_line


def main(argv: list[str]) -> int:
    """Exit code of the command `argv`, with the honoured variables of the caller as its environment."""
    signals.install()
    environment.adopt()
    try:
        return _run(argv)
    except UserError as error:
        print(one_line(error), file=sys.stderr)
        return 2
    except OSError as error:
        refused = files.refused(error)
        if refused is None:
            raise
        print(one_line(refused), file=sys.stderr)
        return 2
    except KeyboardInterrupt as error:
        return signals.exit_code(error)
    finally:
        signals.ignore()
        ledger.settle()
        files.give_back()


def _run(argv: list[str]) -> int:
    """Exit code of `argv`. Replaces this process when it is not yet the environment's own Python."""
    ledger.sweep()
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
    try:
        code = main(sys.argv[1:])
    except KeyboardInterrupt as error:  # at its very beginning or end
        code = signals.exit_code(error)
    sys.exit(code)
