"""The files as JupyterLab shows them: a lesson opens as the learner's own copy, which nobody else writes to.

    ko/04-dropout.ipynb, en/…              a lesson as it is in the clone; read-only
    mine/ko/04-dropout.ipynb, mine/en/…    the learner's copy; made when it is first asked for, never overwritten
    lib/…                                  the code of the labs, from beside this folder; read-only

JupyterLab uses the path by which it has opened a file for all that follows (saves, checkpoints, the kernel), so no
answer may lead to another one. Instead all that leads to a lesson has the path of the copy: the addresses that
`./invoke up` prints, the links between lessons, the entries of the folders ``ko`` and ``en``; the page of a lesson
itself sends the browser there. Whoever asks for a copy that is not there gets a new one. So a copy that was renamed or
deleted is made again when it is opened the next time.

JupyterLab gets this class by ``--ServerApp.contents_manager_class``. Every start of the server imports this module, so
it imports nothing of the lessons.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from jupyter_server.serverapp import ServerApp
from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager
from tornado.web import Finish, HTTPError, RequestHandler

LANGUAGES = ("ko", "en")
MINE, CODE = "mine", "lib"
REFUSED = {
    "ko": "ko 폴더의 수업은 읽기만 할 수 있습니다. 고쳐 쓸 수 있는 사본은 mine/ko에 있습니다.",
    "en": "The lessons in the folder en are read-only. Your own copies are in mine/en.",
    "lib": "lib 폴더는 읽기만 할 수 있습니다. | The folder lib is read-only.",
}
ORIGINAL = re.compile(rf"/tree/(?:{'|'.join(LANGUAGES)})/[^/]+\.ipynb$")
"""The end of an address of JupyterLab that names a lesson itself and not a copy."""


def parts(path: str) -> tuple[str, ...]:
    """Return the parts of a path of JupyterLab, `..` and doubled slashes resolved; none for the root."""
    normal = posixpath.normpath(path.strip("/") or ".")
    return () if normal == "." else tuple(normal.split("/"))


def is_original(path: str) -> bool:
    """Return whether a path is, or is in, a folder that can only be read."""
    return parts(path)[:1] in {(name,) for name in REFUSED}


def original_of(path: str) -> str | None:
    """Return the path of the lesson whose copy `path` is; None where it is no copy's path."""
    match parts(path):
        case (folder, language, name) if folder == MINE and language in LANGUAGES and name.endswith(".ipynb"):
            return f"{language}/{name}"
    return None


def in_code(path: str) -> str | None:
    """Return the path below ``lib`` of a path that is there; None of others."""
    return "/".join(parts(path)[1:]) if parts(path)[:1] == (CODE,) else None


def as_code(model: dict[str, Any]) -> dict[str, Any]:
    """Return the model of a file or folder of ``lib`` with its path in JupyterLab; nothing there can be written."""
    path = f"{CODE}/{model['path']}".rstrip("/")
    shown = {**model, "path": path, "name": path.rpartition("/")[2], "writable": False}
    if model["type"] == "directory" and model["content"]:
        shown["content"] = [as_code(entry) for entry in model["content"]]
    return shown


def copy(original: Path, to: Path) -> bool:
    """Copy a lesson unless there is something in the place. Returns whether a copy was made.

    Raises:
        OSError: it could not be written whole; then nothing of it is left.
    """
    content = original.read_bytes()
    to.parent.mkdir(parents=True, exist_ok=True)
    try:
        file = to.open("xb")
    except FileExistsError:
        return False
    try:
        with file:
            file.write(content)
    except OSError:
        to.unlink()
        raise
    return True


def to_the_copy(handler: RequestHandler, page_config: dict[str, Any]) -> dict[str, Any]:
    """Send a browser that asks for the page of a lesson to that of its copy (a ``page_config_hook`` of JupyterLab)."""
    if ORIGINAL.search(handler.request.path):
        handler.redirect(str(handler.request.uri).replace("/tree/", f"/tree/{MINE}/", 1))
        raise Finish
    return page_config


