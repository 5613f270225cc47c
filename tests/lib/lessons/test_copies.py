"""The files of JupyterLab: copies of lessons, folders that can only be read, the code of the labs."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from tornado.web import Finish, HTTPError

from lib.lessons.notebooks import copies
from lib.lessons.notebooks.copies import Copies

LESSON = "04-dropout.ipynb"


def write(path: Path, text: str) -> str:
    """Write a notebook with one cell of text; returns what is in the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text, id="a")])
    path.write_text(nbformat.writes(book), encoding="utf-8")
    return path.read_text(encoding="utf-8")


@pytest.fixture
def labs(tmp_path: Path) -> Path:
    """The folder labs/ of a clone that was never used."""
    for language in ("ko", "en"):
        for name in ("00-start-here.ipynb", LESSON):
            write(tmp_path / "labs" / language / name, f"{language} {name}")
    (tmp_path / "lib" / "mlp").mkdir(parents=True)
    (tmp_path / "lib" / "mlp" / "lab.py").write_text("LAB = 1\n", encoding="utf-8")
    return tmp_path / "labs"


@pytest.fixture
def manager(labs: Path) -> Copies:
    return Copies(root_dir=str(labs), delete_to_trash=False)


def run(awaitable: Awaitable[Any]) -> Any:
    async def wait() -> Any:
        return await awaitable

    return asyncio.run(wait())


def names(manager: Copies, folder: str) -> dict[str, str]:
    """The paths of the entries of a folder, by their names."""
    return {entry["name"]: entry["path"] for entry in run(manager.get(folder))["content"]}


def text_of(model: dict[str, Any]) -> str:
    return str(model["content"]["cells"][0]["source"])


@pytest.mark.parametrize("language", ["ko", "en"])
@pytest.mark.parametrize("content", [True, False])
def test_a_copy_is_made_when_it_is_first_asked_for(manager: Copies, labs: Path, language: str, content: bool) -> None:
    original, copy = labs / language / LESSON, labs / "mine" / language / LESSON
    path = f"mine/{language}/{LESSON}"
    model = run(manager.get(path, content=content))
    assert (model["path"], model["type"], model["writable"]) == (path, "notebook", True)
    assert copy.read_bytes() == original.read_bytes()
    assert [file.name for file in copy.parent.iterdir()] == [LESSON], "that one alone"


def test_a_copy_is_never_overwritten(manager: Copies, labs: Path) -> None:
    path = f"mine/ko/{LESSON}"
    model = run(manager.get(path))
    model["content"]["cells"][0]["source"] = "mine"
    run(manager.save({"type": "notebook", "content": model["content"]}, path))
    write(labs / "ko" / LESSON, "a newer one")
    assert text_of(run(manager.get(path))) == "mine"
    assert not copies.copy(labs / "ko" / LESSON, labs / "mine" / "ko" / LESSON)
    assert '"mine"' in (labs / path).read_text(encoding="utf-8")


def test_one_that_was_renamed_or_deleted_is_made_again(manager: Copies, labs: Path) -> None:
    path = f"mine/ko/{LESSON}"
    run(manager.get(path))
    write(labs / path, "mine")
    run(manager.rename(path, "mine/ko/04-dropout-first.ipynb"))
    assert text_of(run(manager.get(path))) == f"ko {LESSON}"
    assert text_of(run(manager.get("mine/ko/04-dropout-first.ipynb"))) == "mine"
    write(labs / path, "mine too")
    run(manager.delete(path))
    assert text_of(run(manager.get(path))) == f"ko {LESSON}"


def test_a_copy_may_be_duplicated(manager: Copies) -> None:
    copied = run(manager.copy(f"mine/ko/{LESSON}", "mine/ko"))
    assert copied["path"] == "mine/ko/04-dropout-Copy1.ipynb"
    fresh = run(manager.copy(f"ko/{LESSON}", "mine/ko"))
    assert fresh["path"] == "mine/ko/04-dropout-Copy2.ipynb"
    assert fresh["writable"]


def test_a_lesson_itself_can_be_read_and_not_written(manager: Copies, labs: Path) -> None:
    path = f"ko/{LESSON}"
    before = (labs / path).read_bytes()
    model = run(manager.get(path))
    assert (model["path"], model["writable"], text_of(model)) == (path, False, f"ko {LESSON}")
    assert run(manager.list_checkpoints(path)) == []
    content = {"type": "notebook", "content": model["content"]}
    writing: list[Callable[[], Awaitable[Any]]] = [
        lambda: manager.save(content, path),
        lambda: manager.save(content, "ko/new.ipynb"),
        lambda: manager.save({**content, "type": "file", "chunk": 1}, path),
        lambda: manager.save(content, f"mine/../ko/{LESSON}"),
        lambda: manager.save({"type": "directory"}, "en/new"),
        lambda: manager.new_untitled("ko", type="notebook"),
        lambda: manager.delete(path),
        lambda: manager.delete("ko"),
        lambda: manager.rename(path, "mine/x.ipynb"),
        lambda: manager.rename(f"mine/ko/{LESSON}", "ko/x.ipynb"),
        lambda: manager.rename("en", "english"),
        lambda: manager.copy(path),
        lambda: manager.copy("mine", "ko"),
        lambda: manager.create_checkpoint(path),
        lambda: manager.restore_checkpoint("checkpoint", path),
        lambda: manager.save({"type": "file", "format": "text", "content": ""}, "lib/new.py"),
        lambda: manager.delete("lib/mlp/lab.py"),
    ]
    run(manager.get(f"mine/ko/{LESSON}"))
    for write_it in writing:
        with pytest.raises(HTTPError) as refused:
            run(write_it())
        assert refused.value.status_code == 403
        assert refused.value.log_message in copies.REFUSED.values()
    assert (labs / path).read_bytes() == before
    assert sorted(file.name for file in (labs / "ko").iterdir()) == ["00-start-here.ipynb", LESSON]
    assert (labs.parent / "lib" / "mlp" / "lab.py").read_text(encoding="utf-8") == "LAB = 1\n"


