"""Finds the labs without importing them.

A lab is a module below ``lib/`` with a top-level ``LAB = Lab(name="…", …)``. Its name, summary and the like are
literals, so they can be read from the source: listing the labs, or refusing an unknown name, loads no framework and
runs no lab. The host's tasks use this file too, so it needs nothing but the standard library.
"""

from __future__ import annotations

import ast
import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lib.harness.contract.former import refuse_old_contract
from lib.harness.errors import UserError

CHAPTER = 100  # of a lab that does not say its place: after those of the lecture
MINUTES = 1.0


@dataclass(frozen=True)
class LabEntry:
    """What the source of a lab says about it. `minutes`: duration of the full lab on two cores, as measured."""

    name: str
    module: str
    summary: str
    chapter: int
    frameworks: tuple[str, ...]
    minutes: float


def find_labs(root: Path) -> dict[str, LabEntry]:
    """All labs below ``root / "lib"`` by name, in the order of the lecture."""
    entries = {}
    for path in sorted([*(root / "lib").glob("*/*.py"), *(root / "lib").glob("*/*/lab.py")]):
        source = path.read_text(encoding="utf-8")
        if "\nLAB = Lab(" not in source:
            continue
        fields = _literals(ast.parse(source))
        module = ".".join(path.relative_to(root).with_suffix("").parts)
        entry = LabEntry(
            name=fields["name"],
            module=module,
            summary=fields["summary"],
            chapter=int(fields.get("chapter", CHAPTER)),
            frameworks=tuple(fields.get("frameworks", ("torch",))),
            minutes=float(fields.get("minutes", MINUTES)),
        )
        entries[entry.name] = entry
    return dict(sorted(entries.items(), key=lambda item: (item[1].chapter, item[0])))


def find_lab(root: Path, name: str) -> LabEntry:
    """The lab called `name`. Raises `UserError` with the nearest names when there is none.

    One that is written for the old contract is refused, too.
    """
    labs = find_labs(root)
    if name in labs:
        path = root.joinpath(*labs[name].module.split(".")).with_suffix(".py")
        refuse_old_contract(ast.parse(path.read_text(encoding="utf-8")), name)
        return labs[name]
    near = difflib.get_close_matches(name, labs, n=3, cutoff=0.5) or list(labs)
    raise UserError(f"There is no lab '{name}'. Nearest: {', '.join(near)}. All of them: ./invoke labs")


def _literals(tree: ast.Module) -> dict[str, Any]:
    """The literal keywords of the top-level call ``LAB = Lab(…)``."""
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id="LAB")], value=ast.Call(keywords=keywords)):
                return {k.arg: ast.literal_eval(k.value) for k in keywords if k.arg and _is_literal(k.value)}
    return {}


def _is_literal(node: ast.expr) -> bool:
    try:
        ast.literal_eval(node)
    except ValueError:
        return False
    return True
