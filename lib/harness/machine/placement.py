"""Makes torch compute on a device other than the CPU, for code that says nothing of devices.

`torch.set_default_device` sends there what torch makes itself: zeros, draws, the parameters of modules. Arrays are not
its business: `torch.from_numpy` and `Tensor.numpy` share memory with NumPy, which knows the CPU's only. Here the first
copies to the device and the second back, so code may not count on the memory being shared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import torch


def compute_on(device: str) -> None:
    """Let this process compute on `device`, from now on and for good."""
    import torch

    to_tensor, to_array = torch.from_numpy, torch.Tensor.numpy

    def from_numpy(ndarray: Any) -> torch.Tensor:
        return to_tensor(ndarray).to(device)

    def numpy(self: torch.Tensor, *, force: bool = False) -> np.ndarray:
        return to_array(self.cpu(), force=force)

    torch.set_default_device(device)
    torch.from_numpy = from_numpy
    torch.Tensor.numpy = numpy  # type: ignore[method-assign, assignment]
