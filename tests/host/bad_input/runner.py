"""Runs commands of a copy of the clone, each in a fork of one process that has loaded the libraries once.

    python runner.py ROOT   reads a case as JSON from each line of standard input and answers with a line of JSON

A case takes milliseconds so, and is still a process of its own that goes through the copy's host.__main__.
"""

import importlib
import json
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

LIBRARIES = ("invoke.program", "rich.console", "rich.table", "dotenv.parser", "ast", "difflib", "importlib.util")


def outcome(case: dict[str, Any]) -> dict[str, Any]:
    """Exit code, standard output and standard error of a case."""
    with Path(os.devnull).open() as nothing, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if child == 0:
            for target, stream in enumerate((nothing, out, err)):
                os.dup2(stream.fileno(), target)
            os.environ.clear()
            os.environ.update(case["env"])
            signal.alarm(900)  # it hangs: a busy machine takes a minute for a case
            tempfile.tempdir = None
            code = 70
            try:
                code = importlib.import_module("host.__main__").main(case["words"])
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else 1
            except BaseException:
                sys.excepthook(*sys.exc_info())
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
        _, status = os.waitpid(child, 0)
        out.seek(0)
        err.seek(0)
        texts = {"stdout": out.read().decode(errors="replace"), "stderr": err.read().decode(errors="replace")}
        return {"code": os.waitstatus_to_exitcode(status), **texts}


def main(root: str) -> None:
    """Answer until standard input ends."""
    os.chdir(root)
    sys.path.insert(0, root)
    sys.dont_write_bytecode = True
    sys.warnoptions.append("default")
    for name in LIBRARIES:
        importlib.import_module(name)
    for line in sys.stdin:
        print(json.dumps(outcome(json.loads(line))), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
