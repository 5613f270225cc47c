"""Three ways to learn a language on one footing: ELMo's biLM, GPT's causal and BERT's masked transformer.

Same corpus (Brown), vocabulary, batches, steps, optimiser; as many parameters as near as can be. How to use it:

    shape = Shape()                                     # vocabulary 2000, width 64, 2 layers, …
    train_on = sentences("train", shape)                # ids of each sentence: begin, words, end; cached
    network = build("bilm", shape, seed)                # "bilm", "causal", "masked"
    losses = train(network, train_on, steps=1000, tokens=512, learning_rate=…, seed=seed, log=log)
    vectors = features(network, some_sentences)         # a list of (layers + 1, T, features); layer 0 is static
    table = log_probabilities(network, some_sentences, places)   # (n, vocabulary): of the word at that place

| kind | sees at place t | learns to predict | log-probability of the word at place t |
|---|---|---|---|
| bilm | forward 0..t, backward t..end | the next word and the one before | forward's + backward's - unigram's |
| causal | 0..t | the next word | from the words before it |
| masked | all | 15 % of the words, chosen and hidden by `lib.models.masking` | from all the others, it being hidden |

`vocabulary(size)` has `encode(words)` (an unknown word becomes `UNKNOWN`) and `decode(ids)`; `encode_text` checks what
a user gives. A batch holds sentences of one length, so that nothing is ever padded. Words are in lower case.
The networks themselves are in `lib.models.language_networks`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from lib.data import brown
from lib.harness.contract.seeds import Seed
from lib.harness.contract.trial import Log
from lib.harness.errors import UserError
from lib.models.descent import descend
from lib.models.masking import CHOSEN, mask_words

if TYPE_CHECKING:
    import torch

Kind = Literal["bilm", "causal", "masked"]
Part = Literal["train", "validation", "test"]
Ids = np.ndarray
"""A sentence: int64 (T,), from BEGIN to END."""

SPECIAL = ("<unknown>", "<begin>", "<end>", "<mask>")
UNKNOWN, BEGIN, END, MASK = range(len(SPECIAL))


@dataclass(frozen=True)
class Shape:
    """The size of the three networks.

    Attributes:
        vocabulary: ids, the four special ones among them.
        width: of all vectors; a multiple of `heads`.
        layers: LSTMs of each direction, or blocks.
        heads: of the attention.
        context: the longest sentence, with begin and end; what is longer is cut.
    """

    vocabulary: int = 2000
    width: int = 64
    layers: int = 2
    heads: int = 4
    context: int = 64

    @property
    def inner(self) -> int:
        """Width between a block's two linear layers: with six times `width` a block has an LSTM pair's 16 width²."""
        return 6 * self.width


@dataclass(frozen=True)
class Vocabulary:
    """The most frequent words of the Brown corpus' training part and the special tokens.

    Attributes:
        words: by id.
        counts: int64 (size,), how often each id comes in the training sentences; 0 for MASK.
    """

    words: tuple[str, ...]
    counts: np.ndarray

    def __len__(self) -> int:
        return len(self.words)

    @property
    def index(self) -> dict[str, int]:
        """Ids by word."""
        return _index(self.words)

    def encode(self, words: Sequence[str], context: int = 1 << 30) -> Ids:
        """Begin, the words' ids, end: int64 (T,). What does not fit in `context` tokens is cut at the end."""
        index = self.index
        return np.array([BEGIN, *(index.get(w.lower(), UNKNOWN) for w in words[: context - 2]), END], dtype=np.int64)

    def decode(self, ids: Ids) -> list[str]:
        """The words of these ids, without begin and end."""
        return [self.words[i] for i in ids if i not in (BEGIN, END)]

    def log_frequency(self) -> np.ndarray:
        """Logarithm of each id's share of the training tokens, float64 (size,); one is added to every count."""
        return np.asarray(np.log((self.counts + 1) / (self.counts + 1).sum()))


@cache
def _index(words: tuple[str, ...]) -> dict[str, int]:
    return {word: index for index, word in enumerate(words)}


@cache
def vocabulary(size: int) -> Vocabulary:
    """The vocabulary with this many ids; words as frequent as each other in alphabetical order."""
    texts = brown.words(brown.train())
    counted = Counter(word for text in texts for word in text)
    known = sorted(counted, key=lambda word: (-counted[word], word))[: size - len(SPECIAL)]
    counts = [counted.total() - sum(counted[word] for word in known), len(texts), len(texts), 0]
    return Vocabulary((*SPECIAL, *known), np.array([*counts, *(counted[word] for word in known)]))


