"""Training of an encoder-decoder: teacher forcing, Adam with a rate that falls to 0, gradients cut at a norm."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from lib.harness.contract.seeds import Seed
from lib.models.training import DivergedError
from lib.nlp.seq2seq.text import Examples

if TYPE_CHECKING:
    from lib.nlp.seq2seq.model import EncoderDecoder

CLIP = 1.0
"""The norm at which a step's gradients are cut (Pascanu et al. 2013): a GRU's may be large now and then."""


def train(
    model: EncoderDecoder, examples: Examples, seed: Seed, *, epochs: int, batch: int, rate: float, looks: int
) -> Iterator[tuple[int, np.ndarray]]:
    """Train for `epochs`; stops `looks` times on the way, at equal distances, and yields.

    What it yields: the number of pairs seen so far, and the losses of the steps since the last stop, in nats a symbol.

    Raises:
        DivergedError: a loss is NaN or infinite.
    """
    import torch
    from torch.nn.functional import cross_entropy

    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    total = epochs * sum(-(-len(bucket.places) // batch) for bucket in examples.buckets)
    stops = set(np.linspace(0, total, looks + 1)[1:].round().astype(int).tolist())
    losses, seen, step = [], 0, 0
    for epoch in range(epochs):
        for part in examples.batches(batch, seed.rng("order", epoch)):
            model.train()
            optimizer.param_groups[0]["lr"] = rate * (1 - step / total)
            logits, _ = model(torch.from_numpy(part.source), torch.from_numpy(part.before))
            loss = cross_entropy(logits.flatten(0, 1), torch.from_numpy(part.target).flatten())
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
            optimizer.step()
            losses.append(loss.detach())
            seen += len(part.source)
            step += 1
            if step in stops:
                block = torch.stack(losses).numpy()
                if not np.isfinite(block).all():
                    raise DivergedError(f"diverged before step {step}: the loss is no number; a lower rate may help")
                yield seen, block
                losses = []
