"""Word vectors with and without subwords: skip-gram with negative sampling, and its words made of letter n-grams.

Mikolov et al. 2013, "Distributed representations of words and phrases and their compositionality" (word2vec), and
Bojanowski et al. 2017, "Enriching word vectors with subword information" (fastText). For a word c and a word o that
stands near it, with n words drawn from the noise P(w) ~ count(w)^0.75,

    loss(c, o) = -log s(h_c . u_o) - n E_{w ~ P} log s(-h_c . u_w),    s(x) = 1 / (1 + exp(-x))

u_w is a vector of each word (the output side, thrown away). h_c, the vector that is kept, is in word2vec a row of a
table, and in fastText the mean of the word's own row and the rows of its n-grams:

    h_c = (z_c + sum_{g in ngrams(c)} z_g) / (1 + |ngrams(c)|)

So even a word that was never seen has a vector: the mean of its n-grams'. A table with a row for every n-gram would be
huge; a row is shared by the n-grams whose hash (FNV-1a) leaves the same remainder.

Sizes: V words, B rows for n-grams, D numbers a vector, P pairs of a batch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lib.harness.contract.seeds import Seed
from lib.harness.errors import UserError
from lib.models.training import DivergedError

if TYPE_CHECKING:
    import torch

NOISE_POWER = 0.75
BASIS, PRIME, BITS = 2166136261, 16777619, 0xFFFFFFFF


def fnv1a(data: bytes) -> int:
    """The 32-bit hash FNV-1a as fastText has it: bytes from 128 on count as negative numbers (a signed char)."""
    value = BASIS
    for byte in data:
        value = _mixed(value, byte)
    return value


def _mixed(value: int, byte: int) -> int:
    signed = byte if byte < 128 else byte | 0xFFFFFF00
    return ((value ^ signed) * PRIME) & BITS


@dataclass(frozen=True)
class NGrams:
    """The n-grams of a word: `shortest` to `longest` letters, kept in `buckets` rows; 0 rows: no n-grams at all."""

    shortest: int = 3
    longest: int = 6
    buckets: int = 100_000

    def texts(self, word: str) -> list[str]:
        """The n-grams of ``<word>``; < and > mark its ends, and alone they are no n-gram."""
        marked = f"<{word}>"
        size, lengths = len(marked), range(self.shortest, self.longest + 1)
        cuts = [(at, at + n) for at in range(size) for n in lengths if at + n <= size]
        return [marked[start:end] for start, end in cuts if (start, end) not in ((0, 1), (size - 1, size))]

    def rows(self, word: str) -> list[int]:
        """The rows of a word's n-grams, in [0, buckets); n-grams from the same letter on share the work."""
        if not self.buckets:
            return []
        letters = [letter.encode() for letter in f"<{word}>"]
        grams = []
        for start in range(len(letters)):
            value = BASIS
            for n, letter in enumerate(letters[start : start + self.longest], 1):
                for byte in letter:
                    value = _mixed(value, byte)
                if n >= self.shortest and not (n == 1 and start in (0, len(letters) - 1)):
                    grams.append(value % self.buckets)
        return grams


WHOLE_WORDS = NGrams(buckets=0)
"""No subwords: plain word2vec."""


@dataclass(frozen=True)
class Vocabulary:
    """The words that are frequent enough, from the most frequent on, and how often each occurs: counts (V,)."""

    words: tuple[str, ...]
    counts: np.ndarray

    @classmethod
    def of(cls, sentences: Iterable[Sequence[str]], at_least: int) -> Vocabulary:
        """The words that occur at least so often. Raises `UserError` when there is none: an empty text."""
        counted = Counter(word for sentence in sentences for word in sentence)
        kept = sorted(((word, n) for word, n in counted.items() if n >= at_least), key=lambda item: (-item[1], item[0]))
        if not kept:
            raise UserError(f"the text has no word that occurs {at_least} times: give a longer text")
        return cls(tuple(word for word, _ in kept), np.array([n for _, n in kept]))


