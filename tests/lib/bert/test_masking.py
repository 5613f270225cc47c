"""The masking rule: its shares, as a property of any batch, and what it leaves alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.models.masking import CHOSEN, mask_words

MASK, FIRST, VOCABULARY = 3, 4, 50_000
WORDS = np.arange(FIRST, VOCABULARY)


def test_of_the_chosen_80_percent_are_masked_10_replaced_and_10_stay() -> None:
    """Over a million words: each share within five deviations of a binomial's."""
    rng = np.random.default_rng(0)
    words = rng.integers(FIRST, VOCABULARY, (1000, 1000))
    shown, chosen = mask_words(words, np.full(words.shape, True), MASK, WORDS, rng)
    n = chosen.sum()
    masked, same = shown == MASK, shown == words
    shares = {
        "chosen": (chosen.mean(), CHOSEN, words.size),
        "masked": (masked[chosen].mean(), 0.8, n),
        "replaced": ((~masked & ~same)[chosen].mean(), 0.1, n),
        "stay": (same[chosen].mean(), 0.1, n),
    }
    for name, (found, wanted, of) in shares.items():
        assert abs(found - wanted) < 5 * np.sqrt(wanted * (1 - wanted) / of), name
    assert same[~chosen].all()
    replaced = shown[chosen & ~masked & ~same]
    assert replaced.min() >= FIRST and len(np.unique(replaced)) > 0.2 * VOCABULARY


@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(1, 8),
    columns=st.integers(1, 40),
    share=st.floats(0.001, 1),
)
def test_only_choosable_words_change_and_there_is_always_one_to_guess(
    seed: int, rows: int, columns: int, share: float
) -> None:
    rng = np.random.default_rng(seed)
    words = rng.integers(FIRST, 100, (rows, columns))
    choosable = rng.random(words.shape) < 0.7
    choosable[0, 0] = True
    before = words.copy()
    shown, chosen = mask_words(words, choosable, MASK, np.arange(FIRST, 100), rng, share=share)
    assert np.array_equal(words, before)
    assert chosen.any() and not (chosen & ~choosable).any()
    assert np.array_equal(shown[~chosen], words[~chosen])
    assert ((shown[chosen] == MASK) | (shown[chosen] >= FIRST)).all()
    assert share < 1 or np.array_equal(chosen, choosable)


def test_words_are_chosen_independently_of_their_place_and_value() -> None:
    words = np.tile(np.arange(FIRST, FIRST + 50), (20_000, 1))
    _, chosen = mask_words(words, np.full(words.shape, True), MASK, WORDS, np.random.default_rng(1))
    by_place = chosen.mean(axis=0)
    assert np.abs(by_place - CHOSEN).max() < 5 * np.sqrt(CHOSEN * (1 - CHOSEN) / 20_000)
    neighbours = np.mean(chosen[:, 1:] & chosen[:, :-1])
    assert neighbours == pytest.approx(CHOSEN**2, rel=0.05)


def test_equal_draws_for_an_equal_generator() -> None:
    words = np.arange(FIRST, 104).reshape(4, 25)
    first, second = (mask_words(words, words > 10, MASK, WORDS, np.random.default_rng(seed)) for seed in (5, 5))
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize(
    ("choosable", "replacements", "share", "message"),
    [
        (np.full((2, 3), True), WORDS, 0.0, "share of chosen words 0"),
        (np.full((2, 3), True), WORDS, 1.5, "share of chosen words 1.5"),
        (np.full((3, 2), True), WORDS, 0.15, "must be the same"),
        (np.full((2, 3), False), WORDS, 0.15, "no words to hide"),
        (np.full((2, 3), True), WORDS[:0], 0.15, "none to replace"),
    ],
)
def test_what_cannot_be_masked_is_refused(
    choosable: np.ndarray, replacements: np.ndarray, share: float, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        mask_words(np.full((2, 3), 9), choosable, MASK, replacements, np.random.default_rng(0), share=share)
