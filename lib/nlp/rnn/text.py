"""Jane Austen's novels letter by letter, for a network that guesses the next character.

One symbol for each of the characters that the training text has; crops are drawn at random.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Literal

import numpy as np

from lib.data import austen
from lib.harness.contract.seeds import Seed
from lib.nlp.rnn.cells import Network, recurrent

EMBEDDING = 32


@cache
def symbols(split: Literal["train", "validation", "test"]) -> tuple[np.ndarray, int]:
    """The text as numbers of characters, int64 (length,), and how many characters there are.

    What the training text does not have counts as one character more.
    """
    known = _known()
    codes = _codes({"train": austen.train, "validation": austen.validation, "test": austen.test}[split]())
    numbers = np.full(max(int(codes.max()), int(known.max())) + 1, len(known))
    numbers[known] = np.arange(len(known))
    return numbers[codes], len(known) + 1


@cache
def _known() -> np.ndarray:
    """The code points that the training text has, in order."""
    return np.flatnonzero(np.bincount(_codes(austen.train())))


def _codes(text: str) -> np.ndarray:
    return np.frombuffer(text.encode("utf-32-le"), dtype="<u4")


def crops(text: np.ndarray, length: int, count: int, rng: np.random.Generator) -> np.ndarray:
    """`count` pieces of `length` characters, drawn at random: (length, count)."""
    starts = rng.integers(len(text) - length + 1, size=count)
    return np.asarray(text[np.arange(length)[:, None] + starts])


class CharacterModel:
    """Characters in, logits of the next one out: an embedding, a recurrent network, a linear answer."""

    def __init__(self, network: Network, units: int, characters: int, seed: Seed):
        import torch

        torch.manual_seed(seed.integer("start", network))
        self.embedding = torch.nn.Embedding(characters, EMBEDDING)
        self.cells = recurrent(network, EMBEDDING, units)
        self.answer = torch.nn.Linear(units, characters)

    def modules(self) -> dict[str, Any]:
        """Its three parts by name."""
        return {"embedding": self.embedding, "cells": self.cells, "answer": self.answer}

    def parameters(self) -> list[Any]:
        """All of them, for an optimizer."""
        return [p for module in self.modules().values() for p in module.parameters()]

    def loss(self, pieces: np.ndarray) -> Any:
        """Mean cross-entropy in nats of every character but the first of pieces (length, batch), from those before."""
        import torch

        text = torch.from_numpy(pieces)
        logits = self.answer(self.cells(self.embedding(text[:-1]))[0])
        return torch.nn.functional.cross_entropy(logits.flatten(0, 1), text[1:].flatten())

    def last_losses(self, pieces: np.ndarray, context: int) -> np.ndarray:
        """Cross-entropy of the last character of each piece (length, batch) from the `context` before it: (batch,)."""
        import torch

        text = torch.from_numpy(pieces[-context - 1 :])
        with torch.no_grad():
            logits = self.answer(self.cells(self.embedding(text[:-1]))[0][-1])
            return torch.nn.functional.cross_entropy(logits, text[-1], reduction="none").numpy()

    def gradient(self, pieces: np.ndarray) -> np.ndarray:
        """The gradient of the last character's loss by the embedded characters before it: (length - 1, batch, 32)."""
        import torch

        text = torch.from_numpy(pieces)
        embedded = self.embedding(text[:-1]).detach().requires_grad_()
        logits = self.answer(self.cells(embedded)[0][-1])
        loss = torch.nn.functional.cross_entropy(logits, text[-1], reduction="sum")
        (gradient,) = torch.autograd.grad(loss, embedded)
        return np.asarray(gradient)

    def arrays(self) -> dict[str, np.ndarray]:
        """All parameters, named, as arrays."""
        named = ((part, module.named_parameters()) for part, module in self.modules().items())
        return {f"{part}.{name}": p.detach().numpy() for part, parameters in named for name, p in parameters}
