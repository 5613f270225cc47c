"""Tables of typical mistakes: by exercise and by the key of the hint, the same mistake in several spellings.

A table is a mapping of bodies, whose functions begin alike (`cases` with `heads`), or code as a learner writes it, in
which each mistake begins with a line ``# exercise: hint`` (`cases` alone).
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence
from importlib import import_module

from lib.lessons.texts import of_unit

Case = tuple[str, str, str]
"""The exercise, the key of its hint, and the code."""
Mistakes = Mapping[str, Mapping[str, Sequence[str]]]
Formulas = Mapping[str, tuple[str, Mapping[str, str]]]
"""By exercise its code with ``{}`` for an expression, and by hint the wrong expression."""
HEAD = re.compile(r"^# (\w+): (\w+)$", re.MULTILINE)


def cases(table: str | Mistakes, heads: Mapping[str, str] | None = None) -> list[Case]:
    """The cases of a table.

    Args:
        table: code; or by exercise and hint the bodies of the exercise's function, or what a value exercise is set to.
        heads: by exercise what stands before the body; the last line is the function's first. A value exercise has
            none.
    """
    if isinstance(table, str):
        parts = HEAD.split(table)[1:]
        return [(parts[i], parts[i + 1], parts[i + 2].strip("\n") + "\n") for i in range(0, len(parts), 3)]
    found: list[Case] = []
    for exercise, keys in table.items():
        for key, bodies in keys.items():
            assert len(bodies) >= 2, f"{exercise}.{key}: two spellings"
            found += [(exercise, key, _written(exercise, body, (heads or {}).get(exercise))) for body in bodies]
    return found


def _written(exercise: str, body: str, head: str | None) -> str:
    code = f"{exercise} = {body}" if head is None else f"{head}\n{textwrap.indent(body, '    ')}"
    return f"import numpy as np\n{code}"


def filled(formulas: Formulas) -> list[Case]:
    """The cases of mistakes in one expression, each put into its exercise's code."""
    return [
        (exercise, key, template.replace("{}", body))
        for exercise, (template, bodies) in formulas.items()
        for key, body in bodies.items()
    ]


def assert_three_are_spelled_twice(table: str, unit: str) -> None:
    """Every exercise of a unit has at least three mistakes in the table in two spellings each."""
    written: dict[str, dict[str, int]] = {}
    for exercise, key, _ in cases(table):
        hints = written.setdefault(exercise, {})
        hints[key] = hints.get(key, 0) + 1
    assert written.keys() == import_module(f"lib.lessons.units.{unit}.checks").EXERCISES.keys()
    assert all(sum(count > 1 for count in hints.values()) >= 3 for hints in written.values())


def assert_every_hint_is_given(tried: Sequence[Case], unit: str) -> None:
    """Every hint for which a unit has a text is the answer to one of these cases."""
    texts = {key for key in of_unit(f"lib.lessons.units.{unit}").entries if not key.startswith("explore.")}
    assert texts <= {f"{exercise}.{key}" for exercise, key, _ in tried}
