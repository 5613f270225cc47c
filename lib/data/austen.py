"""Jane Austen's six novels: 4.0 million characters, 717,000 words.

Emma, Mansfield Park, Northanger Abbey, Persuasion, Pride and Prejudice, Sense and Sensibility, one after the other,
line by line (public domain); from Debian's package r-cran-janeaustenr (MIT licence).

Each novel is divided: nine tenths to train on, then a twentieth to choose on and a twentieth to test on.
"""

from __future__ import annotations

from lib.data.files import fetched_text, folder

SHA256 = {"austen.txt": "786d5afb97c2598b063c52bca764c2c5b04aab6cd660affd9925bc6b6636f72b"}
"""The file and what it must be; also part of what a run records of itself."""

OPENINGS = (
    "EMMA\n",
    "MANSFIELD PARK\n",
    "NORTHANGER ABBEY\n",
    "Persuasion\n",
    "PRIDE AND PREJUDICE\n",
    "SENSE AND SENSIBILITY\n",
)
"""The first line of each novel, in order."""


def train() -> str:
    """The first nine tenths of each novel."""
    return "\n\n".join(_part(novel, 0.0, 0.9) for novel in novels())


def validation() -> str:
    """The twentieth of each novel on which learning rates and the like are chosen."""
    return "\n\n".join(_part(novel, 0.9, 0.95) for novel in novels())


def test() -> str:
    """The last twentieth of each novel, which is read once, at the end."""
    return "\n\n".join(_part(novel, 0.95, 1.0) for novel in novels())


def novels() -> tuple[str, ...]:
    """The six novels, whole."""
    text = fetched_text("Jane Austen", folder("austen") / "austen.txt", SHA256["austen.txt"])
    starts = [text.index(("\n" if place else "") + opening) for place, opening in enumerate(OPENINGS)]
    return tuple(
        text[start:end].strip("\n") + "\n" for start, end in zip(starts, [*starts[1:], len(text)], strict=True)
    )


def _part(novel: str, first: float, last: float) -> str:
    return novel[round(first * len(novel)) : round(last * len(novel))]