@cache
def sentences(part: Part, shape: Shape) -> tuple[Ids, ...]:
    """The sentences of a part of the Brown corpus as ids, in its order; place i + 1 is the sentence's word i."""
    known = vocabulary(shape.vocabulary)
    return tuple(known.encode(words, shape.context) for words in brown.words(getattr(brown, part)()))


def encode_text(text: str, shape: Shape, required: Sequence[str] = ()) -> Ids:
    """A text, its words divided by spaces, as ids.

    Raises:
        UserError: it is empty, it is longer than the context, or a word of `required` is not in the vocabulary.
    """
    words, known = text.split(), vocabulary(shape.vocabulary)
    if not words:
        raise UserError("the text is empty: at least one word is needed")
    if len(words) + 2 > shape.context:
        raise UserError(f"the text has {len(words)} words: at most {shape.context - 2} fit in the context")
    for word in required:
        if word.lower() not in known.index:
            raise UserError(f"'{word}' is none of the {len(known) - len(SPECIAL)} words that the model knows")
    return known.encode(words)


def build(kind: Kind, shape: Shape, seed: Seed) -> torch.nn.Module:
    """A network of this kind, its weights drawn from the seed's "init"."""
    import torch

    from lib.models.language_networks import BiLM, Transformer

    torch.manual_seed(seed.integer("init"))
    if kind == "bilm":
        return BiLM(shape.vocabulary, shape.width, shape.layers)
    return Transformer(
        shape.vocabulary,
        shape.width,
        layers=shape.layers,
        heads=shape.heads,
        inner=shape.inner,
        context=shape.context,
        causal=kind == "causal",
    )


def kind_of(network: torch.nn.Module) -> Kind:
    """Return the kind of a network: one of the three."""
    from lib.models.language_networks import Transformer

    if not isinstance(network, Transformer):
        return "bilm"
    return "causal" if network.causal else "masked"


def parameter_count(network: torch.nn.Module) -> int:
    """Number of its weights; the matrix that input and output share counts once."""
    return sum(parameter.numel() for parameter in network.parameters())


