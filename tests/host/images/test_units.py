"""Every script in the folders of units/ for an image runs inside it, cut off from everything, and warns of nothing."""

from pathlib import Path

import pytest

from tests.host.images.conftest import RunIn
from tests.host.images.support import LABS, TARGETS, UNITS, assert_quiet

FOLDER = Path(__file__).with_name("units")
NO_DRIVER = "failed call to cuInit"  # TensorFlow for CUDA in the tests' containers, which have no driver
WITH_TENSORFLOW = ("keras_trains", "tensorflow_hub_works")
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
    lines = outcome.log.splitlines()
    if target == "lab-gpu-tensorflow":
        lines = [line for line in lines if NO_DRIVER not in line]
    assert_quiet("\n".join(lines))


@pytest.mark.parametrize("unit", WITH_TENSORFLOW)
def test_a_unit_passes_where_tensorflow_takes_onednn(run_in: RunIn, unit: str) -> None:
    """TensorFlow takes oneDNN by itself on processors with AVX512-VNNI, and says so; here on every processor."""
    volumes = [f"{FOLDER / 'lab-cpu' / unit}.py:/unit.py:ro"]
    for target in LABS:
        outcome = run_in(target, ["python", "/unit.py"], volumes=volumes, environment={"TF_ENABLE_ONEDNN_OPTS": "1"})
        assert outcome.status == 0, outcome.log
        assert "oneDNN custom operations are on" in outcome.log
        assert_quiet("\n".join(line for line in outcome.log.splitlines() if NO_DRIVER not in line))
