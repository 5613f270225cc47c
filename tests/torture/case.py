"""A command that faults are tried in: its room, what it is called with, and the oracle afterwards."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from tests.torture.places import Fault
from tests.torture.program import Ended, Program

AGAIN = "again"
"""The names of what is run after a fault."""


class Case:
    """A command of a program, in a room that is made anew for each run.

    Args:
        folder: the case's own.
        program: that has the command.

    Attributes:
        name: of the command.
        room: the folder that has all that the command reads and writes.
        command: its arguments.
    """

    name: ClassVar[str]
    command: Sequence[str]

    def __init__(self, folder: Path, program: Program):
        self.folder, self.program, self.room = folder, program, folder / "room"
        self.template = folder / "template"
        self.template.mkdir(parents=True)
        self.make_template()

    def make_template(self) -> None:
        """Fill `template`, of which each room is a copy."""

    def variables(self) -> Mapping[str, str]:
        """The environment of the command."""
        raise NotImplementedError

    def reset(self) -> None:
        """Make the room anew."""
        shutil.rmtree(self.room, ignore_errors=True)
        shutil.copytree(self.template, self.room, symlinks=True)
        (self.room / "tmp").mkdir(exist_ok=True)

    def first(self, fault: Fault | None) -> Ended:
        """Run the command in a new room, traced."""
        self.reset()
        return self.program.run(self.command, self.variables(), "first", fault=fault, traced=True)

    def again(self, *arguments: str) -> Ended:
        """Run a command after a fault."""
        return self.program.run(arguments, self.variables(), AGAIN)

    def lost(self, ended: Ended) -> list[str]:
        """The oracle: what is missing, doubled or unreadable after the command, and after what recovers it."""
        raise NotImplementedError

    def succeeded(self, *arguments: str) -> list[str]:
        """Run a command that must succeed now. Returns what is wrong with that."""
        ended = self.again(*arguments)
        if ended.code == 0 and not ended.wrong():
            return []
        return [f"{' '.join(arguments[:2])} afterwards: exit code {ended.code}: {ended.err.strip()[-300:]}"]
