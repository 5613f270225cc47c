"""The smallest complete lab of docs/adding-a-lab.md runs as it stands there, in both languages."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.lib.harness.support import Clone

ROOT = Path(__file__).resolve().parents[3]


def example(page: str) -> str:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(\"\"\"Does .*?)```", text, flags=re.DOTALL)
    return str(code)


def test_it_is_the_same_in_both_languages_and_short() -> None:
    code = example("adding-a-lab.md")
    assert code == example("adding-a-lab.ko.md")
    formatted = subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--config", str(ROOT / "pyproject.toml"), "-"],
        input=code,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (formatted.returncode, formatted.stdout) == (0, code), formatted.stderr
    assert len([line for line in code.splitlines() if line.strip()]) <= 22


def test_it_runs_and_its_claim_holds(clone: Clone, tmp_path: Path) -> None:
    root = tmp_path / "clone"
    shutil.copytree(clone.root, root)
    for folder in ("data", "models"):
        shutil.copytree(ROOT / "lib" / folder, root / "lib" / folder, ignore=shutil.ignore_patterns("__pycache__"))
    (root / "lib" / "mlp").mkdir()
    (root / "lib" / "mlp" / "width.py").write_text(example("adding-a-lab.md"), encoding="utf-8")
    mine = Clone(root, clone.journals)
    ended = mine.run("width")
    assert (ended.code, ended.err) == (0, ""), ended
    files = mine.newest() / "run.files"
    (claim,) = json.loads((files / "claims.json").read_text())
    assert (claim["id"], claim["verdict"], claim["seeds"]) == ("wider-is-better", "holds", 5)
    assert (files / "figures" / "accuracy.png").stat().st_size > 5_000
    assert "width" in mine.run("labs").out
