"""SECURITY.md: each promise names a test that there is."""

import ast
import re

from tests.host.clone import ROOT

PAGE = ROOT / "SECURITY.md"
PROMISE = re.compile(r"^\| (.+) \| `(tests/[\w/]+\.py)::(\w+)` \|$", re.MULTILINE)


def test_each_promise_names_a_test_that_there_is() -> None:
    text = PAGE.read_text(encoding="utf-8")
    promises = PROMISE.findall(text)
    assert len(promises) == text.count("`tests/") - 1, "a row of a promise is not `file::test`"
    assert len(promises) > 20
    missing = []
    for promise, file, name in promises:
        path = ROOT / file
        tree = ast.parse(path.read_text(encoding="utf-8")) if path.is_file() else ast.Module([], [])
        if name not in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}:
            missing.append(f"{promise}: {file}::{name}")
    assert missing == []


def test_each_table_of_promises_has_only_promises() -> None:
    """A promise without a test would stand beside the others as if it had one."""
    text = PAGE.read_text(encoding="utf-8")
    tables = re.findall(r"^\| promise \| test \|\n\|---\|---\|\n((?:\|.*\n)+)", text, re.MULTILINE)
    assert len(tables) == text.count("\n### ")
    for row in "".join(tables).splitlines():
        assert PROMISE.fullmatch(row), row
