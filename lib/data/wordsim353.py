"""WordSim-353: 353 pairs of English words with people's mean rating of how related they are, from 0 to 10.

Finkelstein et al. 2002, "Placing search in context: the concept revisited"; the file ships with gensim. It is an
evaluation set as a whole: nothing may be chosen on it.
"""

from __future__ import annotations

from lib.data.files import packaged_text

SHA256 = {"wordsim353.tsv": "f92a022fc2537793a15bc3a8c162ebcd74990e033a228bb6388cb71e4c0b1e1d"}
"""The file and what it must be; also part of what a run records of itself."""


def pairs() -> list[tuple[str, str, float]]:
    """One word, another, and the mean rating."""
    text = packaged_text("WordSim-353", "gensim", "test/test_data/wordsim353.tsv", SHA256["wordsim353.tsv"])
    rows = [line.split("\t") for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(one.lower(), other.lower(), float(rating)) for one, other, rating in rows]
