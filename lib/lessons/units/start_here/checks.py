"""Exercises of the first lesson: a weighted sum, an accuracy, a verdict."""

from __future__ import annotations

import numpy as np

from lib.lessons.checks import Hint, Learner
from lib.lessons.units.mistakes import hint_for

HOLDS, FAILS, INCONCLUSIVE = 1.0, -1.0, 0.0
WORDS = {
    "성립함": HOLDS,
    "성립하지 않음": FAILS,
    "판단 불가": INCONCLUSIVE,
    "holds": HOLDS,
    "fails": FAILS,
    "inconclusive": INCONCLUSIVE,
}
"""The verdicts' words in both languages, which the lesson names."""


def weighted_sum(learner: Learner) -> Hint | None:
    """Products, added up, for several inputs."""
    rng = np.random.default_rng(1)
    cases = [(rng.normal(0, 3, n), rng.normal(0, 3, n)) for n in (2, 3, 3, 4, 5)]
    answers = [learner.array(x, w) for x, w in cases]
    if answers[1].shape == (3,):
        return Hint("not_added" if np.allclose(answers[1], cases[1][0] * cases[1][1]) else "several")
    answer = np.array([learner.as_number(each) for each in answers])
    mistakes = {
        "added": [x.sum() + w.sum() for x, w in cases],
        "mean": [np.mean(x * w) for x, w in cases],
        "first_only": [x[0] * w[0] for x, w in cases],
        "last_only": [x[-1] * w[-1] for x, w in cases],
        "without_first": [np.sum(x[1:] * w[1:]) for x, w in cases],
        "without_last": [np.sum(x[:-1] * w[:-1]) for x, w in cases],
        "no_weights": [x.sum() for x, _ in cases],
        "only_weights": [w.sum() for _, w in cases],
        "sums_multiplied": [x.sum() * w.sum() for x, w in cases],
        "all_multiplied": [np.prod(x * w) for x, w in cases],
        "largest": [np.max(x * w) for x, w in cases],
    }
    return hint_for(answer, np.array([x @ w for x, w in cases]), mistakes)


def accuracy(learner: Learner) -> Hint | None:
    """The share of places where two arrays agree, compared with the labs' own."""
    from lib.models import evaluation

    rng = np.random.default_rng(2)
    cases = []
    for n in (4, 10, 25, 8):
        labels = rng.integers(0, 4, n)
        cases.append((np.where(rng.random(n) < 0.6, labels, rng.integers(0, 4, n)), labels))
    answers = [learner.array(each, labels) for each, labels in cases]
    if answers[0].shape == (4,):
        return Hint("one_each")
    answer = np.array([learner.as_number(each) for each in answers])
    right = np.array([evaluation.accuracy(np.eye(4)[each], labels) for each, labels in cases])
    sizes = np.array([len(labels) for _, labels in cases])
    mistakes = {
        "count": right * sizes,
        "percent": 100 * right,
        "errors": 1 - right,
        "count_of_errors": (1 - right) * sizes,
        "difference": [np.mean(each - labels) for each, labels in cases],
        "distance": [np.mean(np.abs(each - labels)) for each, labels in cases],
        "all_or_nothing": [np.array_equal(each, labels) for each, labels in cases],
        "any_order": [np.mean(np.isin(each, labels)) for each, labels in cases],
        "first_only": [each[0] == labels[0] for each, labels in cases],
        "whole_numbers": [int(share) for share in right],
    }
    return hint_for(answer, right, mistakes)


def verdict(learner: Learner) -> Hint | None:
    """Verdicts of intervals on both sides of a boundary, on it, and touching it; judged as the labs' claims are."""
    around_zero = [(1, 2, 0), (-2, -1, 0), (-1, 1, 0), (0, 1, 0), (-1, 0, 0), (-3, 1, 0), (-1, 3, 0)]
    elsewhere = [(3, 4, 2), (0.5, 1.5, 2), (1, 4, 2), (2, 2.5, 2), (-3, -1, -2), (-1, 1, -2), (-4, -3, -2)]
    bounds = np.array([*around_zero, *elsewhere], float)
    words = [learner(low, high, at_least) for low, high, at_least in bounds.tolist()]
    unknown = [word for word in words if _number(word) is None]
    if unknown:
        return Hint("word", word=str(unknown[0])[:40])
    answer = np.array([_number(word) for word in words], float)
    low, high, limit = bounds.T
    expected = _verdicts(low >= limit, high < limit)
    mistakes = {
        "middle": _verdicts(low + high >= 2 * limit, low + high < 2 * limit),
        "no_inconclusive": _verdicts(low >= limit, low < limit),
        "too_generous": _verdicts(high >= limit, high < limit),
        "swapped": -expected,
        "zero": _verdicts(low >= 0, high < 0),
        "touching": _verdicts(low > limit, high < limit),
        "touching_below": _verdicts(low >= limit, high <= limit),
        "touching_both": _verdicts(low > limit, high <= limit),
        "ends_swapped": _verdicts(high >= limit, low < limit),
    }
    return hint_for(answer, expected, mistakes)


def _verdicts(holds: np.ndarray, fails: np.ndarray) -> np.ndarray:
    """Verdicts as numbers, where the first of two questions decides first."""
    return np.where(holds, HOLDS, np.where(fails, FAILS, INCONCLUSIVE))


def _number(word: object) -> float | None:
    """A verdict's word as a number; None for another word."""
    return WORDS.get(word.strip()) if isinstance(word, str) else None


EXERCISES = {
    "weighted_sum": weighted_sum,
    "accuracy": accuracy,
    "verdict": verdict,
}
