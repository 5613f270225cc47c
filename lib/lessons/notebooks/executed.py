"""Lessons executed with their solutions: python -m lib.lessons.notebooks.executed FOLDER ko/04-dropout …

A kernel runs each notebook in a folder of its own, without MLflow. What is written is the notebook as the learner gets
it, with the outputs of the solved one.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode
from traitlets.config import Config

LABS = Path(__file__).parents[3] / "labs"
BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
CELL_SECONDS = 900
"""That a cell may take: some run a lab."""


def read(name: str) -> NotebookNode:
    """The notebook of a language and a lesson, such as ``ko/04-dropout``."""
    notebook: NotebookNode = nbformat.read(LABS / f"{name}.ipynb", as_version=4)
    return notebook


def solutions(notebook: NotebookNode) -> dict[str, str]:
    """The code of the folded solutions, by the exercise."""
    folded = [cell for cell in notebook.cells if "solution" in cell.metadata]
    return {cell.metadata.solution: BLOCK.findall(cell.source)[0] for cell in folded}


def execute(notebook: NotebookNode, folder: Path, seconds: int = CELL_SECONDS) -> NotebookNode:
    """Fill the exercises of a notebook in with their solutions and run all cells in `folder`.

    Args:
        seconds: that a cell may take.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell has failed.
        nbclient.exceptions.CellTimeoutError: a cell took longer.
    """
    answers = solutions(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code" and "exercise" in cell.metadata:
            cell.source = answers[cell.metadata.exercise]
    NotebookClient(
        notebook,
        timeout=seconds,
        resources={"metadata": {"path": str(folder)}},
        config=Config({"KernelManager": {"transport_encryption": "auto"}}),
    ).execute()
    return notebook


def main(folder: Path, names: list[str]) -> None:
    """Write the executed notebooks of these names below `folder`, each when it is whole."""
    for name in names:
        print(name, file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory() as home:
            own = {"HOME": home, "LAB_JOURNAL": f"{home}/journal", "LAB_LESSONS": f"{home}/lessons"}
            os.environ.update(own, MLFLOW_TRACKING_URI="http://127.0.0.1:9")
            Path(own["LAB_JOURNAL"]).mkdir()
            solved = execute(read(name), Path(home))
        notebook = read(name)
        for cell, done in zip(notebook.cells, solved.cells, strict=True):
            if cell.cell_type == "code":
                cell.outputs = done.outputs
        file = folder / f"{name}.ipynb"
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(".part")
        nbformat.write(notebook, part)
        part.replace(file)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
