"""The same bits from every build of the kernels, without optimisation and with; and what builds are refused."""

import subprocess
from pathlib import Path

import pytest

from tests.host.kernels.support import build, golden, hashes, own_level, program, require, require_x86_64

TUNED = ("-mtune=haswell", "-mtune=znver3")
MORE = ("-O1", "-O3", *TUNED)
slow = pytest.mark.slow


@pytest.mark.parametrize(
    "flag", ["-O0", "-O2", "-ffp-contract=fast", *(pytest.param(flag, marks=slow) for flag in MORE)]
)
def test_no_flag_changes_a_bit(tmp_path: Path, flag: str) -> None:
    if flag in TUNED:
        require_x86_64()
    optimised = () if flag.startswith("-O") else ("-O3",)
    assert hashes(program(tmp_path, "gcc", *optimised, flag, f"-march={own_level()}")) == golden()


def test_a_build_that_may_reorder_sums_is_refused(tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError) as raised:
        build(tmp_path, "-Ofast")
    assert b"lets the compiler choose the order of sums" in raised.value.stderr


def test_no_sum_runs_lane_by_lane(tmp_path: Path) -> None:
    """Compilers keep the bits and may lose the vectors: fmas of single floats are few beside those of vectors."""
    require_x86_64()
    require("objdump")
    for path in build(tmp_path).glob("*.so"):
        lines = subprocess.run(["objdump", "-d", path], capture_output=True, text=True, check=True).stdout.splitlines()
        single, vectors = (sum("\tvfm" in line and kind in line for line in lines) for kind in ("ss ", "ps "))
        assert single < vectors / 4, (path.name, single, vectors)


@slow
@pytest.mark.parametrize("level", ["x86-64-v3", "x86-64-v4", "armv8-a"])
def test_sanitizers_find_nothing(tmp_path: Path, level: str) -> None:
    """Reads and writes outside of arrays, memory that is not freed, and what C leaves undefined."""
    if level not in {own_level(), own_level().replace("v4", "v3")}:
        pytest.skip("a level of other processors")
    checks = ("-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", f"-march={level}")
    assert hashes(program(tmp_path, "gcc", *checks)) == golden()
