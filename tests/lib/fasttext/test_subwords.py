"""Skip-gram with subwords: against gensim, closed forms and plain loops."""

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lib.harness.contract.seeds import Seed
from lib.harness.errors import UserError
from lib.models.training import DivergedError
from lib.nlp.fasttext.peers import gensim_vectors
from lib.nlp.fasttext.subwords import (
    WHOLE_WORDS,
    Bags,
    NGrams,
    Settings,
    Vocabulary,
    WordVectors,
    fnv1a,
    keep_probability,
    pairs_of,
    skip_gram_loss,
    train_skip_gram,
    unit,
)
from tests.lib.support import Recording

TEXT = [f"the {a} {b} sat on the mat with {a}".split() for a in ("cat", "kitten") for b in ("softly", "happily")] * 20
SMALL = Settings(dimensions=8, epochs=3, pairs=64, noise_words=16, frequent=1)
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)


def quiet(step: int, **values: Any) -> None:
    """A log that keeps nothing."""


def test_the_published_values_of_fnv1a() -> None:
    """Of the authors' test vectors (http://www.isthe.com/chongo/tech/comp/fnv/)."""
    assert fnv1a(b"") == 0x811C9DC5
    assert fnv1a(b"a") == 0xE40C292C
    assert fnv1a(b"foobar") == 0xBF9CF968


@given(texts)
def test_the_hash_and_the_n_grams_are_those_of_gensim(word: str) -> None:
    from gensim.models.fasttext import ft_ngram_hashes
    from gensim.models.fasttext_inner import compute_ngrams_bytes, ft_hash_bytes

    assert fnv1a(word.encode()) == ft_hash_bytes(word.encode())
    for shortest, longest in ((3, 6), (1, 4), (2, 2)):
        ngrams = NGrams(shortest, longest, 1000)
        assert [text.encode() for text in ngrams.texts(word)] == compute_ngrams_bytes(word, shortest, longest)
        assert ngrams.rows(word) == ft_ngram_hashes(word, shortest, longest, 1000)
        assert ngrams.rows(word) == [fnv1a(text.encode()) % 1000 for text in ngrams.texts(word)]


def test_whole_words_have_no_n_grams() -> None:
    assert WHOLE_WORDS.rows("anything") == []


def test_a_vocabulary_goes_from_the_frequent_to_the_rare() -> None:
    vocabulary = Vocabulary.of([["b", "a", "b"], ["a", "c", "d", "d", "d"]], at_least=2)
    assert vocabulary.words == ("d", "a", "b")
    assert vocabulary.counts.tolist() == [3, 2, 2]


@pytest.mark.parametrize("sentences", [[], [[]], [["once"]]])
def test_an_empty_text_is_one_line(sentences: list[list[str]]) -> None:
    with pytest.raises(UserError, match="longer text") as error:
        Vocabulary.of(sentences, 2)
    assert "\n" not in str(error.value)


def test_a_word_that_was_never_seen_and_an_empty_list() -> None:
    plain = WordVectors(["cat"], np.eye(1, 4))
    with pytest.raises(UserError, match="'cta' is not in the vocabulary, and this model has no subwords") as error:
        plain.of(["cat", "cta"])
    assert "\n" not in str(error.value)
    with pytest.raises(UserError, match="empty"):
        plain.of([])
    pieces = WordVectors(["cat"], np.eye(1, 4), NGrams(3, 6, 10), np.ones((10, 4)))
    assert pieces.of(["cta"]).tolist() == [[1, 1, 1, 1]]
    assert pieces.has_vector("cta") and not plain.has_vector("cta")
    with pytest.raises(UserError, match="too short"):
        pieces.of([""])


@pytest.mark.parametrize("window", [1, 3])
def test_all_pairs_within_the_window_and_the_sentence(window: int) -> None:
    """When every word stays, a pair at distance d comes with probability (window - d + 1) / window, d <= window."""
    sentences = [np.array([0, 1, 2, 3]), np.array([], dtype=np.int64), np.array([4]), np.array([5, 6])]
    seen = np.zeros((7, 7))
    for draw in range(600):
        pairs = pairs_of(sentences, np.ones(7), window, np.random.default_rng(draw))
        assert len({*map(tuple, pairs)}) == len(pairs)
        np.add.at(seen, (pairs[:, 0], pairs[:, 1]), 1 / 600)
        changes = np.count_nonzero(np.diff(pairs[:, 0]))
        assert changes == len({*pairs[:, 0]}) - 1, "the pairs of a centre stay together"
    for first in range(7):
        for second in range(7):
            together = first != second and any({first, second} <= {*s} for s in sentences)
            share = max(0, window + 1 - abs(first - second)) / window if together else 0
            assert seen[first, second] == pytest.approx(share, abs=0.08)


