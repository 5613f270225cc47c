"""Calls a learner's code: on copies, within a time limit, silently; what is wrong with it becomes a refusal.

A refusal is the key of a text and the fields that the text has; `checks` turns it into an answer.
"""

from __future__ import annotations

import ast
import contextlib
import copy
import inspect
import io
import linecache
import signal
import textwrap
import threading
import traceback
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import CodeType
from typing import Any

import numpy as np

from lib.harness.errors import one_line, short

SECONDS = 10.0
"""For one call: a hundred times what a slow but right answer takes."""
AGAIN_SECONDS = 0.5
"""Until a call that goes on, because its loop catches everything, is stopped again."""


class RefusedError(Exception):
    """An answer that cannot be compared, for the reason whose text has this key."""

    def __init__(self, key: str, **fields: Any):
        super().__init__(key)
        self.key = key
        self.fields = fields


class _TimeUp(BaseException):  # not an Exception: the learner's `except Exception` must not catch it
    """The call takes too long."""


def call(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any], seconds: float = SECONDS) -> tuple[Any, str]:
    """Call `function` on copies of the arguments. Returns its value and what it has printed.

    Raises:
        RefusedError: it raised an exception, took longer than `seconds`, or has changed an argument.
    """
    given = copied([*args, *kwargs.values()])
    before = copied(given)
    positional, named = given[: len(args)], dict(zip(kwargs, given[len(args) :], strict=True))
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed), warnings.catch_warnings(), limited(seconds):
            warnings.simplefilter("ignore")
            value = function(*positional, **named)
    except _TimeUp:
        raise RefusedError("endless", seconds=f"{seconds:g}") from None
    except (Exception, SystemExit) as error:
        raise refusal(error) from None
    names = [*_parameters(function, len(args)), *kwargs]
    for number, (old, new) in enumerate(zip(before, given, strict=True)):
        if changed(old, new):
            raise RefusedError("mutated", argument=names[number] if number < len(names) else f"{number + 1}")
    return value, printed.getvalue()


@contextlib.contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Stop what runs inside after `seconds`. Only in the main thread, as a kernel's cells are; elsewhere no limit."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    running = True

    def stop(number: int, frame: Any) -> None:
        if running:
            raise _TimeUp

    previous = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN_SECONDS)
    try:
        yield
    finally:
        while True:  # the time may be up here too
            try:
                running = False
                signal.setitimer(signal.ITIMER_REAL, 0)
                signal.signal(signal.SIGALRM, previous)
                break
            except _TimeUp:
                continue


def copied(values: Sequence[Any]) -> list[Any]:
    """Copies of the values; those that cannot be copied are themselves."""
    copies = []
    for value in values:
        try:
            copies.append(copy.deepcopy(value))
        except Exception:  # a tensor inside a graph, a file, a lock
            copies.append(value.detach().clone() if hasattr(value, "detach") else value)
    return copies


def changed(before: Any, after: Any) -> bool:
    """Return whether numbers, or a collection of them, are others than before. A random generator may be."""
    if hasattr(before, "detach"):
        before, after = before.detach().cpu().numpy(), after.detach().cpu().numpy()
    if isinstance(before, np.ndarray):
        return bool(before.shape != after.shape or before.tobytes() != after.tobytes())
    if isinstance(before, (list, tuple)):
        return len(before) != len(after) or any(map(changed, before, after))
    if isinstance(before, dict):
        return before.keys() != after.keys() or any(changed(before[key], after[key]) for key in before)
    if isinstance(before, (set, bytearray)):
        return bool(before != after)
    if isinstance(before, (str, int, float, complex, bool)):
        return repr(before) != repr(after)
    return False


def refusal(error: BaseException) -> RefusedError:
    """The refusal of an answer whose code has raised `error`: its class, its message, the learner's own line."""
    kind, message = type(error).__name__, short(one_line(str(error)))
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.line and not Path(frame.filename).is_file()]
    if own:
        return RefusedError("exception", kind=kind, message=message, line=own[-1].line, number=own[-1].lineno)
    if isinstance(error, TypeError):
        return RefusedError("signature", message=message)
    return RefusedError("exception_elsewhere", kind=kind, message=message)


def is_unfilled(target: Any) -> bool:
    """Return whether a function or class still has ``...`` where the learner's code belongs."""
    return any(_has_hole(code) for code in _codes(target))


def _codes(target: Any) -> Iterator[CodeType]:
    """The code of a function, or of a class's own methods."""
    members = vars(target).values() if inspect.isclass(target) else [target]
    for member in members:
        plain = getattr(member, "__func__", None) or getattr(member, "fget", None) or member
        code = getattr(inspect.unwrap(plain) if callable(plain) else plain, "__code__", None)
        if isinstance(code, CodeType):
            yield code


def _has_hole(code: CodeType) -> bool:
    lines = linecache.getlines(code.co_filename)[code.co_firstlineno - 1 :]
    try:
        tree = ast.parse(textwrap.dedent("".join(inspect.getblock(lines))))
    except (SyntaxError, ValueError, IndexError, inspect.EndOfBlock):
        return Ellipsis in code.co_consts
    if not tree.body:
        return Ellipsis in code.co_consts
    return any(map(_is_hole, _outside_indices(tree)))


def _is_hole(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is Ellipsis


def _outside_indices(tree: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a tree without what stands between the brackets of an index, as in ``x[..., 0]``."""
    yield tree
    for child in ast.iter_child_nodes(tree):
        if not (isinstance(tree, ast.Subscript) and child is tree.slice):
            yield from _outside_indices(child)


def _parameters(function: Any, count: int) -> list[str]:
    """The names of the first `count` parameters, or their numbers where they are not known."""
    try:
        names = list(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        names = []
    return [names[place] if place < len(names) else f"{place + 1}" for place in range(count)]
