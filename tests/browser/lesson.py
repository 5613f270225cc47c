"""A lesson that is open in JupyterLab: its cells are run, edited and looked at as a learner does."""

import json
from pathlib import Path
from typing import Any

import requests

from tests.browser.chromium import Page
from tests.host.images.support import Stack

CELLS = "document.querySelectorAll('.jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook .jp-Cell')"
IDLE = "document.body.innerText.includes('(ipykernel) | Idle')"  # in the status bar


def choose(stack: Stack, plugin: str, **settings: str) -> None:
    """Store the settings of a plugin of JupyterLab, as its page of settings does."""
    answer = requests.put(
        f"{stack.jupyter}/lab/api/settings/{plugin}",
        json={"raw": json.dumps(settings)},
        headers={"Authorization": f"token {stack.environment['JUPYTER_TOKEN']}"},
        timeout=60,
    )
    assert answer.status_code == 204, answer.text


def show_all_cells(stack: Stack) -> None:
    """Let JupyterLab draw the cells that are out of sight too."""
    choose(stack, "@jupyterlab/notebook-extension:tracker", windowingMode="none")


class Lesson:
    """The notebook in front, whose cells are numbered from 0 as in its file."""

    def __init__(self, page: Page, file: Path):
        """Wait until the page has the cells of a notebook, `file`."""
        self.page = page
        self.cells: list[Any] = json.loads(file.read_text(encoding="utf-8"))["cells"]
        page.wait_for(f"{CELLS}.length === {len(self.cells)}")
        page.click(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-MarkdownCell")  # the status bar shows what has the focus
        page.wait_for(IDLE)

    def source(self, number: int) -> str:
        """The source of a cell, as in the file."""
        return "".join(self.cells[number]["source"])

    def code(self) -> list[int]:
        """The numbers of the cells with code."""
        return [number for number, cell in enumerate(self.cells) if cell["cell_type"] == "code"]

    def has(self, number: int, beginning: str) -> bool:
        """Return whether a line of a cell begins so."""
        return any(line.startswith(beginning) for line in self.source(number).splitlines())

    def find(self, beginning: str, after: int = -1) -> int:
        """The number of the first code cell after another with a line that begins so."""
        return next(number for number in self.code() if number > after and self.has(number, beginning))

    def write(self, number: int, code: str) -> None:
        """Replace the source of a code cell."""
        self.click(number, ".cm-content")
        self.page.press("a", "Control")
        self.page.insert(code)

    def run(self, number: int, seconds: float = 90) -> None:
        """Run a cell with Shift-Enter and wait for its end."""
        self._mark(number)
        prompt = "document.querySelector('[data-test=here] .jp-InputPrompt').innerText"
        before = self.page.evaluate(prompt)
        self.page.click("[data-test=here] .jp-InputPrompt")
        self.page.press("Enter", "Shift")
        self.page.wait_for(f"/\\d/.test({prompt}) && {prompt} !== {json.dumps(before)} && {IDLE}", seconds)

    def click(self, number: int, selector: str) -> None:
        """Click on the first element of a cell that matches."""
        self._mark(number)
        self.page.click(f"[data-test=here] {selector}")

    def output(self, number: int) -> str:
        """The text of a cell's output."""
        return str(self.page.evaluate(f"{CELLS}[{number}].querySelector('.jp-OutputArea')?.innerText ?? ''"))

    def within(self, number: int, selector: str) -> str:
        """A JavaScript expression: the first element of a cell that matches."""
        return f"{CELLS}[{number}].querySelector({selector!r})"

    def _mark(self, number: int) -> None:
        """Give a cell the attribute by which it is found by `Page.click`."""
        self.page.evaluate(
            "for (const e of document.querySelectorAll('[data-test]')) e.removeAttribute('data-test');"
            f"{CELLS}[{number}].setAttribute('data-test', 'here');"
            f"{CELLS}[{number}].scrollIntoView({{block: 'center'}})"
        )
