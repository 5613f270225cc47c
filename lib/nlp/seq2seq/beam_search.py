"""Beam search: write a probable sequence without trying them all.

The probability of a sequence is the product of its symbols' probabilities, each given those before it. *Greedy* search
takes the most probable symbol at each step and may so enter a dead end. A *beam* of width B keeps the B most probable
beginnings: each step tries every symbol after each of them and keeps the best B of all. Width 1 is greedy search.

A sequence ends with the symbol `END`; one that has ended stays in the beam with the probability that it has. All
examples are searched at once: the step sees n * B beginnings as one batch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

Step = Callable[["Tensor", "Tensor"], tuple["Tensor", "Tensor"]]
"""From the last symbols (n * B,) and the state (n * B, H) to log-probabilities (n * B, V) and the next state."""


class Decoded(NamedTuple):
    """The most probable sequence found for each example.

    Attributes:
        symbols: (n, T), `END` behind the sequence; without `END` where `longest` cut it off.
        log_probability: (n,), of all its symbols, with the `END`; nats.
    """

    symbols: Tensor
    log_probability: Tensor


def beam_search(step: Step, state: Tensor, *, start: int, end: int, width: int, longest: int) -> Decoded:
    """Search from the states (n, H) of n examples, with a beam of `width`, for at most `longest` symbols."""
    import torch

    n = len(state)
    state = state.repeat_interleave(width, dim=0)
    last = torch.full((n * width,), start)
    scores = torch.full((n, width), -torch.inf)
    scores[:, 0] = 0  # at the start there is one beginning, not `width` equal ones
    symbols = torch.empty((n, width, 0), dtype=torch.int64)
    ended = torch.zeros((n, width), dtype=torch.bool)
    offset = width * torch.arange(n).unsqueeze(1)
    for _ in range(longest):
        log_p, state = step(last, state)
        log_p = log_p.view(n, width, -1)
        size = log_p.shape[2]
        only_end = torch.full((size,), -torch.inf)
        only_end[end] = 0
        total = scores.unsqueeze(2) + torch.where(ended.unsqueeze(2), only_end, log_p)
        scores, chosen = total.view(n, -1).topk(width, dim=1)
        parent, symbol = chosen // size, chosen % size
        state = state[(offset + parent).flatten()]
        symbols = torch.cat([symbols.gather(1, parent.unsqueeze(2).expand_as(symbols)), symbol.unsqueeze(2)], dim=2)
        ended = ended.gather(1, parent) | (symbol == end)
        last = symbol.flatten()
        if bool(ended.all()):
            break
    return Decoded(symbols[:, 0], scores[:, 0])
