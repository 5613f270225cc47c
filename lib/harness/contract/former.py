"""Recognises a lab that is written for the old contract, from its source. Needs nothing but the standard library."""

from __future__ import annotations

import ast

from lib.harness.errors import UserError

PAGE = "docs/adding-a-lab.md#from-the-old-contract"
MODULES = {
    "lib.harness.contract",
    "lib.harness.claims",
    "lib.harness.studies",
    "lib.harness.figures",
    "lib.harness.seeds",
}
"""Modules that the names of the contract were imported from. The first is a package now, without names of its own."""
PARTS = {"claim", "config", "drawing", "lab", "results", "search", "seeds", "series", "studies", "texts", "trial"}
"""Modules of that package."""


def refuse_old_contract(tree: ast.Module, file: str) -> None:
    """Raise `UserError` when the module in `file` uses the old contract; the message says where help is."""
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module=module, names=names) if module in MODULES:
                imported = {alias.name for alias in names}
                if module != "lib.harness.contract" or imported - PARTS:
                    break
            case ast.Call(func=ast.Name(id="Lab"), keywords=keywords) if any(k.arg == "trial" for k in keywords):
                break
    else:
        return
    raise UserError(f"{file}: it is written for the old contract. How to change it: {PAGE}")
