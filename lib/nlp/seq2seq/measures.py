"""How good answers are: phoneme and word error rate, BLEU, and the answers that a memory without a network gives.

A phoneme error rate is the number of phonemes to change, leave out or put in (Levenshtein's distance) over the number
of phonemes of the right answers; a word is wrong when its distance is not 0.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from lib.nlp.seq2seq.text import Pair

Symbols = Sequence[str]


def distances(answers: Sequence[Symbols], right: Sequence[Symbols]) -> np.ndarray:
    """Levenshtein's distance of each answer from the right one, (n,)."""
    from rapidfuzz.distance import Levenshtein

    return np.array([Levenshtein.distance(a, r) for a, r in zip(answers, right, strict=True)])


def error_rates(answers: Sequence[Symbols], right: Sequence[Symbols]) -> dict[str, float]:
    """`wrong`: share of answers with an error; `errors`: of symbols, Levenshtein's distance over the right length."""
    d = distances(answers, right)
    return {"wrong": float((d > 0).mean()), "errors": float(d.sum() / sum(map(len, right)))}


def by_length(answers: Sequence[Symbols], pairs: Sequence[Pair], lengths: Sequence[int]) -> dict[str, list[float]]:
    """`error_rates` of the pairs whose source has each of these lengths; NaN where there is none."""
    found: dict[str, list[float]] = {"wrong": [], "errors": []}
    for length in lengths:
        chosen = [i for i, (source, _) in enumerate(pairs) if len(source) == length]
        rates = error_rates([answers[i] for i in chosen], [pairs[i][1] for i in chosen]) if chosen else {}
        for name, values in found.items():
            values.append(rates.get(name, float("nan")))
    return found


def bleu(answers: Sequence[Symbols], right: Sequence[Symbols]) -> float:
    """BLEU of the whole corpus over characters (Papineni et al. 2002), 0 to 100, by sacrebleu."""
    import sacrebleu

    texts = ["".join(answer) for answer in answers]
    return float(sacrebleu.corpus_bleu(texts, [["".join(each) for each in right]], tokenize="char").score)


def nearest(sources: Sequence[Symbols], known: Sequence[Symbols]) -> np.ndarray:
    """For each source the place of the known one at the least Levenshtein distance, (n,); the first of equals."""
    from rapidfuzz import process
    from rapidfuzz.distance import Levenshtein

    every = sorted({symbol for each in (*sources, *known) for symbol in each})
    symbols = {symbol: chr(0xE000 + number) for number, symbol in enumerate(every)}
    texts, known_texts = (["".join(symbols[s] for s in each) for each in part] for part in (sources, known))
    values = [
        process.cdist(texts[i : i + 500], known_texts, scorer=Levenshtein.distance, dtype=np.uint8).argmin(axis=1)
        for i in range(0, len(texts), 500)
    ]
    return np.concatenate(values)


def letter_sounds(pairs: Sequence[Pair]) -> Mapping[str, str]:
    """For each letter the phoneme that stands most often in its place, in words with as many letters as phonemes."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for letters, sounds in pairs:
        if len(letters) == len(sounds):
            for letter, sound in zip(letters, sounds, strict=True):
                counts[letter][sound] += 1
    return {letter: max(sorted(found), key=found.__getitem__) for letter, found in counts.items()}


def spelled_out(word: Symbols, sounds: Mapping[str, str]) -> tuple[str, ...]:
    """A phoneme for each letter, whatever its neighbours."""
    return tuple(sounds[letter] for letter in word if letter in sounds)
