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

if TYPE_CHECKING:
    import ctypes

    import torch

    from lib.kernels.network import Network

PATH = "LAB_COMPUTE"
"""The environment variable of the choice: `KERNELS`, or something else for the framework."""
KERNELS = "kernels"
RECORDED = "LAB_RECORDED_KERNELS"
"""The environment variable of a reproduction: the tag ``lab.kernels`` of the recorded run."""
NONE = "none"
FASTER: set[tuple[str, str]] = set()
"""Levels (`library.level`) with makers of processors (`scope.VENDORS`) on which networks in torch train by the kernels
without ``--portable``. Each comes from `benchmarks` on such a processor, and changes the bits of runs there. None has
been published yet."""
_left: list[str] = []
"""The networks of the present trial that the framework trains, though the kernels are chosen."""


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
        if wanted and _library() is None:
            wanted = False
            if portable:
                print(
                    "--portable: there are no kernels for this processor here (local mode compiles them with gcc), so "
                    "the frameworks compute, and lab.scope says how far their bits are the same",
                    file=sys.stderr,
                )
    if wanted:
        os.environ[PATH] = KERNELS


def faster() -> bool:
    """Return whether the table names this processor."""
    if not FASTER:
        return False
    from lib.kernels import library

    return (library.own_level(), scope.VENDORS.get(scope.cpu_lines("vendor_id"))) in FASTER


def chosen() -> bool:
    """Return whether the kernels compute what they can in this process."""
    return os.environ.get(PATH) == KERNELS


def recorded() -> str:
    """The tag ``lab.kernels``: the hash of the kernels' source, or ``none`` where the framework computes."""
    return _sha256(_library()) if chosen() else NONE


def begin() -> None:
    """A trial begins: it has left no network to the framework."""
    _left.clear()


def complete() -> bool:
    """Return whether the kernels train all networks of the present trial that were asked for (`network`)."""
    return not _left


def network(model: torch.nn.Module, optimizer: Any, batch: int) -> Network | None:
    """The model as a network of the kernels; None where the framework is to train it.

    Raises:
        UserError: the kernels are chosen and this machine has none, as one of a cluster may; or the optimizer is
            another network's.
    """
    if not chosen():
        return None
    if _library() is None:
        raise UserError(
            "this run computes with the kernels (lab.kernels), and this machine has none for its processor: run it "
            "on others, or anew without --portable"
        )
    from lib.kernels import network as networks

    found = networks.of(model, optimizer, batch)
    if found is None:
        _left.append(type(model).__name__)
    return found


def _require(recorded: str) -> None:
    """Raises `UserError` where the recorded path cannot be taken."""
    if recorded == NONE:
        return
    present = _sha256(_library())
    if present == NONE:
        raise UserError(
            f"the record was computed by the kernels {recorded[:12]} (lab.kernels), and there are none for this "
            "processor here: repeat it on x86-64 with AVX2 or on 64-bit ARM, in the recorded image"
        )
    if present != recorded:
        raise UserError(
            f"the record was computed by the kernels {recorded[:12]} (lab.kernels), and this image has {present[:12]}: "
            "repeat it in the recorded image (without --image near)"
        )


def _library() -> ctypes.CDLL | None:
    """The kernels for this processor. They are loaded late: most commands need none."""
    from lib.kernels import library

    return library.load()


def _sha256(compiled: ctypes.CDLL | None) -> str:
    from lib.kernels import library

    return library.sha256(compiled) if compiled else NONE
