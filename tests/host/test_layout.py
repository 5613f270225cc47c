"""The layout of the code: files that can be read at one sitting, folders that can be taken in at a glance."""

import ast
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LINES = 400
FILES = 18
PAGE = re.compile(r"(?<![\w/])docs/[\w-]+\.md\b")


def sources(*folders: str) -> list[Path]:
    paths = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    assert len(paths) > 50 * len(folders)
    return paths


def test_no_file_is_longer_than_400_lines() -> None:
    paths = [*sources("lib", "host"), *ROOT.glob("*.py")]
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in paths}
    assert {path.relative_to(ROOT).as_posix(): n for path, n in lengths.items() if n > LINES} == {}


def test_no_folder_has_more_than_18_files_side_by_side() -> None:
    folders = {path.parent for path in sources("lib", "host")}
    counts = {folder: sum(path.is_file() for path in folder.iterdir()) for folder in folders}
    assert {folder.relative_to(ROOT).as_posix(): n for folder, n in counts.items() if n > FILES} == {}


def test_bootstrap_needs_the_standard_library_alone() -> None:
    """import-linter can forbid the packages that it is told of; this forbids all that are not Python's own."""
    paths = list((ROOT / "host" / "bootstrap").glob("*.py"))
    assert paths
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or "." * node.level]
            for name in names:
                own = name.startswith(("host.bootstrap", "lib.harness.errors", "lib.harness.signals"))
                assert own or name.partition(".")[0] in sys.stdlib_module_names, f"{path}: {name}"


def test_pages_that_messages_name_exist() -> None:
    named = {page for path in sources("lib", "host") for page in PAGE.findall(path.read_text(encoding="utf-8"))}
    assert "docs/cluster.md" in named
    assert {page for page in named if not (ROOT / page).is_file()} == set()


def test_temporary_files_with_a_name_are_in_the_ledger() -> None:
    """The next command removes what a killed one leaves only if the ledger has it: `ledger.folder`, `ledger.beside`."""
    making = {"mkdtemp", "mkstemp", "NamedTemporaryFile", "TemporaryDirectory", "SpooledTemporaryFile"}
    makers = {
        f"{path.relative_to(ROOT).as_posix()}: {node.attr if isinstance(node, ast.Attribute) else node.id}"
        for path in sources("host")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (isinstance(node, ast.Attribute) and node.attr in making)
        or (isinstance(node, ast.Name) and node.id in making)
    }
    assert makers == set()
