"""What a trained encoder-decoder writes, all sources of one length at a time, and where it looks while it does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from lib.harness.contract.claim import largest
from lib.harness.errors import UserError
from lib.nlp.seq2seq.text import END, IGNORED, START, Examples, Vocabulary, words

if TYPE_CHECKING:
    from lib.nlp.seq2seq.model import EncoderDecoder

MOST_LETTERS, MOST_PHONEMES = 28, 40
"""How long a word may be, as the dictionary's longest is, and where its answer is cut off: no word has as many."""


@dataclass(frozen=True)
class Answers:
    """The outputs of the network, one for each pair and in their order.

    Attributes:
        symbols: the outputs.
        log_probability: (n,), by the network's own probabilities; nats.
    """

    symbols: list[tuple[str, ...]]
    log_probability: np.ndarray


def write(model: EncoderDecoder, examples: Examples, width: int, longest: int) -> Answers:
    """The answers to all sources by a beam search of this width, of at most `longest` symbols."""
    import torch

    symbols: list[tuple[str, ...]] = [()] * len(examples)
    log_probability = np.zeros(len(examples))
    for bucket in examples.buckets:
        outputs = model.write(torch.from_numpy(bucket.source), width, longest)
        log_probability[bucket.places] = outputs.log_probability.numpy()
        for place, numbers in zip(bucket.places, outputs.symbols.tolist(), strict=True):
            symbols[place] = examples.targets.decode(numbers)
    return Answers(symbols, log_probability)


def teacher_forced(model: EncoderDecoder, examples: Examples) -> dict[str, Any]:
    """With the right symbols before each one.

    `loss`: mean cross-entropy of a symbol, in nats; `errors`: share of symbols, without the `END`, of which another one
    was held more probable; `wrong`: share of pairs with such an error, at the `END` too; and with attention `forward`:
    share of steps at which its centre is further on in the source than at the step before; `row_sum`: by how much the
    weights of a step differ from 1 in sum, at most.
    """
    import torch
    from torch.nn.functional import cross_entropy

    loss = symbols = errors = with_end = wrong = forward = steps = 0.0
    row_sum = 0.0
    model.eval()
    with torch.no_grad():
        for batch in examples.batches(1000):
            target = torch.from_numpy(batch.target)
            logits, weights = model(torch.from_numpy(batch.source), torch.from_numpy(batch.before))
            loss += float(cross_entropy(logits.flatten(0, 1), target.flatten(), reduction="sum").double())
            missed = (logits.argmax(dim=2) != target) & (target != IGNORED)
            content = (target != IGNORED) & (target != END)
            symbols += int(content.sum())
            with_end += int((target != IGNORED).sum())
            errors += int((missed & content).sum())
            wrong += int(missed.any(dim=1).sum())
            if weights is not None:
                row_sum = largest((row_sum, (weights.sum(dim=2) - 1).abs()))
                centre = weights @ torch.arange(weights.shape[2], dtype=weights.dtype)
                forward += int(((centre[:, 1:] > centre[:, :-1]) & content[:, 1:]).sum())
                steps += int(content[:, 1:].sum())
    return {
        "loss": loss / with_end,
        "errors": errors / symbols,
        "wrong": wrong / len(examples),
        **({"forward": forward / steps, "row_sum": row_sum} if steps else {}),
    }


def attention_map(
    model: EncoderDecoder, source: Sequence[str], sources: Vocabulary, targets: Vocabulary, longest: int
) -> dict[str, Any]:
    """Write the output for one source, greedily, with the attention of each of its steps (T, S).

    Without attention there are no `weights`. The step that writes the `END` is the last row.
    """
    import torch

    numbers = torch.tensor([sources.encode(source)])
    answer = targets.decode(model.write(numbers, 1, longest).symbols[0].tolist())
    with torch.no_grad():
        _, weights = model(numbers, torch.tensor([[START, *targets.encode(answer)]]))
    found: dict[str, Any] = {"source": list(source), "answer": list(answer)}
    return found if weights is None else {**found, "weights": weights[0].numpy()}


def pronounce(model: EncoderDecoder, word: str, width: int = 4) -> tuple[str, ...]:
    """The phonemes of a word, by a network that has learned `lib.nlp.seq2seq.text.words`.

    Raises:
        UserError: the word is empty, too long, or not of English letters only.
    """
    import torch

    letters, sounds = word_vocabularies()
    spelled = word.lower()
    if not spelled:
        raise UserError("word: it is empty; give a word of the letters a to z, such as 'fellowship'")
    strange = [letter for letter in spelled if not ("a" <= letter <= "z")]
    if strange:
        raise UserError(f"word: {strange[0]!r} is not a letter that the network knows; use a to z")
    if len(spelled) > MOST_LETTERS:
        raise UserError(f"word: it has {len(spelled)} letters; the network reads at most {MOST_LETTERS}")
    if width < 1:
        raise UserError(f"width: {width} beginnings cannot be kept; it must be at least 1")
    output = model.write(torch.tensor([letters.encode(spelled)]), width, MOST_PHONEMES)
    return sounds.decode(output.symbols[0].tolist())


@cache
def word_vocabularies() -> tuple[Vocabulary, Vocabulary]:
    """Letters and phonemes; the same however many words are learned."""
    text = words(1, 3, 12, 1, 1)
    return text.train.sources, text.train.targets
