"""The exercises on FastText: typical mistakes, each written in two ways, get the same hint; solutions pass."""

from __future__ import annotations

import pytest

from tests.lib.lessons.support import answer, solution
from tests.lib.lessons.units.mistakes import assert_every_hint_is_given, assert_three_are_spelled_twice, cases

UNIT, LESSON = "fasttext", "13-fasttext"

MISTAKES = """
# pieces: marks
def pieces(word, n):
    return [word[i : i + n] for i in range(len(word) - n + 1)]
# pieces: marks
def pieces(word, n):
    runs = set()
    for i in range(len(word)):
        if i + n <= len(word):
            runs.add(word[i : i + n])
    return runs
# pieces: last
def pieces(word, n):
    marked = "<" + word
    return [marked[i : i + n] for i in range(len(marked) - n + 1)]
# pieces: first
def pieces(word, n):
    marked = f"{word}>"
    return tuple(marked[i : i + n] for i in range(len(marked) - n + 1))
# pieces: last
def pieces(word, n):
    marked = f"<{word}>"
    return [marked[i : i + n] for i in range(len(marked) - n)]
# pieces: last
def pieces(word, n):
    marked, i, runs = f"<{word}>", 0, []
    while i + n < len(marked):
        runs.append(marked[i : i + n])
        i += 1
    return runs
# pieces: first
def pieces(word, n):
    marked = f"<{word}>"
    return [marked[i : i + n] for i in range(1, len(marked) - n + 1)]
# pieces: first
def pieces(word, n):
    marked = f"<{word}>"
    return [marked[i - n : i] for i in range(n + 1, len(marked) + 1)]
# pieces: length
def pieces(word, n):
    marked = f"<{word}>"
    return [marked[i : i + n] for i in range(len(marked))]
# pieces: length
def pieces(word, n):
    marked, runs = f"<{word}>", []
    while marked:
        runs.append(marked[:n])
        marked = marked[1:]
    return runs
# pieces: overlap
def pieces(word, n):
    marked = f"<{word}>"
    return [marked[i : i + n] for i in range(0, len(marked) - n + 1, n)]
# pieces: overlap
def pieces(word, n):
    marked, runs = f"<{word}>", []
    while len(marked) >= n:
        runs.append(marked[:n])
        marked = marked[n:]
    return runs
# pieces: list
def pieces(word, n):
    marked = f"<{word}>"
    return " ".join([marked[i : i + n] for i in range(len(marked) - n + 1)])
# pieces: list
def pieces(word, n):
    return len(word) + 3 - n
# pieces: nothing
def pieces(word, n):
    word = f"<{word}>"
# pieces: printed
def pieces(word, n):
    print(f"<{word}>"[:n])
# mean_vector: sum
def mean_vector(pieces, table):
    return sum(table[piece] for piece in pieces if piece in table)
# mean_vector: sum
def mean_vector(pieces, table):
    return np.sum([table[piece] for piece in set(pieces) & set(table)], axis=0)
# mean_vector: all
def mean_vector(pieces, table):
    return sum(table[piece] for piece in pieces if piece in table) / len(pieces)
# mean_vector: all
def mean_vector(pieces, table):
    return np.mean([table.get(piece, np.zeros(5)) for piece in pieces], axis=0)
# mean_vector: whole_table
def mean_vector(pieces, table):
    return np.mean([*table.values()], axis=0)
# mean_vector: whole_table
def mean_vector(pieces, table):
    return sum(table.values()) / len(table)
# mean_vector: stops
def mean_vector(pieces, table):
    known = []
    for piece in pieces:
        if piece not in table:
            break
        known.append(table[piece])
    return np.mean(known, axis=0)
# mean_vector: stops
def mean_vector(pieces, table):
    total, count = 0, 0
    for piece in pieces:
        if piece not in table:
            return total / count
        total, count = total + table[piece], count + 1
# mean_vector: only_one
def mean_vector(pieces, table):
    for piece in pieces:
        if piece in table:
            return table[piece]
# mean_vector: only_one
def mean_vector(pieces, table):
    return [table[piece] for piece in pieces if piece in table][0]
# mean_vector: exception
def mean_vector(pieces, table):
    return np.mean([table[piece] for piece in pieces], axis=0)
# mean_vector: shape
def mean_vector(pieces, table):
    return np.mean([table[piece] for piece in pieces if piece in table])
# jamo_numbers: offset
def jamo_numbers(syllable):
    number = ord(syllable)
    return number // 588, number // 28 % 21, number % 28
# jamo_numbers: offset
def jamo_numbers(syllable):
    rest, final = divmod(ord(syllable), 28)
    return rest // 21, rest % 21, final
# jamo_numbers: finals
def jamo_numbers(syllable):
    number = ord(syllable) - 0xAC00
    return number // (21 * 27), number // 27 % 21, number % 27
# jamo_numbers: finals
def jamo_numbers(syllable):
    rest, final = divmod(ord(syllable) - ord("가"), 27)
    return [rest // 21, rest % 21, final]
# jamo_numbers: vowel
def jamo_numbers(syllable):
    number = ord(syllable) - 0xAC00
    return number // 588, number // 28, number % 28
# jamo_numbers: vowel
def jamo_numbers(syllable):
    vowel, final = divmod(ord(syllable) - 44032, 28)
    return vowel // 21, vowel, final
# jamo_numbers: vowel_first
def jamo_numbers(syllable):
    number = ord(syllable) - 0xAC00
    return number // 588, number % 21, number % 28
# jamo_numbers: vowel_first
def jamo_numbers(syllable):
    number = ord(syllable) - ord("가")
    return np.array([number // 28 // 21, number - 21 * (number // 21), number % 28])
# jamo_numbers: order
def jamo_numbers(syllable):
    number = ord(syllable) - 0xAC00
    return number % 28, number // 28 % 21, number // 588
# jamo_numbers: order
def jamo_numbers(syllable):
    rest, final = divmod(ord(syllable) - 0xAC00, 28)
    initial, vowel = divmod(rest, 21)
    return [vowel, initial, final]
# jamo_numbers: whole
def jamo_numbers(syllable):
    number = ord(syllable) - 0xAC00
    return number / 588, number / 28 % 21, number % 28
# jamo_numbers: whole
def jamo_numbers(syllable):
    number = np.array(ord(syllable) - 44032)
    return np.array([number / 588, number / 28, number % 28])
# jamo_numbers: letters
def jamo_numbers(syllable):
    from lib.nlp.fasttext.jamo import split
    return split(syllable)
# jamo_numbers: letters
def jamo_numbers(syllable):
    import unicodedata
    return list((unicodedata.normalize("NFD", syllable) + "-")[:3])
# jamo_numbers: three
def jamo_numbers(syllable):
    number = ord(syllable) - 0xAC00
    return number // 588, number // 28 % 21
# jamo_numbers: three
def jamo_numbers(syllable):
    return ord(syllable) - 0xAC00
# jamo_numbers: from_one
def jamo_numbers(syllable):
    number = ord(syllable) - 0xAC00
    return number // 588 + 1, number // 28 % 21 + 1, number % 28 + 1
# survivors: lost
survivors = 3
# survivors: lost
survivors = len({"-ㅌㅓ", "ㅠ-ㅌ", "ㅌㅓ-"})
# survivors: all
survivors = 9
# survivors: all
survivors = len("<ㅋㅓㅁㅍㅠ-ㅌㅓ->") - 3 + 1
# survivors: syllables
survivors = 1
# survivors: syllables
survivors = len({"<컴퓨", "컴퓨터", "퓨터>"} & {"<컴퓨", "컴퓨처", "퓨처>"})
# survivors: marks
survivors = 4
# survivors: marks
survivors = sum("ㅌ" not in "ㅋㅓㅁㅍㅠ-ㅌㅓ-"[i : i + 3] for i in range(7))
# survivors: either
survivors = 12
# survivors: either
survivors = 6 + 3 + 3
# gradient_of_h: sign
def gradient_of_h(h, near, noise):
    return (1 - s(h @ near)) * near - s(noise @ h) @ noise
# gradient_of_h: sign
def gradient_of_h(h, near, noise):
    return -((s(near @ h) - 1) * near + sum(s(v @ h) * v for v in noise))
# gradient_of_h: only_near
def gradient_of_h(h, near, noise):
    return (s(h @ near) - 1) * near
# gradient_of_h: only_near
def gradient_of_h(h, near, noise):
    return -s(-near.dot(h)) * near
# gradient_of_h: only_noise
def gradient_of_h(h, near, noise):
    return s(noise @ h) @ noise
# gradient_of_h: only_noise
def gradient_of_h(h, near, noise):
    return sum(s(v @ h) * v for v in noise)
# gradient_of_h: truth
def gradient_of_h(h, near, noise):
    return s(h @ near) * near + s(noise @ h) @ noise
# gradient_of_h: truth
def gradient_of_h(h, near, noise):
    every = np.vstack([near, noise])
    return s(every @ h) @ every
# gradient_of_h: noise_truth
def gradient_of_h(h, near, noise):
    return (s(h @ near) - 1) * near + (s(noise @ h) - 1) @ noise
# gradient_of_h: noise_truth
def gradient_of_h(h, near, noise):
    every = np.vstack([near, noise])
    return -s(-(every @ h)) @ every
# gradient_of_h: mean
def gradient_of_h(h, near, noise):
    return (s(h @ near) - 1) * near + np.mean(s(noise @ h)[:, None] * noise, axis=0)
# gradient_of_h: mean
def gradient_of_h(h, near, noise):
    return (s(h @ near) - 1) * near + s(noise @ h) @ noise / len(noise)
# gradient_of_h: noise_sign
def gradient_of_h(h, near, noise):
    return (s(h @ near) - 1) * near - s(noise @ h) @ noise
# gradient_of_h: noise_sign
def gradient_of_h(h, near, noise):
    return (s(h @ near) - 1) * near - sum(s(v @ h) * v for v in noise)
# gradient_of_h: near_sign
def gradient_of_h(h, near, noise):
    return (1 - s(h @ near)) * near + s(noise @ h) @ noise
# gradient_of_h: near_sign
def gradient_of_h(h, near, noise):
    return s(-(h @ near)) * near + sum(s(v @ h) * v for v in noise)
# gradient_of_h: no_sigmoid
def gradient_of_h(h, near, noise):
    return (h @ near - 1) * near + (noise @ h) @ noise
# gradient_of_h: no_sigmoid
def gradient_of_h(h, near, noise):
    return (h @ near - 1) * near + sum((v @ h) * v for v in noise)
# gradient_of_h: by_u
def gradient_of_h(h, near, noise):
    return (s(h @ near) - 1) * h + s(noise @ h).sum() * h
# gradient_of_h: by_u
def gradient_of_h(h, near, noise):
    return (s(h @ near) - 1) * h + sum(s(v @ h) * h for v in noise)
# gradient_of_h: shape
def gradient_of_h(h, near, noise):
    return (s(h @ near) - 1) * near + s(noise @ h)[:, None] * noise
# gradient_of_h: factor
def gradient_of_h(h, near, noise):
    return 2 * ((s(h @ near) - 1) * near + s(noise @ h) @ noise)
# pieces: other
def pieces(word, n):
    return [">" * n]
# mean_vector: factor
def mean_vector(pieces, table):
    known = [table[piece] for piece in pieces if piece in table]
    return sum(known) / (len(known) - 1)
# mean_vector: other
def mean_vector(pieces, table):
    return np.max([table[piece] for piece in pieces if piece in table], axis=0)
# jamo_numbers: other
def jamo_numbers(syllable):
    return 1, 2, 3
# survivors: other
survivors = 5
# gradient_of_h: no_vector
def gradient_of_h(h, near, noise):
    return np.full(len(h), s(h @ near) - 1 + s(noise @ h).sum())
# gradient_of_h: other
def gradient_of_h(h, near, noise):
    return near
"""
SIGMOID = "s = lambda x: 1 / (1 + np.exp(-x))\n"


