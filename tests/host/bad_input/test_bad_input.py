"""Bad input of every kind: one line that names what was wrong and the remedy, exit code 2, and nothing left behind."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.host.bad_input.cases import CASES, NO_ENGINE, Case
from tests.host.clone import copy_clone, share_venv

Run = Callable[[dict[str, Any]], dict[str, Any]]
STATE = (".local/locks", ".local/logs")
"""What commands keep on purpose: locks, and logs of the last attempt."""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = share_venv(copy_clone(tmp_path_factory.mktemp("bad") / "clone"))
    for folder in ("labs/mine", "labs/packages", *STATE):
        (made / folder).mkdir(parents=True)
    return made


@pytest.fixture(scope="module")
def run(root: Path) -> Iterator[Run]:
    """Run a case, {words, env}; returns {code, stdout, stderr}."""
    command = [str(root / ".venv/bin/python"), "-X", "utf8", str(Path(__file__).with_name("runner.py")), str(root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout

        def ask(case: dict[str, Any]) -> dict[str, Any]:
            assert process.stdin
            assert process.stdout
            process.stdin.write(json.dumps(case) + "\n")
            process.stdin.flush()
            answer: dict[str, Any] = json.loads(process.stdout.readline())
            return answer

        yield ask
        process.stdin.close()


def contents(folder: Path) -> dict[str, object]:
    """Every path below `folder` with what it is; of commands' own state nothing."""
    found: dict[str, object] = {}
    for base, folders, files in os.walk(folder):
        here = Path(base).relative_to(folder).as_posix()
        folders[:] = [name for name in folders if name != ".venv" and f"{here}/{name}".removeprefix("./") not in STATE]
        for name in (*folders, *files):
            facts = Path(base, name).lstat()
            found[f"{here}/{name}"] = (facts.st_mode, facts.st_size if name in files else 0)
    return found


def put(root: Path, files: dict[str, str | bytes]) -> list[Path]:
    made = []
    for name, content in files.items():
        path = root / name
        made.append(path)
        if name.endswith("/"):
            path.mkdir()
        elif isinstance(content, bytes):
            path.write_bytes(content)
        elif content.startswith("-> "):
            path.symlink_to(content.removeprefix("-> "))
        else:
            path.write_text(content, encoding="utf-8")
    return made


def name_of(case: Case) -> str:
    words = case.words if isinstance(case.words, str) else " ".join(case.words)
    return " ".join([*(f"{key}={value}" for key, value in case.env.items()), words[:60], *case.files])


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_one_line_and_nothing_left(case: Case, root: Path, run: Run, tmp_path: Path) -> None:
    home, temporary = tmp_path / "home", tmp_path / "tmp"
    home.mkdir()
    temporary.mkdir()
    general = {"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(temporary), "LAB_CALLER_DIR": str(root)}
    env = {k: v.format(root=root) for k, v in (general | NO_ENGINE | case.env).items()}
    made = put(root, case.files)
    before = contents(root)
    try:
        words = case.words.split() if isinstance(case.words, str) else list(case.words)
        answer = run({"words": words, "env": {k: v for k, v in env.items() if v}})
        after = contents(root)
    finally:
        for path in made:
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    lines = answer["stderr"].splitlines()
    assert (answer["code"], answer["stdout"], len(lines)) == (2, "", 1), answer["stderr"] or answer
    assert all(sign.isprintable() for sign in lines[0])
    for part in case.parts:
        assert part in lines[0]
    assert after == before
    assert list(home.rglob("*")) == []
    assert list(temporary.rglob("*")) == []


def test_the_corpus_is_large_and_has_no_case_twice() -> None:
    assert len(CASES) >= 150
    assert len({name_of(case) + str(list(case.files.values())) for case in CASES}) == len(CASES)
