"""Parts of a computation by name: while a method of a class runs, its object's name says where operations belong."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from lib.harness.recording.operations import Operations


@contextmanager
def named(owner: type, method: str, name: Callable[[Any], str], operations: Operations) -> Iterator[None]:
    """For the block, let each call of a method be a part of the computation.

    Args:
        owner: the class, or one that inherits the method.
        method: its name.
        name: from the object to the part's name.
        operations: that take the part.
    """
    author: Any = next(each for each in owner.__mro__ if method in vars(each))
    original = vars(author)[method]

    @functools.wraps(original)
    def call(self: Any, *arguments: Any, **more: Any) -> Any:
        operations.enter(name(self))
        try:
            return original(self, *arguments, **more)
        finally:
            operations.leave()

    setattr(author, method, call)
    try:
        yield
    finally:
        setattr(author, method, original)
