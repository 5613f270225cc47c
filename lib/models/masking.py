"""Masking: how BERT hides words, to learn to guess them from both sides.

Devlin et al. 2019, "BERT: pre-training of deep bidirectional transformers for language understanding", section 3.1.
Of the words 15 % are chosen, each on its own. Of the chosen ones

    80 %  become the mask:         the man went to the [MASK]
    10 %  become a random word:    the man went to the sky
    10 %  stay as they are:        the man went to the store

and the network has to say for every chosen one what stood there. Were all of them masked, it would learn to care for
masks alone, of which there is none when it is used: as any word may be the wrong one, it must look at all of them.
"""

from __future__ import annotations

import numpy as np

CHOSEN, MASKED, REPLACED = 0.15, 0.8, 0.1
"""Share of the words that are chosen; of these, the shares that become the mask and a random word. The rest stays."""


def mask_words(
    words: np.ndarray,
    choosable: np.ndarray,
    mask: int,
    replacements: np.ndarray,
    rng: np.random.Generator,
    *,
    share: float = CHOSEN,
) -> tuple[np.ndarray, np.ndarray]:
    """Hide words, and mark the places where the network has to guess.

    Args:
        words: numbers of words, whole numbers of any shape.
        choosable: same shape; False where no word is ever chosen (beginnings and ends of sentences).
        mask: number of the mask.
        replacements: the numbers (n,) of which a random word is drawn, all with the same probability.
        rng: what is drawn from.
        share: of the choosable words that are chosen. Where chance chooses none, one is, as one must be learned from.

    Returns:
        The words with the chosen ones hidden, and True where a word was chosen: both of the shape of `words`, which
        is left as it is.

    Raises:
        ValueError: the share is no share, the shapes differ, or there is nothing to choose or to draw from.
    """
    if not 0 < share <= 1:
        raise ValueError(f"share of chosen words {share}: must be above 0 and at most 1")
    if words.shape != choosable.shape:
        raise ValueError(f"words of shape {words.shape} and choosable of shape {choosable.shape}: must be the same")
    if not choosable.any() or not len(replacements):
        raise ValueError("no words to hide or none to replace them with")
    draw = np.where(choosable, rng.random(words.shape), np.inf)
    chosen = draw < share
    if not chosen.any():
        chosen = draw == draw.min()
    fate = rng.random(words.shape)
    random_words = replacements[rng.integers(0, len(replacements), words.shape)]
    becomes_mask = chosen & (fate < MASKED)
    becomes_random = chosen & (fate >= MASKED) & (fate < MASKED + REPLACED)
    return np.where(becomes_mask, mask, np.where(becomes_random, random_words, words)), chosen
