"""Every shared object of the frameworks and of NVIDIA's packages finds the libraries it needs, by the loader's rules.

`ldd` lets the loader itself search. The driver's library comes from the host at run time: it alone may be missing. What
is not loaded on one machine with its own GPUs (transports over InfiniBand and MPI) may miss what is not NVIDIA's.
"""

import ctypes
import os
import subprocess
import sysconfig
from pathlib import Path

SITE = Path(sysconfig.get_path("purelib"))
DRIVER = "libcuda.so.1"
ELSEWHERE = ("libcufile_rdma.so", "nvshmem_transport_", "nvshmem_bootstrap_")  # other machines, by RDMA or MPI
UNUSED = ("libcusolverMg.so", "triton/plugins/")  # no framework loads them: solvers over GPUs, tests of plug-ins
LOADED_LATER = {  # what the framework opens by name when it first computes on a GPU
    "torch": ("libcudnn.so.9", "libcublas.so.13", "libcublasLt.so.13", "libnvrtc.so.13", "libcusolver.so.12"),
    "keras": (
        *("libcudart.so.12", "libcublas.so.12", "libcublasLt.so.12", "libcufft.so.11", "libcusolver.so.11"),
        *("libcusparse.so.12", "libcudnn.so.9", "libcupti.so.12", "libnccl.so.2", "libnvrtc.so.12"),
    ),
}


def shared_objects() -> list[Path]:
    """The ELF files of the frameworks, of NVIDIA's packages and of Triton."""
    files = [f for name in ("torch", "tensorflow", "nvidia", "triton") for f in (SITE / name).rglob("*.so*")]
    return sorted(f for f in files if f.is_file() and not f.is_symlink() and f.open("rb").read(4) == b"\x7fELF")


def missing(file: Path) -> set[str]:
    """The libraries that the loader does not find for `file`, however indirectly it needs them."""
    found = subprocess.run(["ldd", file], capture_output=True, text=True, check=True).stdout
    return {line.split()[0] for line in found.splitlines() if "not found" in line}


def main() -> None:
    files = shared_objects()
    assert len(files) > 100, len(files)
    wrong = []
    drivers = 0
    for file in files:
        name = str(file.relative_to(SITE))
        absent = missing(file)
        drivers += DRIVER in absent
        if not any(part in name for part in (*ELSEWHERE, *UNUSED)) and absent - {DRIVER}:
            wrong.append(f"{name}: {', '.join(sorted(absent - {DRIVER}))}")
    assert not wrong, "\n".join(wrong)
    assert drivers, "nothing needs the driver: this is no build for CUDA"

    framework = os.environ["LAB_GPU_FRAMEWORK"]
    there = {file.name: file for file in (SITE / "nvidia").rglob("*.so*")}
    for library in LOADED_LATER[framework]:
        ctypes.CDLL(str(there[library]))  # with all that it needs in turn


main()
