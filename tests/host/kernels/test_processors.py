"""The same bits on other processors: training in C (program.c), native and emulated, against golden hashes.

An emulator models instructions. It tests what compilers make of the source for a processor, not its silicon.
"""

from pathlib import Path

import pytest

from tests.host.kernels.support import golden, hashes, own_level, program, require_x86_64

slow = pytest.mark.slow


def test_this_processor_gives_the_golden_hashes(tmp_path: Path) -> None:
    for level in {own_level(), own_level().replace("v4", "v3")}:
        assert hashes(program(tmp_path, "gcc", "-O2", f"-march={level}")) == golden(), level


@pytest.mark.parametrize(
    "cpu", ["Haswell", pytest.param("Skylake-Client", marks=slow), pytest.param("EPYC", marks=slow)]
)
def test_emulated_processors_of_x86_64_give_them(tmp_path: Path, cpu: str) -> None:
    require_x86_64()
    file = program(tmp_path, "gcc", "-O3", "-march=x86-64-v3", "-static")
    assert hashes(file, "qemu-x86_64-static", "-cpu", cpu) == golden()


@pytest.mark.parametrize("level", ["-O3", pytest.param("-O2", marks=slow)])
def test_an_emulated_arm_processor_gives_them(tmp_path: Path, level: str) -> None:
    file = program(tmp_path, "aarch64-linux-gnu-gcc", level, "-march=armv8-a", "-static")
    assert hashes(file, "qemu-aarch64-static", "-cpu", "cortex-a72") == golden()


@slow
@pytest.mark.parametrize("level", ["-O0", "-O3"])
def test_a_processor_without_fma_gives_them_in_software(tmp_path: Path, level: str) -> None:
    require_x86_64()
    assert hashes(program(tmp_path, "gcc", level, "-march=x86-64")) == golden()
