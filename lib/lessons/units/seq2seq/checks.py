"""Exercises of the lesson on encoder-decoders, judged by the lab's own attention and by scripted decoders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lib.lessons.checks import Hint, Learner, same

START, END, LONGEST, MOST = 1, 0, 6, 40
STEPS, PLACES, WIDTH = 3, 5, 4


def _softmax(scores: np.ndarray, axis: int | None = 1) -> np.ndarray:
    raised = np.exp(scores - scores.max())
    return np.asarray(raised / raised.sum(axis=axis, keepdims=True))


def softmax(learner: Learner) -> Hint | None:
    """Each row sums to 1; scores of a thousand overflow nothing."""
    scores = np.random.default_rng(0).normal(size=(STEPS, PLACES))
    answer = learner.array(scores, shape=scores.shape)
    if not same(answer, _softmax(scores)):
        return _softmax_hint(answer, scores)
    large = np.array([[1000.0, 999.0, 0.0], [-1000.0, -1001.0, -999.0]])
    answer = np.asarray(learner(large), dtype=float)
    return None if same(answer, _softmax(large - large.max(axis=1, keepdims=True))) else Hint("large")


def _softmax_hint(answer: np.ndarray, scores: np.ndarray) -> Hint:
    shifted = scores - scores.max(axis=1, keepdims=True)
    raised = np.exp(scores)
    for key, wrong in {
        "axis": _softmax(scores, 0),
        "whole": _softmax(scores, None),
        "not_divided": np.exp(shifted),
        "not_divided_too": raised,
        "no_exp": scores / scores.sum(axis=1, keepdims=True),
        "no_exp_too": shifted / shifted.sum(axis=1, keepdims=True),
        "by_largest": raised / raised.max(axis=1, keepdims=True),
        "minus": _softmax(-scores),
        "log": np.log(_softmax(scores)),
        "base": _softmax(scores * np.log(2)),
    }.items():
        if same(answer, wrong):
            return Hint("not_divided" if key == "by_largest" else key.removesuffix("_too"))
    sums = answer.sum(axis=1)
    if np.allclose(answer.sum(axis=0), 1):
        return Hint("axis")
    return Hint("other", sum=float(sums[0]))


def attend(learner: Learner) -> Hint | None:
    """The lab's attention by dot products; the weights are judged before the contexts."""
    rng = np.random.default_rng(0)
    queries, keys = rng.normal(size=(STEPS, WIDTH)), rng.normal(size=(PLACES, WIDTH))
    answer = learner(queries, keys)
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        return Hint("pair")
    contexts, weights = (learner.as_array(each) for each in answer)
    if contexts.shape == (STEPS, PLACES) and weights.shape == (STEPS, WIDTH):
        return Hint("swapped")
    contexts, weights = learner.as_array(contexts, (STEPS, WIDTH)), learner.as_array(weights, (STEPS, PLACES))
    right_contexts, right_weights = _attention(queries, keys)
    if not same(weights, right_weights):
        return _weights_hint(weights, queries @ keys.T)
    if same(contexts, right_contexts):
        return None
    for key, wrong in {
        "uniform": np.broadcast_to(keys.mean(axis=0), contexts.shape),
        "hard": keys[weights.argmax(axis=1)],
        "scores": queries @ keys.T @ keys,
        "queries": queries,
        "added": right_contexts + queries,
        "averaged": right_contexts / PLACES,
    }.items():
        if same(contexts, wrong):
            return Hint(key)
    return Hint("other_contexts")


