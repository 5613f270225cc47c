"""The encoder-decoder: one GRU reads, another one writes, with or without attention between them.

Sutskever, Vinyals & Le 2014 (arXiv 1409.3215), Cho et al. 2014 (arXiv 1406.1078): the encoder reads the source in both
directions; its last states, `summary`, start the decoder, which is given the right symbol before each one (teacher
forcing). Beside its state h_t the answer of a step sees a vector c_t:

    with attention     c_t = the mean of the encoder's states, weighted anew at each step (`lib.nlp.seq2seq.attention`)
    without            c_t = summary, the same at every step, as Cho et al. have it

    logits_t = V tanh(W [c_t; h_t])

With `dot` attention both have exactly as many parameters. Sources of a batch have one length: nothing is padded.

This module loads torch: import it inside functions.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from lib.nlp.seq2seq.attention import additive, attend, dot, general
from lib.nlp.seq2seq.beam_search import Decoded, beam_search
from lib.nlp.seq2seq.text import END, START

Score = Literal["none", "dot", "general", "additive"]


class EncoderDecoder(nn.Module):
    """A GRU that reads (n, S) source symbols and one that writes (n, T) target symbols; `width` H is even."""

    def __init__(self, sources: int, targets: int, *, embedding: int, width: int, score: Score, dropout: float = 0):
        super().__init__()
        self.score = score
        self.source_embedding = nn.Embedding(sources, embedding)
        self.encoder = nn.GRU(embedding, width // 2, bidirectional=True, batch_first=True)
        self.bridge = nn.Linear(width, width)
        self.target_embedding = nn.Embedding(targets, embedding)
        self.decoder = nn.GRU(embedding, width, batch_first=True)
        self.combine = nn.Linear(2 * width, width)
        self.output = nn.Linear(width, targets)
        self.dropout = nn.Dropout(dropout)
        if score in ("general", "additive"):
            self.query = nn.Linear(width, width, bias=False)
        if score == "additive":
            self.key = nn.Linear(width, width, bias=False)
            self.value = nn.Parameter(torch.empty(width).uniform_(-(width**-0.5), width**-0.5))

    def encode(self, source: Tensor) -> tuple[Tensor, Tensor]:
        """The encoder's states (n, S, H) for source (n, S), and their summary (n, H): the last of each direction."""
        states, last = self.encoder(self.dropout(self.source_embedding(source)))
        return states, torch.cat([last[0], last[1]], dim=1)

    def start(self, summary: Tensor) -> Tensor:
        """The decoder's first state (n, H)."""
        state: Tensor = self.bridge(summary).tanh()
        return state

    def contexts(self, queries: Tensor, keys: Tensor, summary: Tensor) -> tuple[Tensor, Tensor | None]:
        """The vectors c_t (n, T, H) and, with attention, the weights (n, T, S)."""
        if self.score == "none":
            return summary.unsqueeze(1).expand_as(queries), None
        if self.score == "dot":
            scores = dot(queries, keys)
        elif self.score == "general":
            scores = general(queries, keys, self.query.weight)
        else:
            scores = additive(queries, keys, self.query.weight, self.key.weight, self.value)
        return attend(scores, keys)

    def decode(
        self, before: Tensor, state: Tensor, keys: Tensor, summary: Tensor
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Logits (n, T, V) for the symbols after `before` (n, T), the next state (n, H), the weights (n, T, S)."""
        queries, last = self.decoder(self.dropout(self.target_embedding(before)), state.unsqueeze(0))
        contexts, weights = self.contexts(queries, keys, summary)
        joined = self.combine(torch.cat([contexts, queries], dim=2)).tanh()
        return self.output(self.dropout(joined)), last[0], weights

    def forward(self, source: Tensor, before: Tensor) -> tuple[Tensor, Tensor | None]:
        """Teacher forcing: logits (n, T, V), weights (n, T, S) for source (n, S) and the symbols before (n, T)."""
        keys, summary = self.encode(source)
        logits, _, weights = self.decode(before, self.start(summary), keys, summary)
        return logits, weights

    @torch.no_grad()
    def write(self, source: Tensor, width: int, longest: int) -> Decoded:
        """The answers to source (n, S) by a beam search of this width; in eval mode."""
        self.eval()
        keys, summary = self.encode(source)
        many_keys, many_summaries = (each.repeat_interleave(width, dim=0) for each in (keys, summary))

        def step(last: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
            logits, state, _ = self.decode(last.unsqueeze(1), state, many_keys, many_summaries)
            return logits[:, 0].log_softmax(dim=1), state

        return beam_search(step, self.start(summary), start=START, end=END, width=width, longest=longest)


def parameter_count(model: nn.Module) -> int:
    """Count the numbers that the network learns."""
    return sum(p.numel() for p in model.parameters())
