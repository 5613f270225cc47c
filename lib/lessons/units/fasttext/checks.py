"""Exercises of the lesson on FastText, judged by the lab's own n-grams, jamo and skip-gram."""

from __future__ import annotations

from typing import Any

import numpy as np

from lib.lessons.checks import Hint, Learner, Relation, relation, same

WORDS = (("teapot", 3), ("cat", 4), ("해돋이", 2), ("on", 3), ("cat", 6))
"""Words and lengths of pieces; the last word is too short for a piece."""
SYLLABLES = "한글값가힣뷁"


def pieces(learner: Learner) -> Hint | None:
    """The n-grams of ``<word>``; a list, a tuple or a set will do."""
    for word, n in WORDS:
        answer = learner(word, n)
        if not isinstance(answer, list | tuple | set | frozenset) or not all(isinstance(one, str) for one in answer):
            return Hint("list")
        hint = _pieces_hint({*answer}, word, n)
        if hint is not None:
            return hint
    return None


def _runs(text: str, n: int) -> list[str]:
    return [text[i : i + n] for i in range(len(text) - n + 1)]


def _pieces_hint(answer: set[str], word: str, n: int) -> Hint | None:
    expected = _runs(f"<{word}>", n)
    if answer == {*expected}:
        return None
    example = {"word": word, "n": n}
    strange = sorted(piece for piece in answer if len(piece) != n)
    missing = next((piece for piece in expected if piece not in answer), "")
    if strange:
        return Hint("length", piece=strange[0], letters=len(strange[0]), **example)
    if answer and not any("<" in piece or ">" in piece for piece in answer):
        return Hint("marks", **example)
    if answer < {*expected}:
        key = "last" if answer == {*expected[:-1]} else "first" if answer == {*expected[1:]} else "overlap"
        return Hint(key, missing=missing, **example)
    return Hint("other", count=len(expected), **example)


def mean_vector(learner: Learner) -> Hint | None:
    """The mean of the vectors of four pieces of six: two are not in the table."""
    rng = np.random.default_rng(0)
    known = ["<ca", "cat", "at>", "<cat"]
    table = {piece: rng.normal(size=5) for piece in [*known, "dog", "og>"]}
    asked = ["<ca", "cat", "zzz", "at>", "<cat", "cat>"]
    answer = learner.array(asked, table, shape=(5,))
    expected = np.mean([table[piece] for piece in known], axis=0)
    if same(answer, expected):
        return None
    wrong = {"whole_table": list(table.values()), "stops": [table["<ca"], table["cat"]]}
    wrong |= {"only_one": [table["<ca"]]}
    for key, vectors in wrong.items():
        if same(answer, np.mean(vectors, axis=0)):
            return Hint(key)
    return _mean_hint(relation(answer, expected), len(known), len(asked))


def _mean_hint(difference: Relation | None, known: int, asked: int) -> Hint:
    """The right direction with another length, or something else."""
    if difference is None or difference.kind != "factor":
        return Hint("other", known=known, asked=asked)
    if same(difference.value, known):
        return Hint("sum", ratio=difference.value)
    if same(difference.value, known / asked):
        return Hint("all", known=known, asked=asked)
    return Hint("factor", ratio=difference.value)


def jamo_numbers(learner: Learner) -> Hint | None:
    """Unicode's arithmetic of syllables, section 3.12, as `lib.nlp.fasttext.jamo` has it."""
    from lib.nlp.fasttext.jamo import FINALS, INITIALS, VOWELS, split

    for syllable in SYLLABLES:
        answer = learner(syllable)
        if isinstance(answer, str) or not hasattr(answer, "__len__") or len(answer) != 3:
            return Hint("three")
        if any(isinstance(one, str) for one in answer):
            return Hint("letters")
        initial, vowel, final = split(syllable)
        expected = (INITIALS.index(initial), VOWELS.index(vowel), FINALS.index(final))
        hint = _jamo_hint([float(one) for one in answer], expected, syllable)
        if hint is not None:
            return hint
    return None


