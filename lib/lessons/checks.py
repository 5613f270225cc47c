"""Exercises that check themselves: what a unit's ``checks.py`` is written with.

::

    def my_dropout(learner: Learner) -> Hint | None:
        kept = learner.array(np.ones(1000), 0.5, shape=(1000,))
        difference = relation(kept.max(), 2.0)
        return None if difference is None else Hint("scale")

    EXERCISES = {"my_dropout": my_dropout}

A check asks the learner's code and compares properties of the answers. Whatever cannot be compared (an exception, no
value, another type or shape, NaN, an endless loop) is answered by the frame, so a check never looks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lib.harness.errors import short
from lib.lessons.calls import SECONDS, RefusedError, call, is_unfilled
from lib.lessons.relations import RELATIVE, Relation, as_floats, relation, same

__all__ = ["RELATIVE", "Check", "Hint", "Learner", "Relation", "judge", "relation", "same"]


@dataclass(frozen=True, init=False)
class Hint:
    """A hint at what is off: the key of a text, and the fields that the text has.

    ``Hint("scale", ratio=0.5)`` in the exercise `my_dropout` is the text ``[my_dropout.scale]`` of the unit, with
    ``{ratio}``; where the unit has none, ``[hints.scale]`` of the frame. A `Relation` is a key too: its text's
    ``{value}`` is its own.
    """

    key: str
    fields: Mapping[str, Any]

    def __init__(self, key: str, **fields: Any):
        own = {"value": key.value} if isinstance(key, Relation) else {}
        object.__setattr__(self, "key", str(key))
        object.__setattr__(self, "fields", own | fields)


Check = Callable[["Learner"], Hint | None]


class Learner:
    """The learner's answer to an exercise: a function, a class or a value.

    Every call is made on copies of the arguments and within a time limit, and what it prints is swallowed.

    Attributes:
        name: of the exercise.
    """

    def __init__(self, target: Any, name: str = "", seconds: float = SECONDS):
        self.name = name
        self._target = target
        self._seconds = seconds

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the learner's function; its value is whatever it returned, but never None."""
        return self._asked(self._target, args, kwargs)

    def array(self, *args: Any, shape: tuple[int, ...] | None = None, **kwargs: Any) -> np.ndarray:
        """Call the learner's function; its value as an array of finite floats, of this shape unless it is None."""
        return self.as_array(self(*args, **kwargs), shape)

    def number(self, *args: Any, **kwargs: Any) -> float:
        """Call the learner's function; its value as a finite float."""
        return self.as_number(self(*args, **kwargs))

    @property
    def value(self) -> Any:
        """The learner's value, in an exercise that asks for one."""
        if self._target is None:
            raise RefusedError("no_value")
        return self._target

    def value_number(self) -> float:
        """The learner's value as a finite float."""
        return self.as_number(self.value)

    def value_array(self, shape: tuple[int, ...] | None = None) -> np.ndarray:
        """The learner's value as an array of finite floats, of this shape unless it is None."""
        return self.as_array(self.value, shape)

    def make(self, *args: Any, **kwargs: Any) -> Any:
        """Make an instance of the learner's class; its methods are called through `method` or `effect`."""
        return self._asked(self._target, args, kwargs)

    def method(self, instance: Any, name: str, *args: Any, **kwargs: Any) -> Any:
        """Call a method of an instance; its value is whatever it returned, but never None."""
        return self._asked(self._member(instance, name), args, kwargs)

    def effect(self, instance: Any, name: str, *args: Any, **kwargs: Any) -> Any:
        """Call a method of an instance for what it does; it may return None."""
        return call(self._member(instance, name), args, kwargs, self._seconds)[0]

    def attribute(self, instance: Any, name: str) -> Any:
        """An attribute of an instance."""
        return self._member(instance, name)

    def as_array(self, value: Any, shape: tuple[int, ...] | None = None) -> np.ndarray:
        """A value, as of a method, as an array of finite floats, of this shape unless it is None."""
        try:
            array = as_floats(value)
        except (TypeError, ValueError):
            raise RefusedError("type_array", found=_kind(value)) from None
        if shape is not None and array.shape != tuple(shape):
            key = "shape_swapped" if array.ndim > 1 and array.shape == tuple(shape)[::-1] else "shape"
            raise RefusedError(key, found=_shape(array.shape), expected=_shape(tuple(shape)))
        return _finite(array)

    def as_number(self, value: Any) -> float:
        """A value, as of a method, as a finite float."""
        try:
            array = as_floats(value)
        except (TypeError, ValueError):
            raise RefusedError("type_number", found=_kind(value)) from None
        if array.size != 1:
            raise RefusedError("shape_number", found=_shape(array.shape))
        return float(_finite(array).reshape(-1)[0])

    def _member(self, instance: Any, name: str) -> Any:
        try:
            return getattr(instance, name)
        except AttributeError:
            raise RefusedError("no_member", member=name) from None

    def _asked(self, function: Any, args: Any, kwargs: Any) -> Any:
        if not callable(function):
            raise RefusedError("not_callable", found=_kind(function))
        value, printed = call(function, args, kwargs, self._seconds)
        if value is None and printed.strip():
            raise RefusedError("printed", printed=short(" ".join(printed.split())))
        if value is None:
            raise RefusedError("nothing")
        if value is Ellipsis:
            raise RefusedError("empty")
        return value


def judge(check: Check, target: Any, name: str = "", seconds: float = SECONDS) -> Hint | None:
    """The answer to a learner's function, class or value: None when it is right, else what is off.

    What the check itself raises goes on to the caller.
    """
    try:
        if target is Ellipsis or (callable(target) and is_unfilled(target)):
            raise RefusedError("empty")
        hint = check(Learner(target, name, seconds))
    except RefusedError as refused:
        return Hint(refused.key, **refused.fields)
    return Hint(hint) if isinstance(hint, str) else hint


def _finite(array: np.ndarray) -> np.ndarray:
    if np.isnan(array).any():
        raise RefusedError("nan", count=int(np.isnan(array).sum()))
    if np.isinf(array).any():
        raise RefusedError("inf", count=int(np.isinf(array).sum()))
    return array


def _kind(value: Any) -> str:
    """The type of a value, by the name that a learner knows."""
    kind = type(value)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__.partition('.')[0]}.{kind.__name__}"


def _shape(shape: tuple[int, ...]) -> str:
    return str(tuple(int(size) for size in shape))
