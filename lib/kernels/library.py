"""Finds and loads the compiled kernels of docker/kernels: one library for each level of processors.

``LAB_KERNELS`` is the folder that they are in: the image's, or the one into which local mode has compiled them. A
library holds the hash of its source; where a clone's source is at hand and another, the library is refused.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
from functools import cache
from pathlib import Path

from lib.harness.errors import UserError
from lib.harness.machine import scope

FOLDER = "LAB_KERNELS"
"""The environment variable that names the folder of the libraries."""
LEVEL = "LAB_KERNELS_LEVEL"
"""The environment variable of a lower level than the processor's own, for tests and measurements."""
SOURCE = Path(__file__).resolve().parents[2] / "docker" / "kernels"
X86_64_V4 = {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}
"""What the level has beyond x86-64-v3 (x86-64 psABI, table 3.1), as the Linux kernel names it."""
Pointer = ctypes.c_void_p
Long, Number = ctypes.c_int64, ctypes.c_double
SIGNATURES: dict[str, tuple[object, tuple[object, ...]]] = {
    "kernels_sha256": (ctypes.c_char_p, ()),
    "kernels_width": (ctypes.c_int32, ()),
    **{f"kernels_{name}": (None, (Long, Pointer, Pointer)) for name in ("exp", "log", "sigmoid", "tanh")},
    "kernels_product": (None, (Long, Long, Long, Pointer, Pointer, Pointer)),
    "kernels_sum": (ctypes.c_float, (Long, Pointer)),
    "kernels_cross_entropy": (None, (Long, Long, Pointer, Pointer, Pointer)),
    "kernels_mask": (
        None,
        (Long, ctypes.c_uint32, ctypes.c_uint32, ctypes.c_uint32, ctypes.c_uint64, Number, Pointer),
    ),
    "network_new": (Pointer, (Pointer, ctypes.c_int32, Long, ctypes.c_uint64)),
    "network_free": (None, (Pointer,)),
    "network_train": (None, (Pointer, Pointer, Pointer, Pointer, Long, Pointer, Pointer)),
    "network_outputs": (None, (Pointer, Pointer, Long, Pointer)),
    "network_array": (Pointer, (Pointer, ctypes.c_int32, ctypes.c_int32)),
}
"""Result and arguments of each function of docker/kernels/kernels.c and network.h."""


def level(flags: set[str], machine: str) -> str | None:
    """The highest level that there are kernels for and a processor with these flags can run; None: none."""
    if machine == "aarch64":
        return "armv8-a"
    if machine != "x86_64" or not flags >= scope.X86_64_V3:
        return None
    return "x86-64-v4" if flags >= X86_64_V4 else "x86-64-v3"


def own_level() -> str | None:
    """The level of this processor, or the one that `LEVEL` names."""
    found = level(set(scope.cpu_lines("flags").split()), platform.machine())
    return os.environ.get(LEVEL, found) if found else None


def source_sha256(folder: Path = SOURCE) -> str | None:
    """The SHA-256 over the lines "file hash  name" of the sources and of the script that compiles them, as it does.

    None where there are none, as in a container.
    """
    files = [*folder.glob("build.sh"), *sorted(folder.glob("*.[ch]"), key=lambda path: path.name)]
    lines = "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files)
    return hashlib.sha256(lines.encode()).hexdigest() if files else None


def opened(path: Path) -> ctypes.CDLL:
    """The library in this file, its functions with their types. Raises `OSError` where it cannot be loaded."""
    library = ctypes.CDLL(str(path))
    for name, (result, arguments) in SIGNATURES.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def sha256(library: ctypes.CDLL) -> str:
    """The hash of the source of a library."""
    found: bytes = library.kernels_sha256()
    return found.decode("ascii")


@cache
def path() -> Path | None:
    """The file of the library for this processor; None where there is none."""
    folder, own = os.environ.get(FOLDER), own_level()
    file = Path(folder) / f"{own}.so" if folder and own else None
    return file if file is not None and file.is_file() else None


@cache
def load() -> ctypes.CDLL | None:
    """The library for this processor; None where there is none.

    Raises:
        UserError: it cannot be loaded, or is of another source than this clone's.
    """
    file = path()
    if file is None:
        return None
    try:
        library = opened(file)
    except (OSError, AttributeError) as error:
        raise UserError(f"{file}: the kernels cannot be loaded ({error}): ./invoke build") from None
    clone = source_sha256()
    if clone is not None and clone != sha256(library):
        raise UserError(
            f"{file} was compiled from other kernels ({sha256(library)[:12]}) than docker/kernels has ({clone[:12]}): "
            "./invoke build"
        )
    return library