@pytest.mark.parametrize(("exercise", "key", "code"), cases(MISTAKES))
def test_a_mistake_gets_its_hint(exercise: str, key: str, code: str) -> None:
    assert answer(UNIT, exercise, SIGMOID + code) == key


def test_three_mistakes_of_each_exercise_are_written_in_two_ways() -> None:
    assert_three_are_spelled_twice(MISTAKES, "fasttext")


def test_every_hint_is_the_answer_to_a_mistake() -> None:
    assert_every_hint_is_given(cases(MISTAKES), "fasttext")


@pytest.mark.parametrize("exercise", ["pieces", "mean_vector", "jamo_numbers", "gradient_of_h"])
def test_a_solution_passes(exercise: str) -> None:
    assert answer(UNIT, exercise, solution(LESSON, exercise)) is None


def test_a_solution_that_uses_earlier_cells_passes() -> None:
    before = solution(LESSON, "pieces") + "\nfrom lib.nlp.fasttext.jamo import spelled\n"
    assert answer(UNIT, "survivors", before + solution(LESSON, "survivors")) is None


@pytest.mark.parametrize(
    ("word", "hangul", "meant"),
    [("컴퓨처", "jamo", "컴퓨터"), ("컴퓨처", "syllables", "컴퓨터"), ("goverment", "jamo", "government")],
)
def test_the_explorable_finds_the_intended_word(word: str, hangul: str, meant: str) -> None:
    from lib.lessons.units.fasttext.explore import nearest

    pieces, near = nearest(word, 3, hangul)
    assert near[0][0] == meant
    assert len(pieces) == len(set(pieces))
    assert all(0 < share <= 1 for _, share in near)


def test_a_word_of_the_dictionary_shares_all_pieces_with_itself() -> None:
    from lib.lessons.units.fasttext.explore import nearest

    assert nearest("학교", 3, "jamo")[1][0] == ("학교", 1.0)
    assert nearest("zzzqqq", 3, "jamo")[1] == []