class WordVectors:
    """A vector for each word of a vocabulary (V, D), and from the n-grams' rows (B, D) for all other words."""

    def __init__(self, words: Sequence[str], vectors: np.ndarray, ngrams: NGrams = WHOLE_WORDS, rows: Any = None):
        self.words, self.vectors, self.ngrams = tuple(words), vectors, ngrams
        self._index = {word: i for i, word in enumerate(self.words)}
        self._rows = rows
        self._unit = unit(vectors)

    def __contains__(self, word: str) -> bool:
        return word in self._index

    def has_vector(self, word: str) -> bool:
        """Return whether `of` has a vector for the word."""
        return word in self._index or bool(self.ngrams.rows(word))

    def of(self, words: Sequence[str]) -> np.ndarray:
        """The vectors of words (n, D); that of a word not in the vocabulary is the mean of its n-grams'.

        Raises:
            UserError: no word is given, or one has no vector.
        """
        if not words:
            raise UserError("the text is empty: give at least one word")
        return np.stack([self._vector(word) for word in words])

    def _vector(self, word: str) -> np.ndarray:
        if word in self._index:
            return np.asarray(self.vectors[self._index[word]])
        rows = self.ngrams.rows(word)
        if not rows:
            why = "too short for an n-gram" if self.ngrams.buckets else "and this model has no subwords"
            raise UserError(
                f"the word '{word}' is not in the vocabulary, {why}: take a model with subwords, or another word"
            )
        return np.asarray(self._rows[rows].mean(axis=0))

    def nearest(self, vectors: np.ndarray, count: int) -> np.ndarray:
        """For vectors (n, D) the vocabulary's words with the largest cosine, nearest first: indices (n, count)."""
        cosines = unit(vectors) @ self._unit.T
        top = np.argpartition(-cosines, min(count, cosines.shape[1] - 1), axis=1)[:, :count]
        order = np.argsort(-np.take_along_axis(cosines, top, axis=1), axis=1, kind="stable")
        return np.take_along_axis(top, order, axis=1)

    def neighbours(self, word: str, count: int = 10) -> list[str]:
        """The nearest words of the vocabulary to a word, itself left out. Raises `UserError` as `of` does."""
        near = self.nearest(self.of([word]), count + 1)[0]
        return [self.words[i] for i in near if self.words[i] != word][:count]


def unit(vectors: np.ndarray) -> np.ndarray:
    """The vectors (n, D) with length 1; a vector of zeros stays."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1))


@dataclass(frozen=True)
class Settings:
    """The settings of skip-gram training; the names are those of the lab's config."""

    dimensions: int = 64
    window: int = 5
    negatives: int = 5
    frequent: float = 1e-3
    epochs: int = 3
    learning_rate: float = 0.05
    pairs: int = 512
    noise_words: int = 256


def pairs_of(sentences: Sequence[np.ndarray], keep: np.ndarray, window: int, rng: np.random.Generator) -> np.ndarray:
    """Every word with every word near it, as word2vec draws them afresh in each epoch: indices (n, 2).

    A word stays with the probability keep (V,) of its kind; then its window reaches 1 to `window` words, by chance. The
    centre words come in random order, each with all its pairs, so that a batch has few vectors of centres to compute.
    """
    flat = np.concatenate([*sentences, np.empty(0, dtype=np.int64)])
    sentence = np.repeat(np.arange(len(sentences)), [len(s) for s in sentences])
    stays = rng.random(len(flat)) < keep[flat]
    flat, sentence = flat[stays], sentence[stays]
    reach = rng.integers(1, window + 1, len(flat))
    rank = rng.permutation(len(flat))
    positions = [np.empty((0, 2), dtype=np.int64)]
    for distance in range(1, min(window + 1, len(flat))):
        left = np.flatnonzero(sentence[:-distance] == sentence[distance:])
        for centre, other in ((left, left + distance), (left + distance, left)):
            near = reach[centre] >= distance
            positions.append(np.stack((centre[near], other[near]), axis=1))
    pairs = np.concatenate(positions)
    return np.asarray(flat[pairs[np.argsort(rank[pairs[:, 0]], kind="stable")]])


def keep_probability(counts: np.ndarray, frequent: float) -> np.ndarray:
    """With what probability a word of a kind stays, so that frequent ones do not take all the time: (V,).

    sqrt(t / f) + t / f, at most 1, with f the word's share of the text and t = `frequent`; as word2vec's program.
    """
    share = counts / counts.sum()
    return np.asarray(np.minimum(1, np.sqrt(frequent / share) + frequent / share))


def skip_gram_loss(
    h: torch.Tensor, centres: torch.Tensor, u_near: torch.Tensor, u_noise: torch.Tensor, negatives: int
) -> torch.Tensor:
    """The loss of P pairs, summed.

    h (C, D) are the vectors of the distinct centre words and centres (P,) says which of them a pair has; u_near (P, D)
    are the output vectors of the pairs' other words, and u_noise (K, D) of words drawn from the noise for the whole
    batch: each pair's expectation is estimated from all K (Ji et al. 2016), which makes it a product of matrices.
    """
    from torch.nn.functional import logsigmoid

    near = logsigmoid((h.index_select(0, centres) * u_near).sum(dim=1)).sum()
    noise = logsigmoid(-h @ u_noise.T).mean(dim=1) @ centres.bincount(minlength=len(h)).to(h.dtype)
    return -(near + negatives * noise)


