"""The images that the runs of a journal ran in, for ``invoke images`` and ``clean``: the standard library alone."""

from __future__ import annotations

import json
from pathlib import Path

from lib.harness.errors import UserError
from lib.harness.recording import reading

TAGS = ("lab.image", "lab.image_content")


def used(journal: Path) -> dict[str, list[str]]:
    """The keys of the runs below `journal` by the image that each ran in, by its id and by its content.

    A run whose journal cannot be read needs none.
    """
    found: dict[str, list[str]] = {}
    for path in sorted(journal.glob("*/run.jsonl")):
        try:
            _, record = next(reading.read(path))
        except (OSError, UserError, StopIteration):
            continue
        tags = record.get("tags") or {}
        for image in {str(tags[tag]) for tag in TAGS if tag in tags} - {"unknown"}:
            found.setdefault(image, []).append(path.parent.name)
    return found


def main(journal: str) -> None:
    """Print them as JSON."""
    print(json.dumps(used(Path(journal))))
