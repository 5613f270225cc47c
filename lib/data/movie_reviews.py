"""10,605 sentences of film reviews, each rated by people from -4 (very bad) to 4 (very good).

Hutto & Gilbert 2014, "VADER: a parsimonious rule-based model for sentiment analysis of social media text" (MIT
licence); the sentences are Pang & Lee's (2004), from Rotten Tomatoes. The file ships with vaderSentiment 0.5.

Good or bad is asked: ratings between -0.5 and 0.5 are left out. A sentence is to train on, to choose on or to test on
(80, 10, 10 in a hundred) by its hash.
"""

from __future__ import annotations

from functools import cache

from lib.data.files import fetched_text, folder, split_by

SHA256 = {"sentences.tsv": "c8293b0d942e90e223ea2c0955d969040d1a1be514a978b9af0698940bd13350"}
"""The file and what it must be; also part of what a run records of itself."""

UNDECIDED = 0.5

Review = tuple[str, int]
"""A sentence and 1 if it praises, 0 if it does not."""


def train() -> list[Review]:
    """Eight tenths of the sentences, in random order."""
    return _parts()[0]


def validation() -> list[Review]:
    """The tenth on which learning rates and the like are chosen."""
    return _parts()[1]


def test() -> list[Review]:
    """The tenth that is read once, at the end."""
    return _parts()[2]


@cache
def _parts() -> tuple[list[Review], list[Review], list[Review]]:
    text = fetched_text("Film reviews", folder("movie-reviews") / "sentences.tsv", SHA256["sentences.tsv"])
    rows = [line.rstrip("\r").split("\t") for line in text.split("\n") if line]
    rated = [(sentence, float(rating)) for _, rating, sentence in rows]
    decided = [(sentence, int(rating > 0)) for sentence, rating in rated if abs(rating) > UNDECIDED]
    return split_by(decided, lambda review: review[0])
