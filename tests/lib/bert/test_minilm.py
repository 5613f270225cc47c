"""MiniLM in torch's own layers beside the package transformers, its word pieces, and learning further."""

import os
from typing import Any

import numpy as np
import pytest

from lib.data import minilm as files
from lib.harness.contract.seeds import Seed
from lib.harness.errors import UserError
from lib.models import minilm
from tests.lib.support import Recording

TEXTS = ["A film to remember.", "dull", "It is as long as it is wide, and neither is a virtue: unbelievably tedious!"]


@pytest.fixture(scope="module")
def encoder() -> Any:
    return minilm.pretrained()


@pytest.mark.filterwarnings("ignore")  # of transformers' own
def test_the_vectors_are_those_of_transformers(encoder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Padded and masked as it does, for every layer and text."""
    import torch

    monkeypatch.setitem(os.environ, "HF_HUB_OFFLINE", "1")
    from transformers.models.bert.modeling_bert import BertModel

    theirs = BertModel.from_pretrained(files.folder(), local_files_only=True).eval()  # type: ignore[no-untyped-call]
    ids = minilm.pieces(TEXTS)
    padded = torch.zeros(len(ids), max(map(len, ids)), dtype=torch.int64)
    for row, own in zip(padded, ids, strict=True):
        row[: len(own)] = torch.from_numpy(own)
    with torch.no_grad():
        wanted = theirs(input_ids=padded, attention_mask=(padded != 0).long(), output_hidden_states=True).hidden_states
    for text, own in enumerate(ids):
        layers = minilm.layer_by_layer(encoder, own)
        for layer, hidden in enumerate(wanted):
            np.testing.assert_allclose(layers[layer], hidden[text, : len(own)].numpy(), atol=2e-5)
    for end in (3, None):
        for layers, found in zip(
            (minilm.layer_by_layer(encoder, i) for i in ids), minilm.encoded(encoder, ids, end), strict=True
        ):
            np.testing.assert_allclose(found.numpy(), layers[-1 if end is None else end], atol=2e-5)


def test_it_has_the_published_number_of_weights(encoder: Any) -> None:
    """22.7 million, of which the pooler's 147,840, which is of no use here, are left out."""
    assert sum(p.numel() for p in encoder.parameters()) + 384 * 385 == 22_713_216


def test_pieces_are_the_vocabularys_and_unknown_words_have_some() -> None:
    names = (files.folder() / "vocab.txt").read_text(encoding="utf-8").split("\n")
    (ids,) = minilm.pieces(["The flibbertigibbet's FILM"])
    shown = [names[i] for i in ids]
    assert (shown[0], shown[-1]) == ("[CLS]", "[SEP]")
    assert "".join(shown[1:-1]).replace("##", "") == "theflibbertigibbet'sfilm"
    words = ["the", "flibbertigibbet", "sat"]
    ids, places = minilm.pieces_of_words(words)
    assert places[0] == places[-1] == -1 and set(places[1:-1]) == {0, 1, 2}
    for place, word in enumerate(words):
        assert "".join(names[i] for i in ids[places == place]).replace("##", "") == word


@pytest.mark.parametrize("text", ["", "  \n"])
def test_an_empty_text_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="text 2 is empty: at least one word"):
        minilm.pieces(["good", text])


def test_a_text_longer_than_the_context_is_refused_unless_it_is_to_be_cut() -> None:
    with pytest.raises(UserError, match="text 1 has 602 word pieces: at most 512"):
        minilm.pieces(["good " * 600])
    (cut,) = minilm.pieces(["good " * 600], longest=48, cut=True)
    (short,) = minilm.pieces(["good"])
    assert len(cut) == 48 and cut[0] == short[0] and cut[-1] == short[-1]


def test_padding_changes_nothing(encoder: Any) -> None:
    ids = minilm.pieces(TEXTS)
    together, alone = minilm.encoded(encoder, ids), [minilm.encoded(encoder, [i])[0] for i in ids]
    for one, other in zip(together, alone, strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), atol=1e-5)


def test_training_batches_bring_every_text_once_and_hardly_pad() -> None:
    lengths = np.random.default_rng(0).integers(3, 48, 203)
    batches = minilm.training_batches(lengths, 16, np.random.default_rng(1))
    assert sorted(np.concatenate(batches)) == list(range(203))
    padded = sum(len(b) * lengths[b].max() for b in batches)
    assert padded < 1.3 * lengths.sum()
    other = minilm.training_batches(lengths, 16, np.random.default_rng(2))
    assert [b.tolist() for b in batches] != [b.tolist() for b in other]


def small(seed: int = 0) -> Any:
    import torch

    from lib.models.bert_encoder import Encoder, SentenceClassifier, Size

    torch.manual_seed(seed)
    return SentenceClassifier(Encoder(Size(40, 16, 2, 2, 32, 12)), 0)


def learn(labels: np.ndarray, steps: int = 60) -> tuple[Any, list[Any]]:
    """A small classifier of texts that either have token 7 or not."""
    import torch

    rng = np.random.default_rng(0)
    texts = [torch.from_numpy(rng.integers(8, 40, rng.integers(4, 12))) for _ in labels]
    for text, label in zip(texts, labels, strict=True):
        text[1] = 7 if label else 8
    classifier = small()
    minilm.fine_tune(classifier, texts, labels, steps=steps, batch=8, learning_rate=1e-2, seed=Seed(0), log=Recording())
    return classifier, texts


def test_fine_tuning_learns_what_can_be_learned_and_repeats() -> None:
    labels = np.tile([0, 1], 40)
    classifier, texts = learn(labels)
    logits = minilm.logits_of(classifier, texts)
    assert np.mean(logits.argmax(axis=1) == labels) > 0.95
    again, _ = learn(labels)
    assert np.array_equal(logits, minilm.logits_of(again, texts))


def test_the_lower_layers_stay_as_they_are(encoder: Any) -> None:
    """From what they made of the texts, as from the texts themselves; and they have no gradient."""
    import torch

    from lib.models.bert_encoder import SentenceClassifier, padded

    ids = minilm.pieces(TEXTS)
    classifier = SentenceClassifier(encoder, 3).eval()
    classifier(*padded(minilm.encoded(encoder, ids, 3))).sum().backward()
    for name, parameter in classifier.encoder.named_parameters():
        learns = name.startswith(("layers.3", "layers.4", "layers.5"))
        assert (parameter.grad is not None) == learns, name
    below = minilm.logits_of(classifier, minilm.encoded(encoder, ids, 3))
    classifier.first = 0
    whole = minilm.logits_of(classifier, [torch.from_numpy(i) for i in ids])
    np.testing.assert_allclose(below, whole, atol=1e-5)
    encoder.zero_grad(set_to_none=True)
