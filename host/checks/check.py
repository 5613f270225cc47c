"""One line of what `doctor` says."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """One line of the table. `passed`: None for a fact that nothing depends on. `remedy`: the command that mends it."""

    subject: str
    passed: bool | None
    found: str
    remedy: str = ""
