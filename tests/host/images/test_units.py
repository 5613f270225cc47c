"""Every script in the folders of units/ for an image runs inside it, cut off from everything, and warns of nothing."""

from pathlib import Path

import pytest

from tests.host.images.conftest import RunIn
from tests.host.images.support import TARGETS, UNITS, assert_quiet

FOLDER = Path(__file__).with_name("units")
# what TensorFlow for CUDA says of the tests' containers, which have no driver
NO_DRIVER = ("All log messages before absl::InitializeLog()", "failed call to cuInit")
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
    said = outcome.log.splitlines()
    if target == "lab-gpu-tensorflow":
        said = [line for line in said if not any(words in line for words in NO_DRIVER)]
    assert_quiet("\n".join(said))
