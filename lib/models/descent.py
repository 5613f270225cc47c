"""The training loop of the language models: AdamW with a warm-up and a cosine, as nanoGPT has it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from lib.harness.contract.trial import Log
from lib.models.precision import Precision, products_in
from lib.models.training import DivergedError

if TYPE_CHECKING:
    import torch

LOGGED = 10
"""Steps over which the logged loss is the mean."""


def descend(
    network: torch.nn.Module,
    loss: Callable[[], torch.Tensor],
    *,
    steps: int,
    learning_rate: float,
    log: Log,
    at_step: Callable[[int], None] | None = None,
    warm_up: int = 100,
    precision: Precision = "float32",
) -> np.ndarray:
    """AdamW as nanoGPT has it: beta2 0.99, decay 0.1 of matrices only, gradients cut to length 1.

    The learning rate rises over `warm_up` steps (never more than a fifth of all) and falls as a cosine to a tenth.
    `loss` draws a batch and returns its loss; `at_step` is called before each step. Returns the losses (steps,).
    """
    import torch

    parameters = list(network.parameters())
    groups = [
        {"params": [p for p in parameters if p.dim() >= 2], "weight_decay": 0.1},
        {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=learning_rate, betas=(0.9, 0.99), fused=True)
    losses, products = np.empty(steps, dtype=np.float32), products_in(precision)
    network.train()
    for step in range(steps):
        if at_step:
            at_step(step)
        for group in optimizer.param_groups:
            group["lr"] = rate_at(step, steps, learning_rate, warm_up)
        with products:
            current = loss()
        optimizer.zero_grad()
        current.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        losses[step] = current.item()
        if not math.isfinite(losses[step]):
            raise DivergedError(f"diverged: the loss is {losses[step]} at step {step}; a lower learning rate may help")
        if (step + 1) % LOGGED == 0 or step + 1 == steps:
            latest = losses[step // LOGGED * LOGGED : step + 1]
            log(step + 1, loss=latest.mean(dtype=np.float64), losses=latest)
    network.eval()
    return losses


def rate_at(step: int, steps: int, learning_rate: float, warm_up: int = 100) -> float:
    """The learning rate of a step: a rise over the warm-up, then a cosine down to a tenth."""
    rise = min(warm_up, steps // 5)
    if step < rise:
        return learning_rate * (step + 1) / (rise + 1)
    way = (step - rise) / max(1, steps - rise)
    return learning_rate * (0.1 + 0.45 * (1 + math.cos(math.pi * way)))
