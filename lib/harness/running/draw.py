"""Draws the figures and animations of a lab, in a worker."""

from __future__ import annotations

import importlib
from pathlib import Path

from lib.harness.contract.config import Config
from lib.harness.contract.drawing import style
from lib.harness.contract.results import Results


def draw(module: str, name: str, results: Results, config: Config, folder: Path) -> Path:
    """Draw one figure or animation of a lab into `folder` and return its file.

    A PNG carries no date and no version, so that equal results give equal files.
    """
    lab = importlib.import_module(module).LAB
    folder.mkdir(parents=True, exist_ok=True)
    with style():
        if name in lab.figures:
            path = folder / f"{name}.png"
            lab.figures[name](results, config).savefig(path, metadata={"Software": None})
        else:
            from matplotlib.animation import PillowWriter

            path = folder / f"{name}.gif"
            lab.animations[name](results, config).save(path, writer=PillowWriter(fps=20), dpi=80)
    return path