def test_no_pairs_of_nothing() -> None:
    assert pairs_of([np.array([3])], np.ones(4), 5, np.random.default_rng(0)).shape == (0, 2)
    assert pairs_of([], np.ones(4), 5, np.random.default_rng(0)).shape == (0, 2)


def test_frequent_words_are_thinned_out_as_gensim_does() -> None:
    from gensim.models import Word2Vec

    model = Word2Vec(vector_size=2, min_count=1, sample=1e-2)
    model.build_vocab(TEXT)
    ours = Vocabulary.of(TEXT, 1)
    theirs = [model.wv.get_vecattr(word, "sample_int") / 2**32 for word in ours.words]
    np.testing.assert_allclose(keep_probability(ours.counts, 1e-2), np.minimum(theirs, 1), atol=1e-6)


def test_the_loss_of_pairs_written_as_a_loop() -> None:
    rng = np.random.default_rng(0)
    h, near, noise = (rng.normal(size=(n, 3)) for n in (4, 6, 5))
    centres = [0, 0, 1, 2, 3, 3]

    def log_sigmoid(x: float) -> float:
        return -math.log(1 + math.exp(-x))

    expected = 0.0
    for pair, centre in enumerate(centres):
        expected -= log_sigmoid(float(h[centre] @ near[pair]))
        expected -= 7 * sum(log_sigmoid(float(-h[centre] @ word)) for word in noise) / len(noise)
    tensors = [torch.from_numpy(each) for each in (h, near, noise)]
    found = skip_gram_loss(tensors[0], torch.tensor(centres), tensors[1], tensors[2], 7)
    assert found.item() == pytest.approx(expected, rel=1e-12)


def test_a_step_is_plain_descent_with_the_whole_gradient_for_each_row() -> None:
    """By hand in NumPy: in the first batch the outputs are zero and no input moves, in the second they do."""
    sentence = ["left", "right"]
    vocabulary, ngrams = Vocabulary.of([sentence], 1), NGrams(3, 3, 20)
    settings = Settings(dimensions=4, window=1, epochs=2, pairs=100, noise_words=3, frequent=1, learning_rate=0.5)

    def trained(epochs: int) -> WordVectors:
        shorter = dataclasses.replace(settings, epochs=epochs)
        return train_skip_gram([sentence], vocabulary, ngrams, shorter, seed=Seed(0), log=quiet)

    start = Seed(0).rng("start").uniform(-1 / 4, 1 / 4, (2 + 20, 4)).astype(np.float32)
    bags = [[i, *(2 + row for row in ngrams.rows(word))] for i, word in enumerate(vocabulary.words)]
    h = np.array([start[bag].mean(axis=0) for bag in bags])
    np.testing.assert_allclose(trained(1).vectors, h, rtol=1e-6)

    def used(epoch: int) -> np.ndarray:
        noise = np.cumsum(np.ones(2))
        return np.searchsorted(noise, Seed(0).rng("noise", epoch).uniform(0, noise[-1], (1, 3))).ravel()

    u = 0.5 * 0.5 * h[::-1]
    np.add.at(u, used(0), -0.5 * 5 / 3 * 0.5 * h.sum(axis=0))
    rows = start.copy()
    for i, bag in enumerate(bags):
        near, noise = (1 / (1 + np.exp(-h[i] @ row)) for row in (u[1 - i], u[used(1)].T))
        gradient = (near - 1) * u[1 - i] + 5 / 3 * noise @ u[used(1)]
        np.add.at(rows, bag, -0.25 * gradient)
    np.testing.assert_allclose(trained(2).vectors, [rows[bag].mean(axis=0) for bag in bags], rtol=1e-5)