def _jamo_hint(answer: list[float], expected: tuple[int, int, int], syllable: str) -> Hint | None:
    if answer == [*expected]:
        return None
    code = ord(syllable)
    number = code - 0xAC00
    mistakes = {
        "offset": (code // 588, code // 28 % 21, code % 28),
        "finals": (number // 567, number // 27 % 21, number % 27),
        "vowel": (number // 588, number // 28, number % 28),
        "vowel_first": (number // 588, number % 21, number % 28),
    }
    values = {"syllable": syllable, "answer": ", ".join(f"{one:g}" for one in answer)}
    if any(one != int(one) for one in answer):
        return Hint("whole", **values)
    for key, wrong in mistakes.items():
        if answer == [*wrong]:
            return Hint(key, **values)
    if answer == [one + 1 for one in expected]:
        return Hint("from_one", **values)
    return Hint("order" if sorted(answer) == sorted(expected) else "other", **values)


def survivors(learner: Learner) -> Hint | None:
    """One letter of nine is another one: three of the nine pieces have it."""
    from lib.nlp.fasttext.jamo import spelled

    value = learner.value_number()
    before, after = ({*_runs(f"<{spelled(word)}>", 3)} for word in ("컴퓨터", "컴퓨처"))
    bare = [{*_runs(spelled(word), 3)} for word in ("컴퓨터", "컴퓨처")]
    if same(value, len(before & after)):
        return None
    for key, wrong in (
        ("lost", len(before - after)),
        ("all", len(before)),
        ("syllables", 1),
        ("marks", len(bare[0] & bare[1])),
        ("either", len(before | after)),
    ):
        if same(value, wrong):
            return Hint(key)
    return Hint("other")


def gradient_of_h(learner: Learner) -> Hint | None:
    """The lab's own loss, differentiated by torch: `negatives` times the mean over noise words is their sum."""
    import torch

    from lib.nlp.fasttext.subwords import skip_gram_loss

    rng = np.random.default_rng(0)
    h, near, noise = rng.normal(size=6), rng.normal(size=6), rng.normal(size=(4, 6))
    answer = learner.array(h, near, noise, shape=(6,))
    centre = torch.from_numpy(h[None]).requires_grad_()
    pair = torch.zeros(1, dtype=torch.int64), torch.from_numpy(near[None]), torch.from_numpy(noise)
    skip_gram_loss(centre, *pair, negatives=len(noise)).backward()
    if same(answer, np.asarray(centre.grad)[0]):
        return None
    for key, wrong in _gradients_of_mistakes(h, near, noise).items():
        if same(answer, wrong):
            return Hint(key)
    difference = relation(answer, np.asarray(centre.grad)[0])
    factor = difference is not None and difference.kind == "factor"
    return Hint("factor", ratio=difference.value) if difference is not None and factor else Hint("other")


def _gradients_of_mistakes(h: np.ndarray, near: np.ndarray, noise: np.ndarray) -> dict[str, np.ndarray]:
    """The result of each of the usual mistakes."""

    def sigmoid(x: Any) -> Any:
        return 1 / (1 + np.exp(-x))

    near_part = (sigmoid(h @ near) - 1) * near
    noise_part = sigmoid(noise @ h) @ noise
    return {
        "sign": -near_part - noise_part,
        "only_near": near_part,
        "only_noise": noise_part,
        "truth": sigmoid(h @ near) * near + noise_part,
        "noise_truth": near_part + (sigmoid(noise @ h) - 1) @ noise,
        "mean": near_part + noise_part / len(noise),
        "near_sign": -near_part + noise_part,
        "noise_sign": near_part - noise_part,
        "no_sigmoid": (h @ near - 1) * near + (noise @ h) @ noise,
        "no_vector": np.full_like(h, sigmoid(h @ near) - 1 + sigmoid(noise @ h).sum()),
        "by_u": (sigmoid(h @ near) - 1 + sigmoid(noise @ h).sum()) * h,
    }


EXERCISES = {
    "pieces": pieces,
    "mean_vector": mean_vector,
    "jamo_numbers": jamo_numbers,
    "survivors": survivors,
    "gradient_of_h": gradient_of_h,
}
