"""Hangul: a syllable is two or three letters (jamo), and is typed with two to five keys.

The Unicode standard, section 3.12: of the 11,172 syllables from U+AC00 on, syllable (i, v, f) has the number

    0xAC00 + (i * 21 + v) * 28 + f,      i of 19 initials, v of 21 vowels, f of 27 finals or none (0)

Two ways to write a word in letters:

- `spelled`: three letters a syllable, with a mark for "no final", as Park et al. 2018 do for n-grams: it can be
  undone without a guess, and an n-gram of three letters can be a syllable.
- `keystrokes`: what is typed on the usual keyboard (dubeolsik, KS X 5002), where a compound vowel or final is two
  keys. `typed` is what an input method makes of keys: so a typo in the keys becomes a typo in syllables.
"""

from __future__ import annotations

INITIALS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
VOWELS = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
NO_FINAL = "-"
FINALS = NO_FINAL + "ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"
FIRST, SYLLABLES = 0xAC00, 11_172
COMPOUNDS = {
    "ㅘ": "ㅗㅏ", "ㅙ": "ㅗㅐ", "ㅚ": "ㅗㅣ", "ㅝ": "ㅜㅓ", "ㅞ": "ㅜㅔ", "ㅟ": "ㅜㅣ", "ㅢ": "ㅡㅣ",
    "ㄳ": "ㄱㅅ", "ㄵ": "ㄴㅈ", "ㄶ": "ㄴㅎ", "ㄺ": "ㄹㄱ", "ㄻ": "ㄹㅁ", "ㄼ": "ㄹㅂ", "ㄽ": "ㄹㅅ", "ㄾ": "ㄹㅌ",
    "ㄿ": "ㄹㅍ", "ㅀ": "ㄹㅎ", "ㅄ": "ㅂㅅ",
}  # fmt: skip
_TOGETHER = {keys: letter for letter, keys in COMPOUNDS.items()}
_VOWELS, _FINALS = frozenset(VOWELS), frozenset(FINALS) - {NO_FINAL}
KEYBOARD = ("ㅂㅈㄷㄱㅅㅛㅕㅑㅐㅔ", "ㅁㄴㅇㄹㅎㅗㅓㅏㅣ", "ㅋㅌㅊㅍㅠㅜㅡ")
"""The keys without shift, in their rows."""


def is_syllable(letter: str) -> bool:
    """Return whether a letter is a composed syllable of Hangul."""
    return FIRST <= ord(letter) < FIRST + SYLLABLES


def split(syllable: str) -> tuple[str, str, str]:
    """Initial, vowel and final (or the mark for none) of a syllable."""
    number = ord(syllable) - FIRST
    return INITIALS[number // 588], VOWELS[number // 28 % 21], FINALS[number % 28]


def join(initial: str, vowel: str, final: str = NO_FINAL) -> str:
    """The syllable of three letters."""
    return chr(FIRST + (INITIALS.index(initial) * 21 + VOWELS.index(vowel)) * 28 + FINALS.index(final))


def spelled(word: str) -> str:
    """A word in letters, three for each syllable; what is no syllable stays as it is."""
    return "".join("".join(split(letter)) if is_syllable(letter) else letter for letter in word)


def unspelled(letters: str) -> str:
    """The word that `spelled` wrote in letters."""
    parts, at = [], 0
    while at < len(letters):
        three = letters[at : at + 3]
        whole = len(three) == 3 and three[0] in INITIALS and three[1] in VOWELS and three[2] in FINALS
        parts.append(join(*three) if whole else three[0])
        at += 3 if whole else 1
    return "".join(parts)


def keystrokes(word: str) -> str:
    """The keys, in order, that type a word; a doubled consonant (with shift) is one key."""
    letters = "".join("".join(split(each)).removesuffix(NO_FINAL) if is_syllable(each) else each for each in word)
    return "".join(COMPOUNDS.get(letter, letter) for letter in letters)


def typed(keys: str) -> str:
    """Return the text that an input method shows for these keys: the longest possible syllables, else single letters.

    A consonant after a vowel is its final, unless a vowel follows: then it begins the next syllable.
    """
    shown, at = [], 0
    while at < len(keys):
        vowel = _letter(keys, at + 1, _VOWELS)
        if keys[at] not in INITIALS or not vowel:
            shown.append(keys[at])
            at += 1
            continue
        initial, at = keys[at], at + 1 + len(COMPOUNDS.get(vowel, vowel))
        final = _letter(keys, at, _FINALS)
        if final in COMPOUNDS and _letter(keys, at + 2, _VOWELS):
            final = keys[at]
        elif final and final not in COMPOUNDS and _letter(keys, at + 1, _VOWELS):
            final = ""
        shown.append(join(initial, vowel, final or NO_FINAL))
        at += len(COMPOUNDS.get(final, final))
    return "".join(shown)


def _letter(keys: str, at: int, letters: frozenset[str]) -> str:
    """The letter of one or two keys at a place that is among `letters`, the longer if there is such, or nothing."""
    both = _TOGETHER.get(keys[at : at + 2], "")
    return next((letter for letter in (both, keys[at : at + 1]) if letter in letters), "")


def next_keys(key: str) -> str:
    """The letters on the keys beside a key of the same row; none for a letter that needs shift."""
    for row in KEYBOARD:
        if key in row:
            at = row.index(key)
            return row[max(at - 1, 0) : at] + row[at + 1 : at + 2]
    return ""
