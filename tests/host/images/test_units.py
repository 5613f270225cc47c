"""Every script in units/IMAGE runs inside that image, cut off from everything, and warns of nothing."""

from pathlib import Path

import pytest

from tests.host.images.conftest import RunIn
from tests.host.images.support import assert_quiet

UNITS = Path(__file__).with_name("units")


@pytest.mark.parametrize("unit", sorted(UNITS.glob("*/*.py")), ids=lambda unit: f"{unit.parent.name}-{unit.stem}")
def test_unit(run_in: RunIn, unit: Path) -> None:
    outcome = run_in(unit.parent.name, ["python", "/unit.py"], volumes=[f"{unit}:/unit.py:ro"])
    assert outcome.status == 0, outcome.log
    assert_quiet(outcome.log)
