"""Decides which path computes, our kernels or the framework: once for a run, in its first process.

- A reproduction takes the path that is recorded.
- ``--portable`` takes the kernels where there are any for this processor; without them the framework computes and the
  scope says so.
- Otherwise the table `FASTER` decides, never a measurement at run time.

Workers, on this machine or on a Ray cluster, inherit the choice in the environment variable `PATH`. With the kernels, a
network that they do not know is still the framework's (`network`).
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from lib.harness.errors import UserError
from lib.harness.machine import scope
from lib.kernels import library

if TYPE_CHECKING:
    import torch

    from lib.kernels.network import Network

PATH = "LAB_COMPUTE"
"""The environment variable of the choice: `KERNELS`, or something else for the framework."""
KERNELS = "kernels"
RECORDED = "LAB_RECORDED_KERNELS"
"""The environment variable of a reproduction: the tag ``lab.kernels`` of the recorded run."""
NONE = "none"
FASTER: dict[tuple[str, str], bool] = {}
"""By level (`library.level`) and maker of the processor (`scope.VENDORS`): whether networks in torch train by the
kernels without ``--portable``. Rows come from `benchmarks` on such a processor, a change of one changes the bits of
runs there. None has been published yet."""


def choose(portable: bool, gpu: bool = False) -> None:
    """Choose for this process and all that it starts. A run on GPUs is the framework's.

    Raises:
        UserError: the recorded run was computed by other kernels than there are here.
    """
    os.environ.pop(PATH, None)
    recorded = os.environ.get(RECORDED)
    if gpu:
        return
    if recorded is not None:
        _require(recorded)
        wanted = recorded != NONE
    else:
        wanted = portable or faster()
        if wanted and library.load() is None:
            wanted = False
            if portable:
                print("--portable: no kernels for this processor here, so torch computes", file=sys.stderr)
    if wanted:
        os.environ[PATH] = KERNELS


def faster() -> bool:
    """Return whether the table names this processor."""
    if not FASTER:
        return False
    level, maker = library.own_level(), scope.VENDORS.get(scope.cpu_lines("vendor_id"))
    return bool(level and maker and FASTER.get((level, maker)))


def chosen() -> bool:
    """Return whether the kernels compute what they can in this process."""
    return os.environ.get(PATH) == KERNELS


def recorded() -> str:
    """The tag ``lab.kernels``: the hash of the kernels' source, or ``none`` where the framework computes."""
    compiled = library.load() if chosen() else None
    return library.sha256(compiled) if compiled else NONE


def network(model: torch.nn.Module, optimizer: Any, batch: int) -> Network | None:
    """The model as a network of the kernels; None where the framework is to train it.

    Raises:
        UserError: the kernels are chosen and this machine has none, as one of a cluster may.
    """
    if not chosen():
        return None
    if library.load() is None:
        raise UserError("this run computes with the kernels (lab.kernels), and this machine has none for its processor")
    from lib.kernels import network as networks

    return networks.of(model, optimizer, batch)


def _require(recorded: str) -> None:
    """Raises `UserError` where the recorded path cannot be taken."""
    compiled = library.load() if recorded != NONE else None
    present = library.sha256(compiled)[:12] if compiled else "no kernels for this processor"
    if recorded != NONE and not (compiled and library.sha256(compiled) == recorded):
        raise UserError(
            f"the record was computed by the kernels {recorded[:12]} (lab.kernels), and this image has {present}: "
            "it can be repeated in the recorded image alone"
        )
