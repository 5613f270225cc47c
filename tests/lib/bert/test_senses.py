"""Words with two meanings: the sorted sentences, and nearest centroids on vectors whose answer is known."""

import numpy as np
import pytest

from lib.data import brown
from lib.harness.contract.seeds import Seed
from lib.nlp.bert import senses as bert_senses
from lib.nlp.bert.senses import BY_HAND, BY_TAG, EACH, neighbours, recognised, uses

kinds = np.repeat([0, 1], 12)
RNG = np.random.default_rng(0)


def test_every_use_is_of_the_word_and_no_use_comes_twice() -> None:
    corpus = brown.whole()
    for word, found in uses().items():
        assert np.bincount(found.labels).tolist() == [EACH, EACH]
        for sentence, place in zip(found.sentences, found.places, strict=True):
            assert sentence[place].lower() == word
        assert len(set(zip(found.sentences, found.places.tolist(), strict=True))) == 2 * EACH, word
    for word, meanings in BY_HAND.items():
        for places in meanings.values():
            assert all(corpus[number][place][0].lower() == word for number, place in places)
    tagged = {tuple(word for word, _ in sentence): sentence for sentence in corpus}
    for word, tags in BY_TAG.items():
        found = uses()[word]
        for wanted, sentence, place in zip(np.repeat(list(tags), EACH), found.sentences, found.places, strict=True):
            assert tagged[sentence][place][1] in tags[wanted]


def test_vectors_that_know_the_meaning_are_right_and_static_ones_half_right() -> None:
    apart = RNG.normal(size=(24, 5)) + 20 * kinds[:, None]
    assert recognised(apart, kinds, 4, 3, Seed(0)) == 1
    assert recognised(np.ones((24, 5)), kinds, 4, 3, Seed(0)) == 0.5
    chance = np.mean([recognised(RNG.normal(size=(24, 5)), kinds, 4, 1, Seed(s)) for s in range(200)])
    assert chance == pytest.approx(0.5, abs=0.03)


def test_recognition_is_scikit_learns_nearest_centroid() -> None:
    from sklearn.neighbors import NearestCentroid

    vectors = RNG.normal(size=(24, 3)) + kinds[:, None]
    rng = Seed(3).rng("shown", 0)
    known = np.concatenate([rng.permutation(np.flatnonzero(kinds == meaning))[:4] for meaning in (0, 1)])
    rest = np.setdiff1d(np.arange(24), known)
    wanted = NearestCentroid().fit(vectors[known], kinds[known]).score(vectors[rest], kinds[rest])
    assert recognised(vectors, kinds, 4, 1, Seed(3)) == pytest.approx(wanted)


def test_neighbours_are_the_mean_of_the_words_around_without_the_word() -> None:
    vectors = np.arange(20.0)[:, None]
    words = np.array([-1, *range(18), -1])
    assert neighbours(vectors, words, 9)[0] == np.mean([5, 6, 7, 8, 9, 11, 12, 13, 14, 15])
    assert neighbours(vectors, words, 0)[0] == np.mean([2, 3, 4, 5, 6])
    assert bert_senses.NEIGHBOURS == 5
