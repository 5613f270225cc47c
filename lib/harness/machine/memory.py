"""The memory that a container may take, by the setting that a user can change."""

from __future__ import annotations

import os


def setting() -> str:
    """The name of the setting, with its value where this is a container that has it."""
    value = os.environ.get("LAB_MEMORY")
    return f"LAB_MEMORY (it is {value})" if value else "LAB_MEMORY"
