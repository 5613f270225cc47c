"""Every script in the folders of units/ for an image runs inside it, cut off from everything, and warns of nothing."""

from pathlib import Path

import pytest

from tests.host.images.conftest import RunIn
from tests.host.images.support import TARGETS, UNITS, assert_quiet

FOLDER = Path(__file__).with_name("units")
CASES = [
    pytest.param(target, unit, id=f"{target}-{unit.stem}")
    for target in TARGETS
    for folder in UNITS[target]
    for unit in sorted((FOLDER / folder).glob("*.py"))
]


@pytest.mark.parametrize(("target", "unit"), CASES)
def test_unit(run_in: RunIn, target: str, unit: Path) -> None:
    outcome = run_in(target, ["python", "/unit.py"], volumes=[f"{unit}:/unit.py:ro"])
    assert outcome.status == 0, outcome.log
    assert_quiet(outcome.log)
