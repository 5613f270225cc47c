"""Lessons as they are shown on the site: executed before (`--execute`), or without outputs."""

import json
from pathlib import Path
from typing import Any

from host.bootstrap.paths import ROOT
from host.runs import sandbox
from host.site.pages import LANGUAGES
from lib.harness.errors import UserError

EXECUTED = "lessons"
"""The folder of the sandbox's cache with the executed notebooks."""


def shown(language: str, stem: str) -> dict[str, Any]:
    """The notebook of a lesson, with its outputs when this very notebook was executed before."""
    source: dict[str, Any] = json.loads(_source(language, stem).read_bytes())
    executed = _executed(language, stem)
    return executed if executed and _sources(executed) == _sources(source) else source


def all_lessons() -> list[tuple[str, str]]:
    """Language and name of every lesson's notebook."""
    return [(code, file.stem) for code in LANGUAGES for file in sorted((ROOT / "labs" / code).glob("*.ipynb"))]


def without_outputs() -> list[str]:
    """The lessons that were not executed as they are now, such as ``ko/04-dropout``."""
    return [
        f"{code}/{stem}"
        for code, stem in all_lessons()
        if not any(cell.get("outputs") for cell in shown(code, stem)["cells"])
    ]


def execute(local: bool) -> None:
    """Execute the lessons that were not. Raises `UserError` when one fails; those before it are kept."""
    missing = without_outputs()
    if not missing:
        return
    print(f"{len(missing)} lessons are executed: on two cores about a minute each", flush=True)
    arguments = ["-m", "lib.lessons.notebooks.executed", f"{sandbox.cache(local)}/{EXECUTED}", *missing]
    if sandbox.run(arguments, local, with_cache=True):
        raise UserError("A lesson could not be executed; what is above says why")


def _source(language: str, stem: str) -> Path:
    return ROOT / "labs" / language / f"{stem}.ipynb"


def _executed(language: str, stem: str) -> dict[str, Any] | None:
    try:
        notebook: dict[str, Any] = json.loads((sandbox.CACHE / EXECUTED / language / f"{stem}.ipynb").read_bytes())
    except (OSError, ValueError):
        return None
    return notebook


def _sources(notebook: dict[str, Any]) -> list[str]:
    return ["".join(cell["source"]) for cell in notebook["cells"]]