class Copies(AsyncLargeFileManager):
    """The contents manager with copies of lessons, folders that can only be read, and ``lib``."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._code = AsyncLargeFileManager(root_dir=str(Path(self.root_dir).parent / CODE))
        if isinstance(self.parent, ServerApp):
            self.parent.tornado_settings = {**self.parent.tornado_settings, "page_config_hook": to_the_copy}

    def _make(self, path: str) -> None:
        """Make the copy at this path, if it is one and is not there yet."""
        original = original_of(path)
        if original is None:
            return
        source, to = Path(self._get_os_path(original)), Path(self._get_os_path(path))
        if to.exists() or not source.is_file():
            return
        try:
            copy(source, to)
        except OSError as error:
            self.log.error("%s could not be made: %s", to, error)
            raise HTTPError(500, f"{path}: {error.strerror}") from None

    async def get(self, path: str, *args: Any, **options: Any) -> dict[str, Any]:
        """Return the model of a file or folder; a copy of a lesson that is not there is made."""
        if (inside := in_code(path)) is not None:
            return as_code(await self._code.get(inside, *args, **options))
        self._make(path)
        model: dict[str, Any] = await super().get(path, *args, **options)
        return model

    def exists(self, path: str) -> bool:  # type: ignore[override]  # jupyter_server's own is no coroutine either
        """Return whether there is a file or folder."""
        inside = in_code(path)
        return bool(super().exists(path) if inside is None else self._code.exists(inside))

    async def file_exists(self, path: str) -> bool:
        """Return whether there is a file."""
        inside = in_code(path)
        return bool(await (super().file_exists(path) if inside is None else self._code.file_exists(inside)))

    async def dir_exists(self, path: str) -> bool:
        """Return whether there is a folder."""
        inside = in_code(path)
        return bool(await (super().dir_exists(path) if inside is None else self._code.dir_exists(inside)))

    async def is_hidden(self, path: str) -> bool:
        """Return whether a file or folder is not to be shown."""
        inside = in_code(path)
        return bool(await (super().is_hidden(path) if inside is None else self._code.is_hidden(inside)))

    async def _dir_model(self, path: str, content: bool = True) -> dict[str, Any]:
        """Return the model of a folder: lessons are listed as their copies, and ``lib`` is in the root."""
        model: dict[str, Any] = await super()._dir_model(path, content=content)
        place = parts(path)
        if content and place == ():
            entries = [entry for entry in model["content"] if entry["name"] != CODE]
            model["content"] = [*entries, await self.get(CODE, content=False)]
        if content and len(place) == 1 and place[0] in LANGUAGES:
            model["content"] = [await self._listed(entry) for entry in model["content"]]
        return model

    async def _listed(self, entry: dict[str, Any]) -> dict[str, Any]:
        """Return an entry of a folder of lessons: what a click opens is the copy."""
        if entry["type"] != "notebook":
            return entry
        path = f"{MINE}/{entry['path']}"
        if self.exists(path):
            return await self.get(path, content=False)
        return {**entry, "path": path, "writable": True}

    def is_writable(self, path: str) -> bool:
        """Return whether JupyterLab may write there."""
        return not is_original(path) and bool(super().is_writable(path))

    def _refuse(self, path: str) -> None:
        """Raise `HTTPError` for a path that can only be read."""
        if is_original(path):
            raise HTTPError(403, REFUSED[parts(path)[0]])

    async def save(self, model: dict[str, Any], path: str = "") -> dict[str, Any]:
        """Write a file or make a folder."""
        self._refuse(path)
        saved: dict[str, Any] = await super().save(model, path)
        return saved

    async def delete_file(self, path: str) -> None:
        """Delete a file or folder."""
        self._refuse(path)
        await super().delete_file(path)

    async def rename_file(self, old_path: str, new_path: str) -> None:
        """Rename a file or folder."""
        self._refuse(old_path)
        self._refuse(new_path)
        self._make(old_path)
        await super().rename_file(old_path, new_path)

    async def _copy_dir(self, from_path: str, to_path_original: str, to_name: str, to_path: str) -> dict[str, Any]:
        """Copy a folder."""
        self._refuse(to_path)
        copied: dict[str, Any] = await super()._copy_dir(from_path, to_path_original, to_name, to_path)
        return copied

    async def create_checkpoint(self, path: str) -> Any:
        """Keep the present state of a file."""
        self._refuse(path)
        return await super().create_checkpoint(path)

    async def restore_checkpoint(self, checkpoint_id: str, path: str) -> None:
        """Put a file back to a kept state."""
        self._refuse(path)
        await super().restore_checkpoint(checkpoint_id, path)

    async def list_checkpoints(self, path: str) -> Any:
        """Return the kept states of a file; none of one that can only be read."""
        return [] if is_original(path) else await super().list_checkpoints(path)
