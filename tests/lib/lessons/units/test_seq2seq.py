"""The exercises on encoder-decoders: a mistake written in two ways gets the same hint; solutions pass."""

from __future__ import annotations

import numpy as np
import pytest

from tests.lib.lessons.support import answer, solution
from tests.lib.lessons.units.mistakes import assert_every_hint_is_given, assert_three_are_spelled_twice, cases, filled

UNIT, LESSON = "seq2seq", "14-seq2seq"

MISTAKES = """
# softmax: axis
def softmax(scores):
    raised = np.exp(scores - scores.max(axis=0))
    return raised / raised.sum(axis=0)
# softmax: axis
def softmax(scores):
    return np.array([np.exp(c) / np.exp(c).sum() for c in scores.T]).T
# softmax: whole
def softmax(scores):
    return np.exp(scores) / np.exp(scores).sum()
# softmax: whole
def softmax(scores):
    raised = np.exp(scores - np.max(scores))
    return raised / np.sum(raised)
# softmax: not_divided
def softmax(scores):
    return np.exp(scores)
# softmax: not_divided
def softmax(scores):
    return np.exp(scores - scores.max(axis=1, keepdims=True))
# softmax: large
def softmax(scores):
    return np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
# softmax: large
def softmax(scores):
    raised = np.exp(scores - scores.max())
    return raised / raised.sum(axis=1, keepdims=True)
# softmax: no_exp
def softmax(scores):
    return scores / scores.sum(axis=1, keepdims=True)
# softmax: no_exp
def softmax(scores):
    scores = scores - scores.max(axis=1, keepdims=True)
    return scores / scores.sum(axis=1)[:, None]
# attend: axis
def attend(queries, keys):
    raised = np.exp(queries @ keys.T)
    weights = raised / raised.sum(axis=0)
    return weights @ keys, weights
# attend: axis
def attend(queries, keys):
    weights = softmax(keys @ queries.T).T
    return weights @ keys, weights
# attend: no_softmax
def attend(queries, keys):
    weights = queries @ keys.T
    return weights @ keys, weights
# attend: no_softmax
def attend(queries, keys):
    scores = (keys @ queries.T).T
    return softmax(scores) @ keys, scores
# attend: scaled
def attend(queries, keys):
    weights = softmax(queries @ keys.T / np.sqrt(keys.shape[1]))
    return weights @ keys, weights
# attend: scaled
def attend(queries, keys):
    weights = softmax((queries / keys.shape[1] ** 0.5) @ keys.T)
    return weights @ keys, weights
# attend: swapped
def attend(queries, keys):
    weights = softmax(queries @ keys.T)
    return weights, weights @ keys
# attend: swapped
def attend(queries, keys):
    w = softmax(queries @ keys.T)
    return [w, np.dot(w, keys)]
# attend: uniform
def attend(queries, keys):
    weights = softmax(queries @ keys.T)
    return np.tile(keys.mean(axis=0), (len(queries), 1)), weights
# attend: uniform
def attend(queries, keys):
    weights = softmax(queries @ keys.T)
    return np.full(weights.shape, 1 / len(keys)) @ keys, weights
# attend: shape_swapped
def attend(queries, keys):
    weights = softmax(queries @ keys.T)
    return weights @ keys, weights.T
# attend: exception
def attend(queries, keys):
    weights = softmax(queries @ keys)
    return weights @ keys, weights
# attend: pair
def attend(queries, keys):
    return softmax(queries @ keys.T) @ keys
# teacher_input: looks
def teacher_input(target, start):
    return target
# teacher_input: looks
def teacher_input(target, start):
    return [start] + target[1:]
# teacher_input: future
def teacher_input(target, start):
    return target[1:] + [start]
# teacher_input: future
def teacher_input(target, start):
    return [target[min(i + 1, len(target) - 1)] for i in range(len(target))]
# teacher_input: too_long
def teacher_input(target, start):
    return [start] + target
# teacher_input: too_long
def teacher_input(target, start):
    before = list(target)
    before.insert(0, start)
    return before
# teacher_input: no_start
def teacher_input(target, start):
    return target[:-1]
# teacher_input: no_start
def teacher_input(target, start):
    return [target[max(i - 1, 0)] for i in range(len(target))]
# teacher_input: wrapped
def teacher_input(target, start):
    return np.roll(target, 1)
# teacher_input: wrapped
def teacher_input(target, start):
    return [target[i - 1] for i in range(len(target))]
# teacher_input: mutated
def teacher_input(target, start):
    target.insert(0, start)
    return target[:-1]
# greedy: end_kept
def greedy(scores_after, start, end, longest):
    written = [start]
    while written[-1] != end and len(written) <= longest:
        written.append(int(np.argmax(scores_after(written))))
    return written[1:]
# greedy: end_kept
def greedy(scores_after, start, end, longest):
    written = [start]
    for _ in range(longest):
        written.append(int(scores_after(written).argmax()))
        if written[-1] == end:
            return written[1:]
    return written[1:]
# greedy: start_kept
def greedy(scores_after, start, end, longest):
    written = [start]
    while len(written) <= longest:
        best = int(np.argmax(scores_after(written)))
        if best == end:
            break
        written.append(best)
    return written
# greedy: start_kept
def greedy(scores_after, start, end, longest):
    written = [start]
    for _ in range(longest):
        best = scores_after(written).argmax()
        if best == end:
            return written
        written += [best]
    return written
# greedy: only_last
def greedy(scores_after, start, end, longest):
    written, last = [], start
    while len(written) < longest:
        last = int(np.argmax(scores_after([last])))
        if last == end:
            break
        written.append(last)
    return written
# greedy: only_last
def greedy(scores_after, start, end, longest):
    written = [start]
    for _ in range(longest):
        best = int(np.argmax(scores_after(written[-1:])))
        if best == end:
            break
        written.append(best)
    return written[1:]
# greedy: only_start
def greedy(scores_after, start, end, longest):
    written = []
    for _ in range(longest):
        best = int(np.argmax(scores_after([start])))
        if best == end:
            break
        written.append(best)
    return written
# greedy: only_start
def greedy(scores_after, start, end, longest):
    written, answer = [start], []
    while len(answer) < longest:
        answer.append(int(np.argmax(scores_after(written))))
        if answer[-1] == end:
            return answer[:-1]
    return answer
# greedy: short
def greedy(scores_after, start, end, longest):
    written = [start]
    while len(written) < longest:
        best = int(np.argmax(scores_after(written)))
        if best == end:
            break
        written.append(best)
    return written[1:]
# greedy: short
def greedy(scores_after, start, end, longest):
    written = [start]
    for _ in range(longest - 1):
        best = int(np.argmax(scores_after(written)))
        if best == end:
            break
        written.append(best)
    return written[1:]
# greedy: long
def greedy(scores_after, start, end, longest):
    written = [start]
    while True:
        best = int(np.argmax(scores_after(written)))
        if best == end:
            return written[1:]
        written.append(best)
# greedy: long
def greedy(scores_after, start, end, longest):
    written = [start]
    while len(written) <= longest + 1:
        best = int(np.argmax(scores_after(written)))
        if best == end:
            break
        written.append(best)
    return written[1:]
# greedy: least
def greedy(scores_after, start, end, longest):
    written = [start]
    while len(written) <= longest:
        best = int(np.argmin(scores_after(written)))
        if best == end:
            break
        written.append(best)
    return written[1:]
# greedy: no_start
def greedy(scores_after, start, end, longest):
    written = []
    while len(written) < longest:
        best = int(np.argmax(scores_after(written)))
        if best == end:
            break
        written.append(best)
    return written
# all_right: single
all_right = 0.95
# all_right: single
all_right = 1 - 0.05
# all_right: subtracted
all_right = 1 - 10 * 0.05
# all_right: subtracted
all_right = 0.5
# all_right: some_wrong
all_right = 1 - 0.95**10
# all_right: some_wrong
all_right = 0.4013
# all_right: percent
all_right = 60
# all_right: percent
all_right = 100 * 0.95**10
"""
FORMULAS = {
    "softmax": (
        "def softmax(scores):\n    raised = np.exp(scores - scores.max(axis=1, keepdims=True))\n    return {}\n",
        {
            "minus": "1 / raised / (1 / raised).sum(axis=1, keepdims=True)",
            "log": "np.log(raised / raised.sum(axis=1, keepdims=True))",
            "base": "2**scores / (2**scores).sum(axis=1, keepdims=True)",
            "other": "raised / raised.sum(axis=1, keepdims=True) ** 2",
        },
    ),
    "attend": (
        "def attend(queries, keys):\n    scores = queries @ keys.T\n    weights = {}, weights\n",
        {
            "whole": "np.exp(scores) / np.exp(scores).sum()\n    return weights @ keys",
            "not_divided": "np.exp(scores)\n    return weights @ keys",
            "no_exp": "scores / scores.sum(axis=1, keepdims=True)\n    return weights @ keys",
            "uniform_weights": "np.full(scores.shape, 1 / len(keys))\n    return weights @ keys",
            "hard_weights": "np.eye(len(keys))[scores.argmax(axis=1)]\n    return weights @ keys",
            "minus": "softmax(-scores)\n    return weights @ keys",
            "other_weights": "softmax(scores**2)\n    return weights @ keys",
            "hard": "softmax(scores)\n    return keys[np.argmax(weights, axis=1)]",
            "scores": "softmax(scores)\n    return scores @ keys",
            "queries": "softmax(scores)\n    return queries",
            "added": "softmax(scores)\n    return weights @ keys + queries",
            "averaged": "softmax(scores)\n    return weights @ keys / len(keys)",
            "other_contexts": "softmax(scores)\n    return weights @ keys**2",
        },
    ),
    "teacher_input": (
        "def teacher_input(target, start):\n    return {}\n",
        {
            "list": "start",
            "two_back": "[start, start, *target[:-2]]",
            "reversed": "target[::-1]",
            "length": "[start]",
            "other": "[start] * len(target)",
        },
    ),
    "greedy": (
        "def greedy(scores_after, start, end, longest):\n    return {}\n",
        {
            "list": "len(written(scores_after, start, end, longest))",
            "goes_on": "written(scores_after, start, -1, longest)",
            "other": "written(scores_after, start, end, longest)[::-1]",
        },
    ),
    "all_right": (
        "all_right = {}\n",
        {
            "any_right": "1 - 0.05**10",
            "times": "9.5",
            "all_wrong": "0.05**10",
            "divided": "0.095",
            "other": "0.3",
        },
    ),
}
"""More mistakes, as what takes the place of {} in an answer, by hint."""
BEFORE = """
def softmax(scores):
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)

def written(scores_after, start, end, longest):
    symbols = [start]
    while len(symbols) <= longest and symbols[-1] != end:
        symbols.append(int(np.argmax(scores_after(symbols))))
    return [symbol for symbol in symbols[1:] if symbol != end]
"""