class Bags:
    """The rows of each word: its own and its n-grams'. h is their mean."""

    def __init__(self, vocabulary: Vocabulary, ngrams: NGrams):
        import torch

        V = len(vocabulary.words)
        bags = [[i, *(V + row for row in ngrams.rows(word))] for i, word in enumerate(vocabulary.words)]
        self._flat = torch.tensor([row for bag in bags for row in bag])
        self._lengths = torch.tensor([len(bag) for bag in bags])
        self._starts = self._lengths.cumsum(0) - self._lengths

    def of(self, words: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """For words, by index (C,): all their rows (M,), where each word's begin (C,), and whose each is (M,)."""
        import torch

        lengths = self._lengths[words]
        begin = lengths.cumsum(0) - lengths
        owner = torch.repeat_interleave(torch.arange(len(words)), lengths)
        return self._flat[torch.arange(len(owner)) + (self._starts[words] - begin)[owner]], begin, owner


def train_skip_gram(
    sentences: Sequence[Sequence[str]],
    vocabulary: Vocabulary,
    ngrams: NGrams,
    settings: Settings,
    *,
    seed: Seed,
    log: Callable[..., None],
) -> WordVectors:
    """Train on sentences of words; those that are not in the vocabulary are skipped. Logs each epoch's mean loss.

    As word2vec's and fastText's programs: plain gradient descent with a rate that falls to 0 linearly, and each of a
    word's rows moves by the whole gradient of h, not by its share of it. So pieces that many words have in common learn
    as fast as words. Where the programs go pair by pair, the pairs of a batch are summed: too many at a time overshoot.

    Raises:
        DivergedError: the loss is not a number any more. What came before is logged.
    """
    import torch
    from torch.nn.functional import embedding_bag

    index = {word: i for i, word in enumerate(vocabulary.words)}
    texts = [np.array([index[w] for w in sentence if w in index], dtype=np.int64) for sentence in sentences]
    V, D, bags = len(index), settings.dimensions, Bags(vocabulary, ngrams)
    start = seed.rng("start").uniform(-1 / D, 1 / D, (V + ngrams.buckets, D))
    inputs, outputs = torch.from_numpy(start).to(torch.get_default_dtype()), torch.zeros(V, D)
    keep = keep_probability(vocabulary.counts, settings.frequent)
    noise = np.cumsum(vocabulary.counts**NOISE_POWER)

    for epoch in range(settings.epochs):
        pairs = torch.from_numpy(pairs_of(texts, keep, settings.window, seed.rng("pairs", epoch)))
        parts = pairs.split(settings.pairs)
        drawn = seed.rng("noise", epoch).uniform(0, noise[-1], (len(parts), settings.noise_words))
        losses: list[torch.Tensor] = []
        for part, against in zip(parts, torch.from_numpy(np.searchsorted(noise, drawn)), strict=True):
            rate = settings.learning_rate * (1 - (epoch + len(losses) / len(parts)) / settings.epochs)
            words, centres = part[:, 0].unique(return_inverse=True)
            rows, begin, owner = bags.of(words)
            h = embedding_bag(rows, inputs, begin, mode="mean").requires_grad_()
            u_near, u_noise = (outputs.index_select(0, which).requires_grad_() for which in (part[:, 1], against))
            loss = skip_gram_loss(h, centres, u_near, u_noise, settings.negatives)
            by_h, by_near, by_noise = torch.autograd.grad(loss, (h, u_near, u_noise))
            inputs.index_add_(0, rows, by_h.index_select(0, owner), alpha=-rate)
            outputs.index_add_(0, torch.cat((part[:, 1], against)), torch.cat((by_near, by_noise)), alpha=-rate)
            losses.append(loss.detach() / len(part))
        if losses:
            values = torch.stack(losses).numpy()
            log(epoch, loss=values.mean(dtype=np.float64), losses=values)
            if not np.isfinite(values).all():
                raise DivergedError("diverged: a lower learning rate or fewer pairs a step may help")
    rows, begin, _ = bags.of(torch.arange(V))
    vectors = embedding_bag(rows, inputs, begin, mode="mean").numpy()
    return WordVectors(vocabulary.words, vectors, ngrams, inputs.numpy()[V:])
