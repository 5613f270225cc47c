"""Runs Invoke as `invoke` does, but says what was wrong with a command line in one line, with exit code 2."""

import difflib
import re
import sys

from invoke.exceptions import Exit, ParseError
from invoke.program import Program


def run(argv: list[str]) -> int:
    """Exit code of Invoke on `argv`; without arguments it lists the commands."""
    if len(argv) > 1 and {"--help", "-h"} & set(argv[1:]):
        argv = ["--help", argv[0]]  # `./invoke lab --help`, as people write it
    program = Program(name="Fearless Labs", binary="./invoke", binary_names=["./invoke"])
    try:
        program.create_config()
        program.parse_core(["./invoke", *(argv or ["--list"])])
        program.parse_collection()
        program.parse_tasks()
        program.parse_cleanup()
        program.update_config()
        program.execute()
    except ParseError as error:
        print(_remedy(error, program), file=sys.stderr)
        return 2
    except Exit as end:
        if end.message:
            print(end.message, file=sys.stderr)
        return int(end.code)
    except KeyboardInterrupt:
        return 130
    return 0


def _remedy(error: ParseError, program: Program) -> str:
    """One line: what Invoke did not understand, the nearest names, where to read on."""
    message = str(error).rstrip("!.")
    word = re.search(r"No idea what '(.*)' is", message)
    task = error.context.name if error.context else None
    help_command = f"./invoke {task} --help" if task else "./invoke --list"
    near: list[str] = []
    if word and word[1].startswith("-"):
        known = list(error.context.flags) if error.context else []
        near = difflib.get_close_matches(word[1].split("=")[0], known, cutoff=0.5)
    elif word:
        near = difflib.get_close_matches(word[1], program.collection.task_names, cutoff=0.5)
        help_command = "./invoke --list"
    return f"{message}." + (f" Nearest: {', '.join(near)}." if near else "") + f" See {help_command}"
