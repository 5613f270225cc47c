"""docs/commands.md, made from the tasks and the table of options: python -m host.command.docs"""

import sys
from collections.abc import Iterator

from host.bootstrap.paths import ROOT
from lib.harness.contract.options import ARGUMENTS, Argument, Option, options_of

FILE = ROOT / "docs" / "commands.md"
HEAD = """\
# Commands

Made by `python -m host.command.docs` from `tasks.py` and `lib/harness/contract/options.py`. `./invoke COMMAND --help`
says the same, and `./invoke lab NAME --help` which keys `--set` takes. Exit codes: 0 success, 1 a command that compares
or checks has found a difference, 2 bad input or something is missing, 130 Ctrl-C.
"""


def page() -> str:
    """The text of docs/commands.md."""
    return "\n".join([HEAD, *(section for name in commands() for section in _section(name))]).rstrip() + "\n"


def commands() -> list[str]:
    """The names of all commands, in the order of tasks.py."""
    return list(_tasks())


def _tasks() -> dict[str, str]:
    """The documentation of each command by its name."""
    from invoke.tasks import Task

    import tasks

    return {task.name: str(task.__doc__) for task in vars(tasks).values() if isinstance(task, Task)}


def _section(name: str) -> Iterator[str]:
    arguments, options = ARGUMENTS.get(name, ()), options_of(name)
    words = ["./invoke", name, *map(_word, arguments), *map(_usage, options)]
    yield f"## {name}\n"
    yield f"`{' '.join(words)}`\n"
    yield " ".join(_tasks()[name].split()) + "\n"
    if arguments or options:
        yield "| | |\n|---|---|"
        yield from (f"| `{_cell(argument.metavar)}` | {_cell(argument.help)} |" for argument in arguments)
        yield from (f"| `{_cell(_named(option))}` | {_cell(option.explanation)} |" for option in options)
        yield ""


def _word(argument: Argument) -> str:
    return f"[{argument.metavar}]" if argument.optional else argument.metavar


def _named(option: Option) -> str:
    return f"{option.flag} {option.metavar}".strip()


def _usage(option: Option) -> str:
    return f"[{_named(option)}]{'…' if option.repeatable else ''}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    FILE.write_text(page(), encoding="utf-8")
    print(FILE.relative_to(ROOT), file=sys.stderr)