CASES = cases(MISTAKES) + filled(FORMULAS)


@pytest.mark.parametrize(("exercise", "key", "code"), CASES)
def test_a_mistake_gets_its_hint(exercise: str, key: str, code: str) -> None:
    assert answer(UNIT, exercise, BEFORE + code) == key


def test_three_mistakes_of_each_exercise_are_written_in_two_ways() -> None:
    assert_three_are_spelled_twice(MISTAKES, "seq2seq")


def test_every_hint_is_the_answer_to_a_mistake() -> None:
    assert_every_hint_is_given(CASES, "seq2seq")


@pytest.mark.parametrize("exercise", ["softmax", "attend", "teacher_input", "greedy", "all_right"])
def test_a_solution_passes(exercise: str) -> None:
    before = solution(LESSON, "softmax") if exercise == "attend" else ""
    assert answer(UNIT, exercise, before + solution(LESSON, exercise)) is None


def test_the_words_of_the_explorable_have_labels_for_every_sound() -> None:
    from lib.lessons.texts import of_unit
    from lib.lessons.units.seq2seq.explore import text

    texts = of_unit("lib.lessons.units.seq2seq")
    assert all(f"explore.attention.{sound}" in texts for sound in text().train.targets.symbols[3:])


@pytest.mark.slow
def test_the_explorable_s_network_looks_from_left_to_right() -> None:
    from lib.lessons.units.seq2seq.explore import network, text
    from lib.nlp.seq2seq.answers import attention_map

    part = text().train
    weights = attention_map(network(), tuple("laughter"), part.sources, part.targets, 20)["weights"]
    centres = weights @ np.arange(weights.shape[1])
    assert np.allclose(weights.sum(axis=1), 1, atol=1e-5)
    assert np.mean(np.diff(centres[:-1]) > 0) > 0.7
