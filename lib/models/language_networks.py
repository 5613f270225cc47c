"""The networks of `lib.models.language_models`, built from torch's own modules; to be imported inside functions.

All take ids (n, T) of n sentences of one length T. Input and output words share one matrix of embeddings. Weights start
as in GPT-2 (Radford et al. 2019): normal with deviation 0.02, in layers that add to the residual stream
0.02 / sqrt(2 layers); an LSTM keeps torch's start.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn
from torch.nn import functional


class Block(nn.Module):
    """A transformer's layer, normalised before each part: x + attention(norm(x)), then x + mlp(norm(x)). No biases."""

    def __init__(self, width: int, heads: int, inner: int, causal: bool):
        super().__init__()
        self.heads, self.causal = heads, causal
        self.norm1, self.norm2 = nn.LayerNorm(width, bias=False), nn.LayerNorm(width, bias=False)
        self.queries_keys_values = nn.Linear(width, 3 * width, bias=False)
        self.joined = nn.Linear(width, width, bias=False)
        self.expand = nn.Linear(width, inner, bias=False)
        self.contract = nn.Linear(inner, width, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """From (n, T, width) to the same shape."""
        n, length, width = x.shape
        parts = self.queries_keys_values(self.norm1(x)).view(n, length, 3, self.heads, width // self.heads)
        q, k, v = parts.permute(2, 0, 3, 1, 4).unbind(0)
        attended = functional.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        x = x + self.joined(attended.transpose(1, 2).reshape(n, length, width))
        contracted: torch.Tensor = self.contract(functional.gelu(self.expand(self.norm2(x))))
        return x + contracted


class Transformer(nn.Module):
    """A stack of blocks over word and position embeddings. Causal: GPT. Else every word sees all others: BERT."""

    def __init__(self, vocabulary: int, width: int, *, layers: int, heads: int, inner: int, context: int, causal: bool):
        super().__init__()
        self.context, self.causal = context, causal
        self.words = nn.Embedding(vocabulary, width)
        self.positions = nn.Embedding(context, width)
        self.blocks = nn.ModuleList([Block(width, heads, inner, causal) for _ in range(layers)])
        self.norm = nn.LayerNorm(width, bias=False)
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2:
                added = name.endswith(("joined.weight", "contract.weight"))
                nn.init.normal_(parameter, std=0.02 / math.sqrt(2 * layers) if added else 0.02)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """The last layer, normalised: (n, T, width)."""
        x = self.words(ids) + self.positions.weight[: ids.shape[1]]
        for block in self.blocks:
            x = block(x)
        normalised: torch.Tensor = self.norm(x)
        return normalised

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """From hidden vectors (…, width) to a number for every word (…, vocabulary)."""
        return functional.linear(hidden, self.words.weight)

    def layers(self, ids: torch.Tensor) -> list[torch.Tensor]:
        """The words' own embeddings, then each block's output: (n, T, width) each."""
        static = self.words(ids)
        found, x = [static], static + self.positions.weight[: ids.shape[1]]
        for block in self.blocks:
            x = block(x)
            found.append(x)
        return found


class BiLM(nn.Module):
    """ELMo's network: a stack of LSTMs that reads forward and one that reads backward, each a language model.

    Peters et al. 2018, "Deep contextualized word representations"; from the second layer on a layer's input is added to
    its output. The directions share nothing but the embeddings.
    """

    def __init__(self, vocabulary: int, width: int, layers: int):
        super().__init__()
        self.words = nn.Embedding(vocabulary, width)
        nn.init.normal_(self.words.weight, std=0.02)

        def stack() -> nn.ModuleList:
            return nn.ModuleList([nn.LSTM(width, width, batch_first=True) for _ in range(layers)])

        self.directions = nn.ModuleList([stack(), stack()])
        self.norms = nn.ModuleList([nn.LayerNorm(width, bias=False) for _ in range(2)])

    def direction(self, direction: int, ids: torch.Tensor) -> list[torch.Tensor]:
        """Outputs of each layer, (n, T, width), of ids in the order in which this direction reads them."""
        x, vectors = self.words(ids), []
        stack: Any = self.directions[direction]
        for layer, lstm in enumerate(stack):
            read = lstm(x)[0]
            x = read + x if layer else read
            vectors.append(x)
        return vectors

    def forward(self, ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The last layer of both directions, normalised, at the words' places: (n, T, width) each.

        At place t the forward one has read the words up to t, the backward one those from t on.
        """
        forward, backward = self.direction(0, ids)[-1], self.direction(1, ids.flip(1))[-1].flip(1)
        return self.norms[0](forward), self.norms[1](backward)

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """From hidden vectors (…, width) to a number for every word (…, vocabulary)."""
        return functional.linear(hidden, self.words.weight)

    def layers(self, ids: torch.Tensor) -> list[torch.Tensor]:
        """The embeddings twice, then each layer's forward and backward output side by side: (n, T, 2 width) each."""
        static = self.words(ids)
        forward = self.direction(0, ids)
        backward = [x.flip(1) for x in self.direction(1, ids.flip(1))]
        return [torch.cat(pair, dim=2) for pair in zip([static, *forward], [static, *backward], strict=True)]
