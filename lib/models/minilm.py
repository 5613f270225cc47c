"""MiniLM, a pretrained BERT of `lib.data.minilm`, in torch: its word pieces, its vectors, and learning further with it.

    ids = pieces(texts, longest=48, cut=True)             # of each text: [CLS], its word pieces, [SEP]
    encoder = pretrained()                                # 6 layers of 384 units
    vectors = encoded(encoder, ids)                       # of each text (T, 384)
    classifier = SentenceClassifier(encoder, first=3)     # of lib.models.bert_encoder: layers 3 to 5 and a linear map
    fine_tune(classifier, encoded(encoder, ids, 3), labels, …)

The tokeniser is the package tokenizers', the layers are torch's own: with the same weights they give what the package
`transformers` gives (a test compares them) without the ten seconds that it takes to load.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from lib.data import minilm
from lib.harness.contract.seeds import Seed
from lib.harness.contract.trial import Log
from lib.harness.errors import UserError
from lib.models.precision import Precision

if TYPE_CHECKING:
    import torch

    from lib.models.bert_encoder import Encoder, SentenceClassifier, Size

VOCABULARY, WIDTH, LAYERS, HEADS, INNER, CONTEXT = 30_522, 384, 6, 12, 1536, 512


def pieces(texts: Sequence[str], longest: int = CONTEXT, cut: bool = False) -> list[np.ndarray]:
    """The numbers of each text's word pieces between those of [CLS] and [SEP]: int64 (T,) with T <= `longest`.

    Raises:
        UserError: a text has no word, or is longer than `longest` and is not to be cut.
    """
    numbers = []
    for number, encoding in enumerate(_tokenizer().encode_batch(list(texts)), 1):
        ids = encoding.ids
        if len(ids) < 3:
            raise UserError(f"text {number} is empty: at least one word is needed")
        if len(ids) > longest:
            if not cut:
                raise UserError(f"text {number} has {len(ids)} word pieces: at most {longest} fit in the context")
            ids = [*ids[: longest - 1], ids[-1]]
        numbers.append(np.array(ids, dtype=np.int64))
    return numbers


def pieces_of_words(words: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """The pieces of a sentence that is divided into words, and of each piece the place of its word (-1: none): (T,)."""
    encoding = _tokenizer().encode(list(words), is_pretokenized=True)
    places = [-1 if place is None else place for place in encoding.word_ids]
    return np.array(encoding.ids, dtype=np.int64), np.array(places)


@cache
def _tokenizer() -> Any:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(minilm.folder() / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def size() -> Size:
    """MiniLM's."""
    from lib.models.bert_encoder import Size

    return Size(VOCABULARY, WIDTH, LAYERS, HEADS, INNER, CONTEXT)


def pretrained() -> Encoder:
    """A new encoder with the published weights, ready to be used. Raises `UserError` where the files are not right."""
    from safetensors.torch import load_file

    from lib.models.bert_encoder import Encoder

    weights = load_file(str(minilm.folder() / "model.safetensors"))
    encoder = Encoder(size())
    encoder.load_state_dict(renamed(weights))
    return encoder.eval()


