"""Korean words: 98,741 of 2 to 8 syllables, from Debian's spelling dictionary hunspell-ko (MPL-1.1/GPL-2+/LGPL-2.1+).

Inflected forms among them. There are no labels, so there is no split.
"""

from __future__ import annotations

from lib.data.files import fetched_text, folder

SHA256 = {"words.txt": "89c87c0fcd9aaad90db40a4738e079aa5c022b285176e1e1e734ed05ae8ebb37"}
"""The file and what it must be; also part of what a run records of itself."""


def words() -> list[str]:
    """The words in Hangul (composed, NFC), sorted."""
    return fetched_text("Korean words", folder("korean-words") / "words.txt", SHA256["words.txt"]).split()
