"""What tests of the lessons share: a learner's answer from code, the notebooks' cells and their solutions."""

from __future__ import annotations

import functools
import itertools
import json
import linecache
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from lib.harness.contract.texts import LANGUAGES, Language
from lib.lessons.checks import judge
from lib.lessons.explore import Explorable
from lib.lessons.lesson import hint_text
from lib.lessons.order import find
from lib.lessons.texts import of_unit

LABS = Path(__file__).parents[3] / "labs"
BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
_counter = itertools.count(1)


def module_of(unit: str) -> str:
    """The package of a unit, by its name or its notebook's."""
    entry = find(unit)
    assert entry is not None, f"there is no lesson '{unit}'"
    return entry.module


def answer(unit: str, exercise: str, code: str, seconds: float = 10.0) -> str | None:
    """The key of the hint that a learner gets who has written `code`; None when it is right.

    The code may use ``np``, and ``torch`` where it names it, without an import, as in a notebook whose first cells have
    it. Every hint has its text in both languages. What the check itself raises is the test's to see.
    """
    module = module_of(unit)
    check = import_module(f"{module}.checks").EXERCISES[exercise]
    target = defined(code)[exercise]
    hint = judge(check, target, exercise, seconds)
    if hint is None:
        return None
    for language in LANGUAGES:
        assert hint_text(module, exercise, hint, language)
    return hint.key


def defined(code: str) -> dict[str, Any]:
    """The names that a cell defines. Its lines can be found, as those of a notebook's cell can."""
    file = f"<cell {next(_counter)}>"
    linecache.cache[file] = (len(code), None, code.splitlines(keepends=True), file)
    names: dict[str, Any] = {"__name__": "__main__", "np": np}
    if re.search(r"\btorch\b", code):
        names["torch"] = import_module("torch")
    exec(compile(code, file, "exec"), names)
    return names


def still(unit: str, name: str, language: Language = "ko", **values: Any) -> bytes:
    """The picture of a unit's explorable as PNG; a control without a value has its first one."""
    module = module_of(unit)
    explorable: Explorable = import_module(f"{module}.explore").EXPLORABLES[name]
    return explorable.render(
        lambda key, **fields: of_unit(module)(f"explore.{name}.{key}", language, **fields), **values
    )


@functools.cache
def notebook(stem: str, language: Language = "ko") -> Any:
    """A lesson's notebook as JSON."""
    return json.loads((LABS / language / f"{stem}.ipynb").read_text(encoding="utf-8"))


def source_of(cell: Any) -> str:
    """The source of a cell."""
    source = cell["source"]
    return source if isinstance(source, str) else "".join(source)


def solution(stem: str, exercise: str, language: Language = "ko") -> str:
    """The code of a notebook's folded solution."""
    cells = [cell for cell in notebook(stem, language)["cells"] if cell["metadata"].get("solution") == exercise]
    assert len(cells) == 1, f"{stem}: {len(cells)} solutions of {exercise}"
    blocks = BLOCK.findall(source_of(cells[0]))
    assert len(blocks) == 1, f"{stem}: the solution of {exercise} has {len(blocks)} blocks of code"
    return str(blocks[0])


def exercises(stem: str, language: Language = "ko") -> list[str]:
    """The exercises of a notebook, in its order."""
    return [
        cell["metadata"]["exercise"] for cell in notebook(stem, language)["cells"] if "exercise" in cell["metadata"]
    ]


def code_cells(stem: str, language: Language = "ko", solved: bool = True) -> list[str]:
    """The code cells of a notebook; an exercise is its solution if `solved`."""
    cells = [cell for cell in notebook(stem, language)["cells"] if cell["cell_type"] == "code"]
    names = [cell["metadata"].get("exercise") if solved else None for cell in cells]
    return [
        solution(stem, name, language) if name else source_of(cell) for name, cell in zip(names, cells, strict=True)
    ]
