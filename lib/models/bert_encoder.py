"""BERT's encoder from torch's own layers; to be imported inside functions.

Devlin et al. 2019: word, position and segment embeddings, summed and normalised, then layers of attention over all
words on both sides and of two linear maps with GELU between them, each with a normalised residual (post-norm):

    x <- norm(x + attention(x)),   x <- norm(x + W2 gelu(W1 x))

Texts are token numbers, int64 (T,), or what some layers have made of them, float32 (T, width). A batch pads them to the
longest; padded places are hidden from the attention and left out of the mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn


@dataclass(frozen=True)
class Size:
    """The size of an encoder: vocabulary, width, layers, heads, width inside a layer, longest text in tokens."""

    vocabulary: int
    width: int
    layers: int
    heads: int
    inner: int
    context: int


class Encoder(nn.Module):
    """The encoder. Weights start as BERT's: normal with deviation 0.02, biases 0."""

    def __init__(self, size: Size, dropout: float = 0.1):
        super().__init__()
        self.size = size
        self.words = nn.Embedding(size.vocabulary, size.width)
        self.positions = nn.Embedding(size.context, size.width)
        self.segments = nn.Embedding(2, size.width)
        self.norm = nn.LayerNorm(size.width, eps=1e-12)
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(
                size.width, size.heads, size.inner, dropout, "gelu", layer_norm_eps=1e-12, batch_first=True
            )
            for _ in range(size.layers)
        )
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)

    def embed(self, ids: torch.Tensor) -> torch.Tensor:
        """From token numbers (n, T) to (n, T, width)."""
        summed = self.words(ids) + self.positions.weight[: ids.shape[1]] + self.segments.weight[0]
        embedded: torch.Tensor = self.dropout(self.norm(summed))
        return embedded

    def forward(self, x: torch.Tensor, padding: torch.Tensor, first: int = 0, end: int | None = None) -> torch.Tensor:
        """Run the layers from `first` to before `end`, of token numbers (n, T) or vectors (n, T, width).

        `padding` (n, T) is True where there is no word. Returns (n, T, width).
        """
        if not x.is_floating_point():
            x = self.embed(x)
        for layer in list(self.layers)[first:end]:
            x = layer(x, src_key_padding_mask=padding)
        return x


class SentenceClassifier(nn.Module):
    """An encoder's layers from `first` on, the mean of their vectors over the words, dropout, one linear map."""

    def __init__(self, encoder: Encoder, first: int, classes: int = 2):
        super().__init__()
        self.encoder, self.first = encoder, first
        self.dropout = nn.Dropout(encoder.dropout.p)
        self.head = nn.Linear(encoder.size.width, classes)
        nn.init.normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)

    def forward(self, x: torch.Tensor, padding: torch.Tensor) -> torch.Tensor:
        """Logits (n, classes)."""
        logits: torch.Tensor = self.head(self.dropout(mean_of_words(self.encoder(x, padding, self.first), padding)))
        return logits


def mean_of_words(x: torch.Tensor, padding: torch.Tensor) -> torch.Tensor:
    """The mean of vectors (n, T, width) over the places that are not padding: (n, width)."""
    words = (~padding).unsqueeze(2).to(x.dtype)
    return (x * words).sum(dim=1) / words.sum(dim=1)


def padded(texts: Sequence[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Texts (T,) or (T, width) as one tensor, filled up with zeros, and True where it was filled up: (n, T)."""
    lengths = torch.tensor([len(text) for text in texts])
    together = nn.utils.rnn.pad_sequence(list(texts), batch_first=True)
    return together, torch.arange(together.shape[1]) >= lengths.unsqueeze(1)
