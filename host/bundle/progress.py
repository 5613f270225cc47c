"""Progress of a long command in bytes: a bar on a terminal, otherwise a line on stderr for every tenth."""

import sys
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.progress import Progress as Bar


class Progress:
    """One stage of known size, as a context: `advance` says how many bytes more are done."""

    def __init__(self, what: str, total: int) -> None:
        self.what, self.total, self.done, self._tenth = what, max(total, 1), 0, 0
        self._bar: Bar | None = None
        if sys.stderr.isatty():
            columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
            self._bar = Bar(TextColumn("{task.description}"), *columns, console=Console(stderr=True))
            self._bar.add_task(what, total=self.total)

    def __enter__(self) -> "Progress":
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()

    def advance(self, size: int) -> None:
        """`size` bytes more are done."""
        self.done += size
        if self._bar:
            self._bar.update(self._bar.task_ids[0], advance=size)
        elif self.done * 10 // self.total > self._tenth:
            self._tenth = self.done * 10 // self.total
            print(f"{self.what}: {min(self._tenth, 10) * 10} %", file=sys.stderr, flush=True)
