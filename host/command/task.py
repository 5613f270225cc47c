"""A task of tasks.py: its arguments and options come from the table, its errors are one line."""

import functools
import inspect
import sys
from argparse import Namespace
from collections.abc import Callable
from typing import Any

from invoke.exceptions import Exit
from invoke.tasks import task

from host.bootstrap import files, signals
from lib.harness.contract.options import ARGUMENTS, Option, check, options_of
from lib.harness.errors import UserError, one_line

USING = {"lab", "sweep", "claims", "report", "reproduce", "diff", "export", "import", "sync", "forget"}
"""The commands that use the services or the runs of an instance, and say at their end whose: `up` and `down` do it."""


def command(body: Callable[[Namespace], int | None]) -> Any:
    """The Invoke task of the command that `body` is named after (without a closing underscore).

    `body` gets the values by the options' keys: True or False, a text or None, a list. It may return an exit code. A
    `UserError` is one line on stderr with exit code 2, Ctrl-C is exit code 130, another signal 128 and its
    number.
    """
    name = body.__name__.rstrip("_")
    arguments, options = ARGUMENTS.get(name, ()), options_of(name)

    @functools.wraps(body)
    def run(_context: object, **values: Any) -> None:
        try:
            check(options, values)
            code = body(Namespace(**values))
            if name in USING and code in {None, 0, 1}:
                _say_instance()
        except UserError as error:
            raise Exit(one_line(error), code=2) from None
        except OSError as error:
            refused = files.refused(error)
            if refused is None:
                raise
            raise Exit(one_line(refused), code=2) from None
        except KeyboardInterrupt as error:
            message = None if getattr(error, "reported", False) else "Interrupted."
            raise Exit(message, code=signals.exit_code(error)) from None
        raise Exit(code=code or 0)

    parameters = [_parameter("context")]
    parameters += [_parameter(argument.name) for argument in arguments]
    parameters += [_parameter(option.key, _absent(option)) for option in options]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    helps = {argument.name: argument.help for argument in arguments}
    helps |= {option.key: f"{option.metavar}: {option.explanation}".removeprefix(": ") for option in options}
    repeatable = [option.key for option in options if option.repeatable]
    return task(run, name=name, help=helps, iterable=repeatable, auto_shortflags=False)


def _say_instance() -> None:
    from host.engine import project

    print(f"Instance {project.display_name()}", file=sys.stderr)


def _parameter(name: str, default: object = inspect.Parameter.empty) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=default)


def _absent(option: Option) -> object:
    """The value of an option that is not given. The program in the container knows the defaults of its own."""
    if not option.metavar:
        return False
    return None if option.in_container or not option.default else option.default
