"""Exercises of the lesson on functions and the three kinds of learning, judged by the lab's own functions."""

from __future__ import annotations

from typing import Any

import numpy as np

from lib.lessons.checks import Hint, Learner, same
from lib.lessons.units.mistakes import hint_for


def relu(learner: Learner) -> Hint | None:
    """The larger of 0 and each number."""
    x = np.random.default_rng(1).normal(0, 2, (4, 5))
    answer = learner.array(x, shape=x.shape)
    mistakes = {
        "absolute": np.abs(x),
        "minimum": np.minimum(x, 0),
        "mirrored": np.maximum(-x, 0),
        "step": x > 0,
        "clipped": np.clip(x, 0, 1),
        "unchanged": x,
    }
    hint = hint_for(answer, np.maximum(x, 0), mistakes)
    leaks = same(answer[x > 0], x[x > 0]) and (answer[x < 0] != 0).all()
    return Hint("leaks") if hint is not None and hint.key == "other" and leaks else hint


def network_by_hand(learner: Learner) -> Hint | None:
    """The network that the lab writes by hand, of two functions."""
    from lib.paradigms import approximation

    x = np.linspace(-1, 1, 61)
    for f, units in ((np.cos, 5), (_wave, 8)):
        knots = np.linspace(-1, 1, units + 1)
        expected = approximation.relu_network(approximation.written(knots, f(knots)), x[:, None])
        answer = learner.array(f, units, x, shape=x.shape)
        hint = hint_for(answer, expected, _wrong_bends(knots, f(knots), x))
        if hint is not None:
            return hint
    return None


def _wrong_bends(knots: np.ndarray, values: np.ndarray, x: np.ndarray) -> dict[str, np.ndarray]:
    """Results of mistakes at the changes of slope and at the neurons."""
    slopes = np.diff(values) / np.diff(knots)
    changes = np.diff(slopes, prepend=0)
    shifted = x[:, None] - knots[:-1]
    hidden, start = np.maximum(shifted, 0), values[0]
    return {
        "slopes": start + hidden @ slopes,
        "no_bend": start + shifted @ changes,
        "mirrored": start + np.maximum(-shifted, 0) @ changes,
        "not_moved": start + np.maximum(x, 0) * changes.sum(),
        "minus": start - hidden @ changes,
        "first_slope": start + hidden[:, 1:] @ changes[1:],
        "late": start + hidden @ np.diff(slopes, append=0),
        "other_way": start + np.maximum(x[:, None] + knots[:-1], 0) @ changes,
        "only_hidden": start + hidden.sum(axis=1),
        "values": start + hidden @ values[:-1],
    }


def k_means_step(learner: Learner) -> Hint | None:
    """One step of Lloyd's, compared with the lab's."""
    from lib.paradigms import k_means

    rng = np.random.default_rng(2)
    centres = np.array([[2.0, 1.5], [-1.5, 1.0], [1.0, -2.0]])
    points = rng.normal((0.3, 0.5), 1.6, (80, 2))
    expected = k_means.lloyd(points, centres, steps=1).centres
    value = learner(points, centres)
    if _has_empty_group(value, centres.shape):
        return Hint("empty_group")
    answer = learner.as_array(value, centres.shape)
    differences = points[:, None] - centres
    squares = (differences**2).sum(axis=2)
    nearest = squares.argmin(axis=1)
    sizes = np.bincount(nearest, minlength=len(centres))[:, None]
    mistakes = {
        "farthest": _means(points, squares.argmax(axis=1), centres),
        "sum": expected * sizes,
        "streets": _means(points, np.abs(differences).sum(axis=2).argmin(axis=1), centres),
        "one_number": _means(points, np.abs(differences[:, :, 0]).argmin(axis=1), centres),
        "everyone": np.tile(points.mean(axis=0), (len(centres), 1)),
        "still": centres,
        "by_all": expected * sizes / len(points),
        "median": np.array([np.median(points[nearest == k], axis=0) for k in range(len(centres))]),
        "member": np.array([points[nearest == k][0] for k in range(len(centres))]),
    }
    return hint_for(answer, expected, mistakes)


def _has_empty_group(value: Any, shape: tuple[int, ...]) -> bool:
    """Return whether a centre is the mean of no points, which is NaN."""
    try:
        centres = np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        return False
    return centres.shape == shape and bool(np.isnan(centres).all(axis=1).any())


def _means(points: np.ndarray, groups: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """The mean of each group (k, d); where it is empty, its centre."""
    return np.array(
        [points[groups == k].mean(axis=0) if (groups == k).any() else centre for k, centre in enumerate(centres)]
    )


def returns(learner: Learner) -> Hint | None:
    """The discounted returns, compared with the lab's."""
    from lib.paradigms import reinforce

    rewards, discount = np.array([1.0, 0.5, -2.0, 3.0, 4.0, 1.5]), 0.8
    expected = reinforce.returns_to_go(rewards, discount)
    answer = learner.array(list(rewards), discount, shape=rewards.shape)
    powers = discount ** np.arange(len(rewards))
    total = rewards[::-1].cumsum()[::-1]
    mistakes = {
        "past": reinforce.returns_to_go(rewards[::-1], discount)[::-1],
        "no_discount": total,
        "past_total": rewards.cumsum(),
        "only_now": rewards,
        "discounts_itself": discount * expected,
        "without_itself": expected - rewards,
        "later_only": (expected - rewards) / discount,
        "from_the_start": (powers * rewards)[::-1].cumsum()[::-1],
        "first": np.full(len(rewards), expected[0]),
        "mixed": reinforce.returns_to_go((1 - discount) * rewards, discount),
    }
    return hint_for(answer, expected, mistakes)


def nudge(learner: Learner) -> Hint | None:
    """The change of the scores after one pull, in several cases."""
    cases = [
        (np.array([0.2, 0.5, 0.3]), 1, 2.0, 1.5),
        (np.array([0.6, 0.1, 0.1, 0.2]), 0, 1.0, 3.0),
        (np.array([0.25, 0.75]), 1, -1.0, 0.5),
    ]
    parts = []
    for p, action, reward, usual in cases:
        pulled = np.zeros(len(p))
        pulled[action] = 1
        better, direction = reward - usual, pulled - p
        wrong = {
            "no_usual": reward * direction,
            "only_pulled": better * pulled,
            "no_reward": direction,
            "plus_usual": (reward + usual) * direction,
            "only_p": better * p,
            "others": better * (1 - pulled - p),
            "added": better * (pulled + p),
            "times_p": better * pulled * p,
            "one_minus": better * (1 - p),
        }
        answer = learner.array(p, action, reward, usual, shape=p.shape)
        parts.append((answer, better * direction, wrong))
    answers, expected = (np.concatenate([part[place] for part in parts]) for place in (0, 1))
    mistakes = {key: np.concatenate([part[2][key] for part in parts]) for key in parts[0][2]}
    return hint_for(answers, expected, mistakes)


def _wave(x: np.ndarray) -> np.ndarray:
    return np.asarray(x + 0.6 * np.sin(3 * np.pi * x))


EXERCISES = {
    "relu": relu,
    "network_by_hand": network_by_hand,
    "k_means_step": k_means_step,
    "returns": returns,
    "nudge": nudge,
}
