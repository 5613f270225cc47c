"""How far each journal has been sent: ``<key>.shipped`` beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lib.harness.recording import journal as journals


def read_state(path: Path) -> dict[str, Any]:
    """Return how far the journal at `path` has been sent; the beginning if that is not known."""
    try:
        state: dict[str, Any] = json.loads(_state_path(path).read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return {"run_id": None, "offset": 0, "done": False}
    return state


def page_of(path: Path) -> str:
    """The address below MLflow's of the page of a journal's run; empty before it is known."""
    return str(read_state(path).get("page", ""))


def write_state(path: Path, state: dict[str, Any]) -> None:
    """Replace the state of the journal at `path`, whole or not at all."""
    new = path.with_suffix(".shipped.new")
    new.write_text(json.dumps(state), encoding="utf-8")
    new.replace(_state_path(path))


def is_sent(path: Path, state: dict[str, Any]) -> bool:
    """Return whether the end of a run has been sent, and the run was not resumed since."""
    return state["done"] and all(record["kind"] == "end" for _, record in journals.read(path, state["offset"]))


def is_shipped(folder: Path) -> bool:
    """Return whether everything below `folder` has reached MLflow."""
    paths = list(folder.glob("*.jsonl"))
    return all(is_sent(path, read_state(path)) for path in paths)


def unsent(root: Path) -> list[Path]:
    """The folders of `root` that MLflow has not got all of, oldest first."""
    return [folder for folder in sorted(root.glob("*/")) if not is_shipped(folder)]


def _state_path(path: Path) -> Path:
    return path.with_suffix(".shipped")
