"""The files that a module imports, read from their import statements, without running them.

Imports inside functions count, so a file that is loaded late is among them as well. A module is in ``lib``, in one of
the folders that ``lib/__init__.py`` puts on Python's path, or none of ours: the standard library's, an image's package.
"""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.machinery import PathFinder
from pathlib import Path

from lib.harness.contract.catalogue import OUTSIDE, PACKAGES
from lib.harness.contract.source import TEXTS
from lib.harness.errors import UserError

PUBLIC = "fearless_labs"
"""The module that re-exports what a lab's author needs, by a table of names."""


def imported(root: Path, modules: Iterable[str]) -> dict[str, Path]:
    """The files of `modules` and of all that they import, with the texts beside them, by their paths in a record.

    `root`: the folder that ``lib`` is in.

    Raises:
        UserError: one of them is no Python source.
    """
    modules = list(modules)
    return _closure(_Finder(root, {module.partition(".")[0] for module in modules}), modules)


def imported_outside(folders: Sequence[Path], module: str) -> list[Path]:
    """The files of `module` and of all that it imports, as far as they are in `folders`, with the texts beside them.

    For the host, whose Python may be older than the image's and lacks its packages: a file that it cannot parse is one
    that imports nothing, and what the image has comes from the image even if a file in `folders` has its name.
    """
    return list(_closure(_Finder(folders[0], {module.partition(".")[0]}, folders), [module], lenient=True).values())


def _closure(finder: _Finder, modules: list[str], *, lenient: bool = False) -> dict[str, Path]:
    files: dict[str, Path] = {}
    todo, done = modules, set[str]()
    while todo:
        module = todo.pop()
        if module in done:
            continue
        done.add(module)
        todo += finder.behind(module)
        source = finder.find(module)
        if source is None:
            continue  # not ours, or a name inside a module: `from lib.harness.judging.verdicts import Claim`
        name, path = source
        files[name] = path
        if (texts := path.with_name(TEXTS)).is_file():
            files[name.rpartition("/")[0] + f"/{TEXTS}"] = texts
        parts = module.split(".")
        todo += [".".join(parts[:i]) for i in range(1, len(parts))]
        if module != PUBLIC:
            try:
                todo += _imports(path, parts if path.name == "__init__.py" else parts[:-1])
            except UserError:
                if not lenient:
                    raise
    return dict(sorted(files.items()))


def outside_folders(root: Path) -> list[Path]:
    """The folders that ``lib/__init__.py`` puts on Python's path, in their order."""
    return [root / PACKAGES, *(root / path for path in os.environ.get("LAB_PATHS", "").split(os.pathsep) if path)]


class _Finder:
    """A finder of modules.

    Args:
        root: the folder that ``lib`` is in.
        tops: top-level modules that are wanted even from Python's own folder of packages.
        only: look in these folders alone, neither in ``lib`` nor on Python's path.
    """

    def __init__(self, root: Path, tops: set[str], only: Sequence[Path] | None = None):
        self._root, self._tops = root, tops
        self._outside = outside_folders(root) if only is None else list(only)
        self._installed = [path for path in sys.path if Path(path) not in self._outside] if only is None else []
        ours = {"lib": root, PUBLIC: root / "lib" / "public"}
        self._folders: dict[str, Path | None] = {top: folder if only is None else None for top, folder in ours.items()}
        self._public: Mapping[str, str] | None = None

    def find(self, module: str) -> tuple[str, Path] | None:
        """A module's path in a record, and its file; None where it is not ours, or no module."""
        parts = module.split(".")
        if parts[0] not in self._folders:
            self._folders[parts[0]] = self._folder_of(parts[0])
        folder = self._folders[parts[0]]
        if folder is None:
            return None
        base = folder.joinpath(*parts)
        path = base / "__init__.py" if base.is_dir() else base.with_name(f"{base.name}.py")
        if not path.is_file():
            return None
        inside = path.is_relative_to(self._root / "lib")
        return path.relative_to(self._root).as_posix() if inside else f"{OUTSIDE}/{path.relative_to(folder)}", path

    def _folder_of(self, top: str) -> Path | None:
        if top in sys.stdlib_module_names or not top:
            return None
        spec = PathFinder.find_spec(top, self._installed)
        if spec is not None and spec.origin is not None:
            file = Path(spec.origin)
            return file.parents[1 if spec.submodule_search_locations else 0] if top in self._tops else None
        return next((f for f in self._outside if (f / top).is_dir() or (f / f"{top}.py").is_file()), None)

    def behind(self, module: str) -> list[str]:
        """The modules that a name of `PUBLIC` comes from."""
        top, _, name = module.partition(".")
        if top != PUBLIC or not name:
            return []
        if self._public is None:
            source = self.find(PUBLIC)
            self._public = _table(source[1]) if source else {}
        return list(self._public.values()) if name == "*" else [self._public[name]] if name in self._public else []


def _table(path: Path) -> dict[str, str]:
    """The modules by the names that come from them: the only table of texts in the module of `PUBLIC`."""
    for node in _parsed(path).body:
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        if isinstance(value, ast.Dict):
            table: dict[str, str] = ast.literal_eval(value)
            return table
    return {}


def _parsed(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_bytes())
    except SyntaxError as error:
        raise UserError(f"{path}, line {error.lineno}: {error.msg}") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: it cannot be read ({error})") from None


def _imports(path: Path, package: list[str]) -> Iterator[str]:
    """The modules that a file imports, and what may be modules among the names; `package`: the one that it is in."""
    tree = _parsed(path)
    aliases: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
            aliases |= {alias.asname or alias.name for alias in node.names if alias.name == PUBLIC}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            yield from (module, *(f"{module}.{alias.name}" for alias in node.names))
    for node in ast.walk(tree) if aliases else ():
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in aliases:
            yield f"{PUBLIC}.{node.attr}"
