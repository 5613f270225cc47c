"""Imports the module of a lab.

A lab outside ``lib`` is found by its module's name in this process and in those that it starts: workers, which load the
classes of its configs by that name, and the tasks of a Ray cluster (``lib/__init__.py`` says how).
"""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING

from lib.harness.errors import UserError
from lib.harness.replaced import require_replaceable

if TYPE_CHECKING:
    from lib.harness.contract.lab import Lab
    from lib.harness.contract.source import LabEntry

HOW = "docs/adding-a-lab.md says how a lab is written"


def lab_of(module: str) -> Lab:
    """The lab of a module that can be imported here, as in a worker."""
    lab: Lab = importlib.import_module(module).LAB
    return lab


def place(entry: LabEntry) -> None:
    """Let this process, and those that it starts from now on, find the lab's module."""
    folder = str(entry.root)
    if not entry.of_lecture and folder not in sys.path:
        sys.path.append(folder)
        os.environ["LAB_PATHS"] = os.pathsep.join(filter(None, [os.environ.get("LAB_PATHS"), folder]))


def load(entry: LabEntry) -> Lab:
    """The lab itself.

    Raises:
        UserError: its module cannot be imported, or is no lab. The message has file and line.
    """
    from lib.harness.contract.lab import Lab

    place(entry)
    if not entry.of_lecture:
        _require_free(entry)
    try:
        module = importlib.import_module(entry.module)
    except UserError as error:
        raise UserError(f"{entry.shown}: {error}") from error
    except (Exception, SystemExit) as error:
        raise UserError(_described(entry, error)) from error
    lab = getattr(module, "LAB", None)
    if not isinstance(lab, Lab):
        raise UserError(f"{entry.shown}: LAB is no Lab but {type(lab).__name__}. {HOW}")
    require_replaceable(lab.name, lab.replaceable)
    return lab


def _require_free(entry: LabEntry) -> None:
    """Raises `UserError` where Python would import something else by the name of the lab's module."""
    top = entry.module.partition(".")[0]
    spec = PathFinder.find_spec(top, [path for path in sys.path if Path(path) != entry.root])
    if spec is not None and spec.origin is not None:
        raise UserError(f"{entry.shown}: Python has a module '{top}' already: rename the file or folder")


def _described(entry: LabEntry, error: BaseException) -> str:
    """One line: where in the lab's code an import has failed, and why."""
    if isinstance(error, SyntaxError) and error.filename:
        file, line, reason = error.filename, error.lineno, error.msg
    else:
        frames = [f for f in traceback.extract_tb(error.__traceback__) if Path(f.filename).is_relative_to(entry.root)]
        file, line = (frames[-1].filename, frames[-1].lineno) if frames else (str(entry.file), None)
        reason = " ".join(f"{type(error).__name__}: {error}".split())
    shown = entry.shown if Path(file) == entry.file else Path(file).name
    old = isinstance(error, ImportError) and (error.name or "").startswith("lib.")
    old = old or (isinstance(error, TypeError) and "Lab.__init__()" in str(error))
    return f"{shown}{f', line {line}' if line else ''}: {reason}{f'. {HOW}' if old else ''}"