def batches(texts: Sequence[Ids], tokens: int, seed: Seed) -> Iterator[np.ndarray]:
    """Batches for ever: ids (n, T) of sentences of one length, as many as `tokens` allow and at least one.

    An epoch brings every sentence once; batches and their order are drawn anew from the seed.
    """
    by_length = _by_length(texts)
    epoch = 0
    while True:
        rng = seed.rng("batches", epoch)
        parts = []
        for length, places in by_length.items():
            size = max(1, tokens // length)
            drawn = rng.permutation(places)
            parts += [drawn[i : i + size] for i in range(0, len(drawn), size)]
        for part in rng.permutation(len(parts)):
            yield np.stack([texts[i] for i in parts[part]])
        epoch += 1


def _by_length(texts: Sequence[Ids]) -> dict[int, np.ndarray]:
    lengths = np.array([len(text) for text in texts])
    return {int(length): np.flatnonzero(lengths == length) for length in np.unique(lengths)}


def loss_of(network: torch.nn.Module, ids: np.ndarray, rng: np.random.Generator, share: float = CHOSEN) -> torch.Tensor:
    """Mean cross-entropy in nats of the predictions that this kind learns from, for ids (n, T)."""
    import torch
    from torch.nn.functional import cross_entropy

    model: Any = network
    kind, shown = kind_of(network), torch.from_numpy(ids)
    if kind == "causal":
        return cross_entropy(model.logits(model(shown[:, :-1])).flatten(0, 1), shown[:, 1:].flatten())
    if kind == "bilm":
        forward, backward = model(shown)
        hidden = torch.cat([forward[:, :-1], backward[:, 1:]])
        targets = torch.cat([shown[:, 1:], shown[:, :-1]])
        return cross_entropy(model.logits(hidden).flatten(0, 1), targets.flatten())
    choosable, replacements = (ids != BEGIN) & (ids != END), np.arange(len(SPECIAL), model.words.num_embeddings)
    masked, chosen = mask_words(ids, choosable, MASK, replacements, rng, share=share)
    places = torch.from_numpy(np.flatnonzero(chosen))
    hidden = model(torch.from_numpy(masked)).flatten(0, 1).index_select(0, places)
    return cross_entropy(model.logits(hidden), shown.flatten().index_select(0, places))


def train(
    network: torch.nn.Module,
    texts: Sequence[Ids],
    *,
    steps: int,
    tokens: int,
    learning_rate: float,
    seed: Seed,
    log: Log,
    share: float = CHOSEN,
) -> np.ndarray:
    """Train any of the three; returns the losses, float32 (steps,). For one seed all see the same batches.

    Raises:
        DivergedError: a loss is NaN or infinite.
    """
    supply, rng = batches(texts, tokens, seed), seed.rng("mask")
    return descend(
        network,
        lambda: loss_of(network, next(supply), rng, share),
        steps=steps,
        learning_rate=learning_rate,
        log=log,
    )


def mean_loss(network: torch.nn.Module, texts: Sequence[Ids], seed: Seed, tokens: int = 4096) -> float:
    """The kind's own training loss on these sentences, not trained on: comparable within a kind, not between kinds."""
    import torch

    rng, total, count = seed.rng("mean loss"), 0.0, 0
    with torch.no_grad():
        for places in _groups(texts, tokens):
            ids = np.stack([texts[i] for i in places])
            total, count = total + float(loss_of(network, ids, rng)) * ids.size, count + ids.size
    return total / count


def features(network: torch.nn.Module, texts: Sequence[Ids], tokens: int = 4096) -> list[np.ndarray]:
    """The frozen vectors of every token at every layer: for each sentence float32 (layers + 1, T, features).

    Layer 0 is the word's own embedding, whatever stands around it. Features: `width`, for the biLM twice that, the
    forward half first.
    """
    import torch

    model: Any = network
    found: dict[int, np.ndarray] = {}
    with torch.no_grad():
        for places in _groups(texts, tokens):
            ids = torch.from_numpy(np.stack([texts[i] for i in places]))
            stacked = torch.stack(model.layers(ids), dim=1).numpy()
            found |= dict(zip(places.tolist(), stacked, strict=True))
    return [found[i] for i in range(len(texts))]


def log_probabilities(
    network: torch.nn.Module, texts: Sequence[Ids], places: Sequence[int], tokens: int = 4096
) -> np.ndarray:
    """Log-probability of every word at one place of each sentence, the word there being hidden: (n, vocabulary).

    The biLM's two directions are joined by Bayes' rule as if, the word given, left and right knew nothing of each
    other: p(w | left, right) ~ p(w | left) p(w | right) / p(w).

    Raises:
        UserError: a place is the sentence's begin or end, or beyond.
    """
    import torch

    model: Any = network
    kind = kind_of(network)
    vocabulary_size = model.words.num_embeddings
    table = np.empty((len(texts), vocabulary_size), dtype=np.float32)
    at = np.asarray(places)
    for text, place in zip(texts, at, strict=True):
        if not 0 < place < len(text) - 1:
            raise UserError(f"place {place} is no word of a sentence of {len(text) - 2} words: 1 to {len(text) - 2}")
    frequency = torch.from_numpy(vocabulary(vocabulary_size).log_frequency()).to(model.words.weight.dtype)
    with torch.no_grad():
        for group in _groups(texts, tokens):
            ids, rows = np.stack([texts[i] for i in group]), torch.arange(len(group))
            hidden_at = torch.from_numpy(at[group])
            if kind == "masked":
                ids[np.arange(len(group)), at[group]] = MASK
            shown = torch.from_numpy(ids)
            if kind == "bilm":
                forward, backward = model(shown)
                left = model.logits(forward[rows, hidden_at - 1]).log_softmax(dim=1)
                logits = left + model.logits(backward[rows, hidden_at + 1]).log_softmax(dim=1) - frequency
            else:
                logits = model.logits(model(shown)[rows, hidden_at - 1 if kind == "causal" else hidden_at])
            table[group] = logits.log_softmax(dim=1).numpy()
    return table


def _groups(texts: Sequence[Ids], tokens: int) -> Iterator[np.ndarray]:
    """Places of sentences of one length, at most `tokens` together."""
    for length, places in _by_length(texts).items():
        size = max(1, tokens // length)
        yield from (places[i : i + size] for i in range(0, len(places), size))


def weights(network: torch.nn.Module) -> dict[str, np.ndarray]:
    """Its present weights by name; copies."""
    return {name: p.detach().numpy().copy() for name, p in network.named_parameters()}


def load(network: torch.nn.Module, arrays: dict[str, np.ndarray]) -> torch.nn.Module:
    """The network with these weights, ready to be used."""
    import torch

    network.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
    return network.eval()
