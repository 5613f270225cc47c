"""NVIDIA GPUs of this machine, by name, and the version of their driver.

GPUs are found by counting devices, as `nvidia-smi -L` lists them: the container toolkit may be installed where there is
none.
"""

import re
import shutil
from dataclasses import dataclass

from host.bootstrap import process


@dataclass(frozen=True)
class Gpus:
    """The GPUs that the driver lists, by name, and its version. `reason`: why there are none."""

    names: tuple[str, ...] = ()
    driver: str = ""
    reason: str = ""


def find() -> Gpus:
    """The GPUs of this machine."""
    if not shutil.which("nvidia-smi"):
        return Gpus(reason="there is no command nvidia-smi")
    listing = _smi("-L")
    names = tuple(
        line.partition(": ")[2].partition(" (UUID")[0] for line in listing.splitlines() if line.startswith("GPU ")
    )
    if not names:
        return Gpus(reason=f"nvidia-smi lists none ({(listing.splitlines() or ['it says nothing'])[0].rstrip('.')})")
    driver = re.match(r"\d+(\.\d+)+", _smi("--query-gpu=driver_version", "--format=csv,noheader"))
    return Gpus(names, driver[0]) if driver else Gpus(reason="nvidia-smi does not say the driver's version")


def _smi(*args: str) -> str:
    done = process.output(["nvidia-smi", *args])
    return done.stdout.strip() or done.stderr.strip()