def test_a_folder_of_lessons_lists_the_copies(manager: Copies, labs: Path) -> None:
    """What is opened from there by a click is the learner's own; nothing is copied before."""
    assert names(manager, "ko") == {name: f"mine/ko/{name}" for name in ("00-start-here.ipynb", LESSON)}
    assert not (labs / "mine").exists()
    entry = next(entry for entry in run(manager.get("en"))["content"] if entry["name"] == LESSON)
    opened = run(manager.get(entry["path"]))
    assert text_of(opened) == f"en {LESSON}"
    assert names(manager, "mine/en") == {LESSON: f"mine/en/{LESSON}"}
    assert names(manager, "en")[LESSON] == f"mine/en/{LESSON}"


def test_the_code_of_the_labs_can_be_read(manager: Copies) -> None:
    assert set(names(manager, "")) == {"ko", "en", "lib"}
    assert names(manager, "lib") == {"mlp": "lib/mlp"}
    assert run(manager.get("lib/mlp/lab.py"))["content"] == "LAB = 1\n"
    assert not run(manager.get("lib/mlp/lab.py"))["writable"]
    copied = run(manager.copy("lib/mlp/lab.py", ""))
    assert (copied["path"], copied["writable"]) == ("lab.py", True)


@pytest.mark.parametrize("path", ["lib/../../x", "../x", "lib/\0", "mine/ko/nothing.ipynb", "lib/../lib/nothing.py"])
def test_what_is_not_there_or_outside_is_not_found(manager: Copies, labs: Path, path: str) -> None:
    (labs.parents[1] / "x").write_text("outside", encoding="utf-8")
    with pytest.raises(HTTPError) as missing:
        run(manager.get(path))
    assert missing.value.status_code == 404


def test_paths_that_are_no_copies_are_left_alone() -> None:
    assert copies.original_of("mine/ko/04-dropout.ipynb") == "ko/04-dropout.ipynb"
    assert copies.original_of("/mine//en/x.ipynb/") == "en/x.ipynb"
    for path in ("", "mine", "mine/ko", "mine/x.ipynb", "mine/de/x.ipynb", "mine/ko/a/x.ipynb", "mine/ko/x.py", "ko/x"):
        assert copies.original_of(path) is None
    assert [path for path in ("ko", "en/x", "lib/a/b", "./ko/x") if not copies.is_original(path)] == []
    assert [path for path in ("", "mine/ko", "kor", "library/x", "x/ko") if copies.is_original(path)] == []


def test_a_copy_that_cannot_be_written_is_an_error_and_leaves_nothing(labs: Path) -> None:
    disk = os.environ.get("LAB_TINY_DISK")
    if not disk:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("no disk to fill: only in the image")
    full = Path(disk, "copies", "labs")
    shutil.copytree(labs.parent, full.parent)
    (full / "ko" / "big.ipynb").write_text("x" * 400_000, encoding="utf-8")
    try:
        (full / "filler").write_bytes(b"x" * 500_000)
        with pytest.raises(HTTPError) as failed:
            run(Copies(root_dir=str(full)).get("mine/ko/big.ipynb"))
        assert "No space left" in str(failed.value.log_message)
        assert list((full / "mine" / "ko").iterdir()) == []
    finally:
        shutil.rmtree(full.parent)


class Handler:
    """A request of a browser for a page."""

    def __init__(self, uri: str):
        self.uri = uri
        self.path = uri.partition("?")[0]
        self.request = self
        self.sent = ""

    def redirect(self, url: str) -> None:
        self.sent = url


@pytest.mark.parametrize(
    ("uri", "to"),
    [
        ("/lab/tree/ko/04-dropout.ipynb?token=t", "/lab/tree/mine/ko/04-dropout.ipynb?token=t"),
        ("/doc/tree/en/04-dropout.ipynb", "/doc/tree/mine/en/04-dropout.ipynb"),
        ("/hub/user/lab/workspaces/a/tree/ko/x.ipynb?reset", "/hub/user/lab/workspaces/a/tree/mine/ko/x.ipynb?reset"),
        ("/lab", ""),
        ("/lab/tree/mine/ko/04-dropout.ipynb", ""),
        ("/lab/tree/ko", ""),
        ("/lab/tree/ko/x.py", ""),
    ],
)
def test_the_page_of_a_lesson_leads_to_that_of_its_copy(uri: str, to: str) -> None:
    handler: Any = Handler(uri)
    if to:
        with pytest.raises(Finish):
            copies.to_the_copy(handler, {})
    else:
        assert copies.to_the_copy(handler, {"a": 1}) == {"a": 1}
    assert handler.sent == to


def test_the_server_loads_nothing_that_only_lessons_need() -> None:
    """JupyterLab's start and memory would pay for it."""
    heavy = ("numpy", "matplotlib", "ipywidgets", "mlflow", "pydantic", "torch", "tensorflow", "pandas")
    code = f"import sys, lib.lessons.notebooks.copies; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout == "[]\n"
