"""``run()`` in a real kernel: a process of its own from a copy of the code, recorded, with the verdicts as result."""

from __future__ import annotations

import io
import json
import os
import signal
import stat
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from traitlets.config import Config

from tests.lib.harness.support import Clone, digests, finished, journals_of, statuses, until

IMPORT = "from fearless_labs import run\n"


class Notebook:
    """A notebook whose kernel has a clone's labs."""

    def __init__(self, clone: Clone):
        self.clone = clone
        self._book: Any = nbformat.v4.new_notebook()
        self.client = NotebookClient(
            self._book,
            timeout=240,
            kernel_name="python3",
            config=Config({"KernelManager": {"transport_encryption": "auto"}}),
        )
        environment = clone.environment() | {
            "PYTHONPATH": os.pathsep.join([str(clone.root), str(clone.root / "lib" / "public")]),  # as in the image
            "LAB_GIT_COMMIT": "an earlier one",
        }
        self.client.create_kernel_manager()
        self.client.start_new_kernel(cwd=str(clone.root), env=environment)
        self.client.start_new_kernel_client()
        (printed,) = self.cell("import os; print(os.getpid())")
        self.kernel = int(printed["text"])

    def cell(self, source: str) -> list[Any]:
        """Run a cell and return its outputs."""
        self._book.cells.append(nbformat.v4.new_code_cell(source))
        cell = self.client.execute_cell(self._book.cells[-1], len(self._book.cells) - 1)
        outputs: list[Any] = cell["outputs"]
        return outputs

    def interrupt(self) -> None:
        """Press the button: Jupyter sends SIGINT to the kernel's process group."""
        os.killpg(self.kernel, signal.SIGINT)


@pytest.fixture(scope="module")
def notebook(clone_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notebook]:
    opened = Notebook(Clone(clone_root, tmp_path_factory.mktemp("journal")))
    yield opened
    opened.client._cleanup_kernel()


def test_a_cell_shows_progress_and_verdicts_of_a_run_that_is_recorded(notebook: Notebook) -> None:
    clone = notebook.clone
    progress, result = notebook.cell(f'{IMPORT}outcome = run("tiny", seed=3, steps=10)\noutcome')
    assert progress["data"]["text/plain"] == "tiny: 4 of 4 trials"
    assert 'max="4" value="4"' in progress["data"]["text/html"]
    folder = clone.newest()
    claims = json.loads((folder / "run.files" / "claims.json").read_text())
    for claim in claims:
        assert claim["verdict"] in result["data"]["text/plain"]
        assert claim["id"].rpartition("/")[2] in result["data"]["text/html"]
    (shown,) = notebook.cell("print(outcome.run, len(outcome.claims))")
    assert shown["text"].split() == [folder.name, str(len(claims))]
    assert set(statuses(folder)) == {"FINISHED"}
    first = next(lines[0] for lines in journals_of(folder).values() if lines[0]["parent"] is None)
    assert first["params"]["steps"] == "10"
    assert first["params"]["seeds"] == "2"  # quick
    assert first["tags"]["lab.git_commit"] == "unknown"
    assert clone.tiny("--quick", "--seed", "3", steps=10).code == 0
    assert digests(clone.newest()) == digests(folder)


@pytest.mark.slow
def test_what_is_edited_while_it_runs_changes_nothing(notebook: Notebook) -> None:
    """The lab is broken as soon as its first trial has ended; its other workers start later than that."""
    clone, before = notebook.clone, len(notebook.clone.runs())
    file = next(clone.root.rglob("tiny.py"))
    source = file.read_bytes()

    def edit() -> None:
        until(lambda: len(clone.runs()) > before and finished(clone.newest()), 200, "a trial has ended")
        file.write_bytes(b"raise SystemExit\n")

    editor = threading.Thread(target=edit)
    editor.start()
    try:
        notebook.cell(f'{IMPORT}run("tiny", seeds=3, runtimes=["numpy", "torch"], action="sleep")')
    finally:
        editor.join()
        assert file.read_bytes() != source
        file.write_bytes(source)
    assert set(statuses(clone.newest())[1:]) == {"FINISHED"}
    with tarfile.open(fileobj=io.BytesIO((clone.newest() / "run.files" / "code.tar.gz").read_bytes())) as tar:
        (name,) = [name for name in tar.getnames() if name.endswith("/tiny.py")]
        member = tar.extractfile(name)
        assert member is not None
        assert member.read() == source


def test_an_interrupted_kernel_interrupts_the_lab(notebook: Notebook) -> None:
    clone, before = notebook.clone, len(notebook.clone.runs())

    def interrupt() -> None:
        until(lambda: len(clone.runs()) > before and finished(clone.newest()), 200, "a trial has ended")
        notebook.interrupt()

    pressing = threading.Thread(target=interrupt)
    pressing.start()
    with pytest.raises(CellExecutionError, match="KeyboardInterrupt") as stopped:
        notebook.cell(f'{IMPORT}run("tiny", seeds=100, action="sleep")')
    pressing.join()
    assert "--resume" in str(stopped.value)
    assert "KILLED" in statuses(clone.newest())
    assert set(statuses(clone.newest())) <= {"KILLED", "FINISHED"}


def test_bad_input_is_one_line(notebook: Notebook) -> None:
    for call, named in (
        ('run("tinny")', "tiny"),
        ('run("tiny", rate=1)', "learning_rate"),
        ('run("tiny", steps=0)', "steps=0"),
        ('run("tiny", framework="jax")', "jax"),
        ("run(3)", "run(lab)"),
    ):
        with pytest.raises(CellExecutionError) as refused:
            notebook.cell(IMPORT + call)
        shown = refused.value.traceback.rpartition(f"{call}\n------------------\n")[2].strip()  # the cell comes first
        assert len(shown.splitlines()) == 1, shown
        assert named in shown


@pytest.mark.slow
def test_a_lab_is_given_by_its_module_or_itself_too(notebook: Notebook) -> None:
    root, before = notebook.clone.root, len(notebook.clone.runs())
    module = ".".join(next(root.rglob("tiny.py")).relative_to(root).with_suffix("").parts)
    notebook.cell(f"{IMPORT}import {module} as lab\nassert run(lab, seeds=1).run != run(lab.LAB, seeds=1).run")
    assert len(notebook.clone.runs()) == before + 2


def test_trials_that_fail_are_said(notebook: Notebook) -> None:
    *_, result = notebook.cell(f'{IMPORT}run("tiny", action="fail")')
    assert "4 failed" in result["data"]["text/plain"]
    assert "not measured" in result["data"]["text/html"]


def test_a_journal_that_its_group_may_write_is_shared_with_it(clone: Clone) -> None:
    clone.journals.chmod(0o2775)
    assert clone.tiny(seeds=1).code == 0
    made = [clone.newest(), *clone.newest().rglob("*")]
    assert all(path.stat().st_mode & stat.S_IWGRP for path in made), made
    clone.journals.chmod(0o755)
    before = os.umask(0o022)
    try:
        assert clone.tiny(seeds=1).code == 0
    finally:
        os.umask(before)
    assert not any(path.stat().st_mode & stat.S_IWGRP for path in clone.newest().rglob("*"))
