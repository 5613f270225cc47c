"""Steps on GitHub are commands that run anywhere: those of the clone, with options that there are."""

import re
import shlex
from pathlib import Path

import pytest

from host.command.completion import candidates
from host.command.summaries import summaries
from tests.host.clone import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
OTHERS = ("sudo chown", "gh release")
"""Who owns a checkout, and where a release is kept, are GitHub's own matters."""


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_a_step_is_a_command_of_ours(workflow: Path) -> None:
    steps = re.findall(r"^ *- run: (.*)$", workflow.read_text(encoding="utf-8"), re.MULTILINE)
    assert steps
    for step in (step for step in steps if not step.startswith(OTHERS)):
        first, *words = shlex.split(step.removeprefix("sudo "))
        assert (ROOT / first).is_file(), step
        if first == "./invoke":
            assert words[0] in summaries()
            for flag in (word for word in words if word.startswith("-")):
                assert flag in candidates([words[0], flag]), step
