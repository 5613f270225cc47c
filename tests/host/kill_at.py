"""Runs a command of the copy of the clone in the working directory, and sends it a signal at one place of its code.

    python kill_at.py PLACE SIGNAL NOTE COMMAND …

A place is a line of host/ or of the modules that start programs for it, counted as they are reached the first time.
NOTE gets the number of places that were reached, or "sent" when the signal was. PLACE 0: none.
"""

import contextlib
import os
import subprocess
import sys
from pathlib import Path
from types import FrameType
from typing import Any

TRACED = (f"{Path.cwd() / 'host'}{os.sep}", str(subprocess.__file__), str(contextlib.__file__))


def run(place: int, number: int, note: Path, command: list[str]) -> int:
    reached: set[tuple[str, int]] = set()

    def in_line(frame: FrameType, event: str, _: Any) -> Any:
        here = (frame.f_code.co_filename, frame.f_lineno)
        if event == "line" and here not in reached:
            reached.add(here)
            if len(reached) == place:
                note.write_text("sent", encoding="utf-8")
                os.kill(os.getpid(), number)
        return in_line

    def in_call(frame: FrameType, _event: str, _: Any) -> Any:
        callers = (frame, frame.f_back)
        if any(caller is not None and caller.f_code.co_name == "__del__" for caller in callers):
            return None  # Python drops what is raised there
        return in_line if frame.f_code.co_filename.startswith(TRACED) else None

    from host.__main__ import main

    sys.settrace(in_call)
    try:
        return main(command)
    finally:
        sys.settrace(None)
        if not place:
            note.write_text(str(len(reached)), encoding="utf-8")


if __name__ == "__main__":
    if Path.cwd() == Path(__file__).resolve().parents[2]:
        sys.exit("only in a copy of the clone")
    sys.path.insert(0, str(Path.cwd()))
    sys.exit(run(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:]))