def test_the_rows_of_a_word_are_its_own_and_those_of_its_n_grams() -> None:
    vocabulary, ngrams = Vocabulary.of(TEXT, 1), NGrams(3, 4, 50)
    rows, begin, owner = Bags(vocabulary, ngrams).of(torch.tensor([2, 0]))
    expected = [[i, *(len(vocabulary.words) + r for r in ngrams.rows(vocabulary.words[i]))] for i in (2, 0)]
    assert rows.tolist() == expected[0] + expected[1]
    assert begin.tolist() == [0, len(expected[0])]
    assert owner.tolist() == [0] * len(expected[0]) + [1] * len(expected[1])


@pytest.mark.parametrize("ngrams", [WHOLE_WORDS, NGrams(3, 6, 500)])
def test_training_starts_at_the_loss_of_guessing_falls_and_repeats(ngrams: NGrams) -> None:
    """The output vectors begin at 0: the first loss is (1 + negatives) ln 2."""
    vocabulary = Vocabulary.of(TEXT, 1)
    runs = []
    for _ in range(2):
        log = Recording()
        model = train_skip_gram(TEXT, vocabulary, ngrams, SMALL, seed=Seed(1), log=log)
        runs.append((np.concatenate([values["losses"] for _, values in log.values]), model.vectors))
    assert runs[0][0][0] == pytest.approx(6 * math.log(2), rel=1e-6)
    assert runs[0][0][-10:].mean() < runs[0][0][:3].mean()
    assert np.array_equal(runs[0][0], runs[1][0]) and np.array_equal(runs[0][1], runs[1][1])


def test_too_large_a_step_is_said_and_not_measured() -> None:
    settings = dataclasses.replace(SMALL, learning_rate=1e6)
    with np.errstate(all="ignore"), pytest.raises(DivergedError, match="lower learning rate") as error:
        train_skip_gram(TEXT, Vocabulary.of(TEXT, 1), NGrams(3, 6, 500), settings, seed=Seed(0), log=quiet)
    assert "\n" not in str(error.value)


def test_words_of_one_use_come_together_and_pieces_reach_unseen_ones() -> None:
    rng = np.random.default_rng(0)
    topics = (("apple", "pear", "plum", "grape"), ("hammer", "saw", "drill", "wrench"))
    sentences = [list(rng.choice(topics[i % 2], 6)) for i in range(400)]
    settings = Settings(dimensions=8, epochs=20, pairs=32, noise_words=8, frequent=1)
    vocabulary = Vocabulary.of(sentences, 1)
    model = train_skip_gram(sentences, vocabulary, NGrams(3, 6, 2000), settings, seed=Seed(0), log=quiet)
    for topic in topics:
        for word in topic:
            assert {*model.neighbours(word, 3)} == {*topic} - {word}
    assert model.neighbours("appple", 1)[0] in topics[0]
    assert model.neighbours("hamer", 1)[0] in topics[1]


def test_gensims_numbers_give_gensims_vectors_of_words_never_seen_and_repeat() -> None:
    from gensim.models import FastText

    ngrams = NGrams(3, 6, 300)
    ours = gensim_vectors(TEXT, 1, ngrams, SMALL, Seed(0))
    again = gensim_vectors(TEXT, 1, ngrams, SMALL, Seed(0))
    other = gensim_vectors(TEXT, 1, ngrams, SMALL, Seed(1))
    assert np.array_equal(ours.vectors, again.vectors) and not np.array_equal(ours.vectors, other.vectors)
    model = FastText(TEXT, vector_size=8, min_count=1, bucket=300, sg=1, epochs=2, workers=1, seed=3)
    theirs = WordVectors(model.wv.index_to_key, model.wv.vectors, ngrams, model.wv.vectors_ngrams)
    for word in ("kitty", "matting", "고양이", "cat"):
        np.testing.assert_allclose(theirs.of([word])[0], model.wv[word], rtol=1e-5, atol=1e-8)
    assert theirs.neighbours("kitty", 3) == [word for word, _ in model.wv.most_similar("kitty", topn=3)]


def test_the_nearest_words_in_order() -> None:
    rng = np.random.default_rng(0)
    vectors, queries = rng.normal(size=(50, 4)), rng.normal(size=(3, 4))
    found = WordVectors([str(i) for i in range(50)], vectors).nearest(queries, 10)
    expected = np.argsort(-unit(queries) @ unit(vectors).T, axis=1)[:, :10]
    assert np.array_equal(found, expected)