def _attention(queries: np.ndarray, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Contexts and weights by the lab's own functions."""
    import torch

    from lib.nlp.seq2seq import attention

    asked, there = torch.from_numpy(queries[None]), torch.from_numpy(keys[None])
    contexts, weights = attention.attend(attention.dot(asked, there), there)
    return contexts[0].numpy(), weights[0].numpy()


def _weights_hint(weights: np.ndarray, scores: np.ndarray) -> Hint:
    for key, wrong in {
        "axis": _softmax(scores, 0),
        "whole": _softmax(scores, None),
        "scaled": _softmax(scores / np.sqrt(WIDTH)),
        "no_softmax": scores,
        "not_divided": np.exp(scores),
        "uniform_weights": np.full_like(scores, 1 / PLACES),
        "hard_weights": np.eye(PLACES)[scores.argmax(axis=1)],
        "minus": _softmax(-scores),
        "no_exp": scores / scores.sum(axis=1, keepdims=True),
    }.items():
        if same(weights, wrong):
            return Hint(key)
    return Hint("axis" if np.allclose(weights.sum(axis=0), 1) else "other_weights")


def teacher_input(learner: Learner) -> Hint | None:
    """The targets, moved back by one place, behind the start."""
    for target in ([5, 6, 7, 5, 0], [9, 0], [4, 4, 8, 0]):
        answer = learner(target, START)
        if not isinstance(answer, list | tuple | np.ndarray):
            return Hint("list")
        hint = _input_hint(learner.as_array(answer).tolist(), target)
        if hint is not None:
            return hint
    return None


def _input_hint(answer: list[float], target: list[int]) -> Hint | None:
    expected = [START, *target[:-1]]
    if answer == expected:
        return None
    mistakes: dict[str, Sequence[list[int]]] = {
        "wrapped": ([target[-1], *target[:-1]],),
        "looks": ([*target], [START, *target[1:]]),
        "future": ([*target[1:], START], [*target[1:], target[-1]], [*target[1:], 0], [START, *target[2:], 0]),
        "too_long": ([START, *target],),
        "no_start": (target[:-1], [*target[:-1], START], [target[0], *target[:-1]]),
        "two_back": ([START, START, *target[:-2]],),
        "reversed": (target[::-1], [START, *target[:-1][::-1]]),
    }
    for key, wrongs in mistakes.items():
        if answer in wrongs:
            return Hint(key)
    return Hint("length" if len(answer) != len(target) else "other", count=len(answer), wanted=len(target))


def scripted(symbols: Sequence[int]) -> tuple[Callable[[Any], np.ndarray], list[list[int]]]:
    """A decoder that writes what a script says, and the list of what it is shown.

    It is a function, as the frame copies other arguments. Its scores are below 0, as logarithms are; after very many
    calls it ends.
    """
    shown: list[list[int]] = []

    def scores_after(written: Any) -> np.ndarray:
        seen = [int(symbol) for symbol in np.asarray(written).reshape(-1)]
        shown.append(seen)
        place = min(max(len(seen) - 1, 0), len(symbols) - 1)
        scores = -5.0 + np.cos(np.arange(10) + len(seen))
        scores[END if len(shown) > MOST else symbols[place]] = -1.0
        return np.asarray(scores)

    return scores_after, shown


def greedy(learner: Learner) -> Hint | None:
    """Scripts that end, at once or later, and one that never does."""
    for script, expected in (([7, 3, 3, 5, END], [7, 3, 3, 5]), ([2, 8], [2, 8, 8, 8, 8, 8]), ([END], [])):
        scores_after, shown = scripted(script)
        answer = learner(scores_after, START, END, LONGEST)
        if not isinstance(answer, list | tuple | np.ndarray):
            return Hint("list")
        symbols = [int(symbol) for symbol in learner.as_array(answer).reshape(-1)] if len(answer) else []
        beginnings = [[START, *expected[:n]] for n in range(len(expected))]
        if symbols != expected or shown[: len(expected)] != beginnings:
            least = int(np.argmin(scripted(script)[0]([START])))
            return _greedy_hint(symbols, expected, shown, least)
    return None


def _greedy_hint(answer: list[int], expected: list[int], shown: list[list[int]], least: int) -> Hint:
    several = len(shown) > 1
    properties = {
        "only_start": several and all(seen == [START] for seen in shown),
        "only_last": several and all(len(seen) == 1 for seen in shown),
        "no_start": any(seen[:1] != [START] for seen in shown),
        "start_kept": answer[:1] == [START],
        "goes_on": END in answer[:-1],
        "end_kept": answer[-1:] == [END],
        "least": answer[:1] == [least],
        "short": answer == expected[: len(answer)],
        "long": answer[: len(expected)] == expected,
    }
    key = next((key for key, is_so in properties.items() if is_so), "other")
    return Hint(key, count=len(answer), longest=LONGEST)


def all_right(learner: Learner) -> Hint | None:
    """0.95 to the power of 10."""
    value = learner.value_number()
    if same(value, 0.95**10, relative=0.005):
        return None
    for key, wrong in {
        "single": 0.95,
        "subtracted": 1 - 0.05 * 10,
        "percent": 100 * 0.95**10,
        "percent_too": 60.0,
        "some_wrong": 1 - 0.95**10,
        "all_wrong": 0.05**10,
        "any_right": 1 - 0.05**10,
        "times": 0.95 * 10,
        "divided": 0.95 / 10,
    }.items():
        if same(value, wrong, relative=0.005):
            return Hint(key.removesuffix("_too"))
    return Hint("other", value=value)


EXERCISES = {
    "softmax": softmax,
    "attend": attend,
    "teacher_input": teacher_input,
    "greedy": greedy,
    "all_right": all_right,
}