def renamed(theirs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Weights as `transformers` names them, named as the `Encoder` does. Query, key and value are one matrix there."""
    import torch

    names = {"words": "word", "positions": "position", "segments": "token_type"}
    ours = {f"{our}.weight": theirs[f"embeddings.{their}_embeddings.weight"] for our, their in names.items()}
    parts = {
        "self_attn.out_proj": "attention.output.dense",
        "norm1": "attention.output.LayerNorm",
        "linear1": "intermediate.dense",
        "linear2": "output.dense",
        "norm2": "output.LayerNorm",
    }
    for kind in ("weight", "bias"):
        ours[f"norm.{kind}"] = theirs[f"embeddings.LayerNorm.{kind}"]
        for layer in range(LAYERS):
            here = f"encoder.layer.{layer}"
            attention = [theirs[f"{here}.attention.self.{part}.{kind}"] for part in ("query", "key", "value")]
            ours[f"layers.{layer}.self_attn.in_proj_{kind}"] = torch.cat(attention)
            for our, their in parts.items():
                ours[f"layers.{layer}.{our}.{kind}"] = theirs[f"{here}.{their}.{kind}"]
    return ours


def encoded(encoder: Encoder, texts: Sequence[np.ndarray], end: int | None = None, batch: int = 32) -> list[Any]:
    """Encode token numbers by the layers before `end`: a tensor (T, width) for each text. Nothing is learned."""
    import torch

    from lib.models.bert_encoder import padded

    found: list[Any] = [None] * len(texts)
    encoder.eval()
    with torch.no_grad():
        for group in by_length(texts, batch):
            x, padding = padded([torch.from_numpy(texts[i]) for i in group])
            for i, vectors in zip(group, encoder(x, padding, end=end), strict=True):
                found[i] = vectors[: len(texts[i])].clone()
    return found


def layer_by_layer(encoder: Encoder, ids: np.ndarray) -> np.ndarray:
    """The vectors of one text at every layer, the embeddings first: float32 (layers + 1, T, width)."""
    import torch

    x, padding = torch.from_numpy(ids[None]), torch.zeros(1, len(ids), dtype=torch.bool)
    layers = []
    encoder.eval()
    with torch.no_grad():
        x = encoder.embed(x)
        for layer in range(encoder.size.layers + 1):
            layers.append(x[0].numpy())
            x = encoder(x, padding, layer, layer + 1)
    return np.stack(layers)


def by_length(texts: Sequence[Any], batch: int) -> list[np.ndarray]:
    """The places of the texts in batches of about one length."""
    order = np.argsort([len(text) for text in texts], kind="stable")
    return [order[i : i + batch] for i in range(0, len(order), batch)]


BUCKET = 8
"""Lengths that differ by less than this many tokens may come into one batch in training."""


def training_batches(lengths: np.ndarray, batch: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Places of all texts once, in batches of about one length, in random order and randomly put together."""
    shuffled = rng.permutation(len(lengths))
    bucketed = shuffled[np.argsort(lengths[shuffled] // BUCKET, kind="stable")]
    parts = [bucketed[i : i + batch] for i in range(0, len(bucketed), batch)]
    return [parts[i] for i in rng.permutation(len(parts))]


def fine_tune(
    classifier: SentenceClassifier,
    texts: Sequence[torch.Tensor],
    labels: np.ndarray,
    *,
    steps: int,
    batch: int,
    learning_rate: float,
    precision: Precision = "float32",
    seed: Seed,
    log: Log,
) -> np.ndarray:
    """Learn the labels (n,) of texts, given as token numbers or as what the layers before the first make of them.

    Adam with bias correction (it matters with so few steps: Zhang et al. 2021, "Revisiting few-sample BERT
    fine-tuning"), a warm-up over a tenth of the steps. Returns the losses (steps,).
    """
    import torch

    from lib.models.bert_encoder import padded
    from lib.models.descent import descend

    torch.manual_seed(seed.integer("dropout"))
    targets, lengths = torch.from_numpy(labels.astype(np.int64)), np.array([len(text) for text in texts])
    waiting: list[np.ndarray] = []
    epoch = 0

    def loss() -> torch.Tensor:
        nonlocal epoch
        if not waiting:
            waiting.extend(training_batches(lengths, batch, seed.rng("order", epoch)))
            epoch += 1
        places = waiting.pop()
        logits = classifier(*padded([texts[i] for i in places]))
        return torch.nn.functional.cross_entropy(logits, targets[torch.from_numpy(places)])

    warm_up = max(1, steps // 10)
    return descend(
        classifier, loss, steps=steps, learning_rate=learning_rate, log=log, warm_up=warm_up, precision=precision
    )


def logits_of(classifier: SentenceClassifier, texts: Sequence[torch.Tensor], batch: int = 32) -> np.ndarray:
    """The classifier's logits (n, classes), without dropout and gradients."""
    import torch

    from lib.models.bert_encoder import padded

    classifier.eval()
    logits = np.empty((len(texts), classifier.head.out_features), dtype=np.float32)
    with torch.no_grad():
        for group in by_length(texts, batch):
            logits[group] = classifier(*padded([texts[i] for i in group])).numpy()
    return logits
