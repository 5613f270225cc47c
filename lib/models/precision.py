"""Mixed precision: matrix products of the forward pass in bfloat16, weights, sums and the optimizer in float32.

bfloat16 has float32's range with 8 bits of mantissa, so losses need no scaling (Kalamkar et al. 2019,
arXiv:1905.12322). It pays where a GPU has units for it and the products are large; on a CPU without them it is slower.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Literal

Precision = Literal["float32", "bfloat16"]


def products_in(precision: Precision) -> AbstractContextManager[None]:
    """Within it, as often as it is entered, torch computes matrix products and attention in this type."""
    if precision == "float32":
        return nullcontext()
    import torch

    found: AbstractContextManager[None] = torch.autocast(torch.get_default_device().type, torch.bfloat16)
    return found
