"""The exercises on encoder-decoders: a mistake written in two ways gets the same hint; solutions pass."""

from __future__ import annotations

import numpy as np
import pytest

from tests.lib.lessons.support import answer, solution
from tests.lib.lessons.units.mistakes import cases, spellings

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
# softmax: minus
def softmax(scores):
    raised = np.exp(-scores)
    return raised / raised.sum(axis=1, keepdims=True)
# softmax: shape
def softmax(scores):
    return np.exp(scores[0]) / np.exp(scores[0]).sum()
# softmax: exception
def softmax(scores):
    raised = np.exp(scores - scores.max(axis=1))
    return raised / raised.sum(axis=1)
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
# attend: hard
def attend(queries, keys):
    weights = softmax(queries @ keys.T)
    return keys[np.argmax(weights, axis=1)], weights
# attend: scores
def attend(queries, keys):
    scores = queries @ keys.T
    return scores @ keys, softmax(scores)
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
# all_right: times
all_right = 0.95 * 10
# all_right: all_wrong
all_right = (1 - 0.95) ** 10
"""
BEFORE = """
def softmax(scores):
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)
"""


@pytest.mark.parametrize(("exercise", "key", "code"), cases(MISTAKES))
def test_a_mistake_gets_its_hint(exercise: str, key: str, code: str) -> None:
    assert answer(UNIT, exercise, BEFORE + code) == key


def test_three_mistakes_of_each_exercise_are_written_in_two_ways() -> None:
    from lib.lessons.units.seq2seq.checks import EXERCISES

    written = spellings(MISTAKES)
    assert written.keys() == EXERCISES.keys()
    assert all(sum(count > 1 for count in hints.values()) >= 3 for hints in written.values())


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
