"""The same bits on other processors: training in C (program.c), native and emulated, against golden hashes.

An emulator models instructions. It tests what compilers make of the source for a processor, not its silicon.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
from pathlib import Path

import pytest

from lib.kernels import library

HERE = Path(__file__).resolve().parent
GOLDEN = HERE.parents[1] / "digests" / "program.json"
FLAGS = ("-std=gnu11", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math", "-fopenmp-simd", "-static")
EMULATED = ("Haswell", "Skylake-Client", "EPYC")


def hashes(tmp_path: Path, compiler: str, *flags: str, run: tuple[str, ...] = ()) -> dict[str, str]:
    """The hashes that the program prints, compiled and run like this. Skips where a tool is missing."""
    for tool in (compiler, *run[:1]):
        if shutil.which(tool) is None:
            (pytest.fail if os.environ.get("CI") and run else pytest.skip)(f"no {tool} here")
    if not library.SOURCE.is_dir():
        pytest.skip("no docker/kernels here")
    program = tmp_path / "program"
    command = [compiler, *FLAGS, *flags, f"-I{library.SOURCE}", str(HERE / "program.c"), "-lm", "-o", str(program)]
    subprocess.run(command, check=True, capture_output=True)
    ran = subprocess.run([*run, str(program)], check=True, capture_output=True, text=True, timeout=900)
    return dict(line.split() for line in ran.stdout.splitlines())


def golden() -> dict[str, str]:
    """The hashes by network, the same everywhere."""
    found: dict[str, str] = json.loads(GOLDEN.read_text(encoding="utf-8"))
    return found


def test_this_processor_gives_the_golden_hashes(tmp_path: Path) -> None:
    own = library.own_level()
    if own is None:
        pytest.skip("a processor that there are no kernels for")
    assert hashes(tmp_path, "gcc", "-O2", f"-march={own}") == golden()


@pytest.mark.slow
@pytest.mark.parametrize("level", ["-O0", "-O3"])
def test_a_processor_without_fma_gives_them_in_software(tmp_path: Path, level: str) -> None:
    if platform.machine() != "x86_64":
        pytest.skip("x86-64's baseline")
    assert hashes(tmp_path, "gcc", level, "-march=x86-64") == golden()


@pytest.mark.slow
@pytest.mark.parametrize("cpu", EMULATED)
def test_emulated_processors_of_x86_64_give_them(tmp_path: Path, cpu: str) -> None:
    run = ("qemu-x86_64-static", "-cpu", cpu)
    assert hashes(tmp_path, "gcc", "-O3", "-march=x86-64-v3", run=run) == golden()


@pytest.mark.slow
@pytest.mark.parametrize("level", ["-O2", "-O3"])
def test_an_emulated_arm_processor_gives_them(tmp_path: Path, level: str) -> None:
    run = ("qemu-aarch64-static", "-cpu", "cortex-a72")
    assert hashes(tmp_path, "aarch64-linux-gnu-gcc", level, "-march=armv8-a", run=run) == golden()
