"""Runs Invoke as `invoke` does, but says what was wrong with a command line in one line, with exit code 2."""

from __future__ import annotations

import difflib
import re
import sys
from typing import TYPE_CHECKING

from host.command import completion
from host.command.summaries import summaries
from lib.harness import __version__
from lib.harness.contract.options import ARGUMENTS, options_of
from lib.harness.errors import UserError, one_line

if TYPE_CHECKING:
    from invoke.exceptions import ParseError
    from invoke.program import Program


HELP, LIST = ("--help", "-h"), ("--list", "-l")
OWN_OPTIONS = (*HELP, *LIST, "--version", "-V")
"""The options of ./invoke without a command. Invoke has more, which are for other collections than ours."""


def run(argv: list[str]) -> int:
    """Exit code of Invoke on `argv`; without arguments it lists the commands.

    `./invoke lab NAME --help` also lists the keys that `--set` takes.
    """
    if not argv or (len(argv) == 1 and argv[0] in HELP + LIST):
        print("\n".join(["Commands (./invoke COMMAND --help explains one):\n", *_list(), ""]))
        return 0
    if argv[0] == completion.COMPLETE:
        print("\n".join(completion.candidates(argv[1:])))
        return 0
    if not set(HELP) & set(argv[1:]):
        return _invoke(argv)
    of_lab = argv[0] in {"lab", "sweep"} and not argv[1].startswith("-")
    if not of_lab:
        return _invoke(["--help", argv[0]])
    from host.command.keys import keys_of_lab, print_keys

    try:
        keys = keys_of_lab(argv[1])
    except UserError as error:
        print(one_line(error), file=sys.stderr)
        return 2
    code = _invoke(["--help", argv[0]])
    print_keys(argv[1], keys)
    return code


def _list() -> list[str]:
    """A line for each command."""
    every = summaries()
    width = max(map(len, every)) + 2
    return [f"  {name:{width}} {summary}" for name, summary in every.items()]


def _with_absent(argv: list[str]) -> list[str]:
    """The command line with an empty word for an argument that may be left out: Invoke knows no such argument."""
    named = ARGUMENTS.get(argv[0], ()) if argv else ()
    absent = named and named[0].optional and (len(argv) == 1 or argv[1].startswith("-"))
    return [argv[0], "", *argv[1:]] if absent else argv


def _invoke(argv: list[str]) -> int:
    from invoke.config import Config
    from invoke.exceptions import Exit, ParseError
    from invoke.program import Program

    class OwnDefaults(Config):
        """Invoke's defaults: no file or variable of the caller's, which are for other projects, changes them."""

        def load_base_conf_files(self) -> None: ...

        def load_project(self, merge: bool = True) -> None: ...

        def load_runtime(self, merge: bool = True) -> None: ...

        def load_shell_env(self) -> None: ...

    if misplaced := _misplaced(argv):
        print(one_line(misplaced), file=sys.stderr)
        return 2
    names = ["./invoke"]
    program = Program(__version__, name="Fearless Labs", binary=names[0], binary_names=names, config_class=OwnDefaults)
    try:
        program.create_config()
        program.parse_core(["./invoke", *_with_absent(argv)])
        program.parse_collection()
        program.parse_tasks()
        if surplus := _surplus(program):
            print(one_line(surplus), file=sys.stderr)
            return 2
        program.parse_cleanup()
        program.update_config()
        program.execute()
    except ParseError as error:
        print(one_line(_remedy(error, program)), file=sys.stderr)
        return 2
    except Exit as end:
        if end.message:
            print(end.message, file=sys.stderr)
        return int(end.code)
    return 0


def _misplaced(argv: list[str]) -> str:
    """One line on an option that is not ours before a command, has something behind it, or lacks its value."""
    first, last = argv[0], argv[-1]
    if first.startswith("-") and first not in OWN_OPTIONS:
        return f"No option '{first}' before a command. See ./invoke --list"
    if first.startswith("-") and first not in HELP and len(argv) > 1:
        return f"{first} stands alone: leave out '{argv[1]}'. See ./invoke --list"
    if any(option.flag == last for option in options_of(first) if option.repeatable):  # Invoke takes it for none
        return f"{last} needs a value. See ./invoke {first} --help"
    return ""


def _surplus(program: Program) -> str:
    """One line on what Invoke would take and no command of ours does: its own options, and a second command."""
    name, *others = [task.name for task in program.tasks] or [""]
    own = [option for option, argument in program.core_via_tasks.args.items() if argument.got_value]
    if own:
        return f"No option '--{own[0]}'. See ./invoke {name} --help"
    return f"One command at a time: leave out '{others[0]}'. See ./invoke {name} --help" if others else ""


def _remedy(error: ParseError, program: Program) -> str:
    """One line: what Invoke did not understand, the nearest names, where to read on."""
    message = str(error).rstrip("!.")
    if valueless := re.search(r"Flag <Argument: ([\w-]+).*> needed value", message):
        message = f"{'-' * min(len(valueless[1]), 2)}{valueless[1]} needs a value"
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
