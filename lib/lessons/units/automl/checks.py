"""Exercises of the lesson on AutoML, judged by counting, by distributions, and by what each usual mistake gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from lib.lessons.checks import Hint, Learner, same
from lib.lessons.units.mistakes import hint_for

DRAWS = 300
"""Numbers drawn to see how they are spread: their mean is known to 0.02 of the range."""


def different_rates(learner: Learner) -> Hint | None:
    """Three with a grid of 3 x 3 x 3, and a new one in each of 27 trials by chance."""
    grid, random = learner.value_array(shape=(2,))
    if same([grid, random], [3, 27]):
        return None
    if same([grid, random], [27, 3]):
        return Hint("swapped")
    if not same(grid, 3):
        return Hint("all_trials" if same(grid, 27) else "square" if same(grid, 9) else "grid", grid=f"{grid:g}")
    return Hint("random_as_grid" if same(random, 3) else "random", random=f"{random:g}")


def log_uniform(learner: Learner) -> Hint | None:
    """Within the range, evenly spread in the logarithm, and drawn from the generator that is given."""
    low, high = 1e-4, 1e-1
    numbers = np.array([learner.number(low, high, np.random.default_rng(seed)) for seed in range(DRAWS)])
    again = learner.number(low, high, np.random.default_rng(0))
    if numbers[0] != again:
        return Hint("own_chance")
    if np.ptp(numbers) == 0:
        return Hint("always_the_same")
    if (numbers < 0).all():
        return Hint("logarithm", number=float(numbers[0]))
    if numbers.min() < low * 0.999 or numbers.max() > high * 1.001:
        return Hint("outside", smallest=float(numbers.min()), largest=float(numbers.max()))
    if len(np.unique(numbers.round(12))) < 20:
        return Hint("steps", count=len(np.unique(numbers.round(12))))
    return _spread((np.log(numbers) - np.log(low)) / np.log(high / low), numbers, low, high)


def _spread(places: np.ndarray, numbers: np.ndarray, low: float, high: float) -> Hint | None:
    """The spread of the numbers, by their places (n,) from 0 to 1 in the logarithm."""
    if abs(places.mean() - 0.5) < 0.07 and abs(places.std() - np.sqrt(1 / 12)) < 0.04:
        return None
    large = 100 * float(np.mean(numbers > 0.01))
    if abs(numbers.mean() - (low + high) / 2) < 0.1 * high:
        return Hint("uniform", large=large)
    return Hint("uneven", large=large)


Curve = list[float]


def should_stop(learner: Learner) -> Hint | None:
    """Below the median of the earlier trials that got as far; equal is not below."""
    cases = _cases()
    answer = np.array([learner.number(curve, earlier) for curve, earlier in cases])
    if not set(np.unique(answer)) <= {0.0, 1.0}:
        return Hint("no_decision", number=float(answer[~np.isin(answer, (0, 1))][0]))

    def by(rule: Callable[[Curve, list[float], list[Curve]], Any]) -> np.ndarray:
        return np.array([float(rule(c, [e[len(c) - 1] for e in all_ if len(e) >= len(c)], all_)) for c, all_ in cases])

    expected = by(lambda c, there, _: c[-1] < np.median(there))
    mistakes = {
        "reversed": by(lambda c, there, _: c[-1] > np.median(there)),
        "reversed_equal": by(lambda c, there, _: c[-1] >= np.median(there)),
        "or_equal": by(lambda c, there, _: c[-1] <= np.median(there)),
        "mean": by(lambda c, there, _: c[-1] < np.mean(there)),
        "best": by(lambda c, there, _: c[-1] < max(there)),
        "worst": by(lambda c, there, _: c[-1] < min(there)),
        "final": by(lambda c, _, earlier: c[-1] < np.median([e[-1] for e in earlier])),
        "first": by(lambda c, _, earlier: c[-1] < np.median([e[0] for e in earlier])),
        "short_too": by(lambda c, _, earlier: c[-1] < np.median([e[: len(c)][-1] for e in earlier])),
        "own_best": by(lambda c, there, _: max(c) < np.median(there)),
        "all_values": by(lambda c, _, earlier: c[-1] < np.median(np.concatenate(earlier))),
        "own_first": by(lambda c, there, _: c[0] < np.median(there)),
    }
    return hint_for(answer, expected, mistakes)


def _cases() -> list[tuple[Curve, list[Curve]]]:
    """Trials in progress with the trials before them, of which some were stopped early; also values that are equal."""
    rng = np.random.default_rng(5)
    cases = []
    for number in range(80):
        epochs = int(rng.integers(1, 5))
        rise = np.linspace(0, 0.3, 5)
        earlier = [
            (rng.uniform(0.2, 0.5) + rise + rng.normal(0, 0.05, 5))[: int(rng.integers(1, 6))].tolist()
            for _ in range(int(rng.integers(3, 8)))
        ]
        earlier.append((rng.exponential(0.1) + 0.2 + rise).tolist())
        curve = (rng.uniform(0.2, 0.6) + rise[:epochs] + rng.normal(0, 0.1, epochs)).tolist()
        if number % 8 == 0:
            curve[-1] = float(np.median([each[epochs - 1] for each in earlier if len(each) >= epochs]))
        cases.append((curve, earlier))
    return cases


def winner_luck(learner: Learner) -> Hint | None:
    """The mean of the largest of n normal numbers: 0.564, 1.766 and 2.508 deviations for n = 2, 16, 100."""
    settings = ((2, 1.0), (16, 0.01), (100, 0.5))
    found = np.array([[learner.number(n, s, np.random.default_rng(seed)) for n, s in settings] for seed in range(8)])
    if not np.array_equal(found[0], [learner.number(n, s, np.random.default_rng(0)) for n, s in settings]):
        return Hint("own_chance")
    if not np.ptp(found, axis=0).any():
        return Hint("always_the_same")
    spreads = np.array([spread for _, spread in settings])
    scaled = found.mean(axis=0) / spreads
    if abs(scaled[0]) > 2.5:
        return Hint("over_repeats")
    if float(found[:, 0].std()) > 0.1:  # of the first setting, whose noise has the deviation 1
        return Hint("few_repeats")
    return _luck(scaled, spreads)


def _luck(scaled: np.ndarray, spreads: np.ndarray) -> Hint | None:
    """Compare the luck, in deviations, with what the usual mistakes give."""
    rng = np.random.default_rng(0)
    noise = [rng.normal(size=(4_000, n)) for n in (2, 16, 100)]
    right = np.array([each.max(axis=1).mean() for each in noise])
    if not (np.abs(scaled) > 0.1).any():
        return Hint("mean")
    mistakes = {
        "sign": -right,
        "no_spread": right / spreads,
        "variance": right * np.sqrt(1 / spreads),
        "square": right * spreads,
        "span": 2 * right,
        "absolute": np.array([np.abs(each).max(axis=1).mean() for each in noise]),
        "deviation": np.array([each.std(axis=1).mean() for each in noise]),
    }
    for key, wrong in mistakes.items():
        if np.allclose(scaled, wrong, rtol=0.08):
            return Hint(key)
    return None if np.allclose(scaled, right, rtol=0.08) else Hint("other")


def propose(learner: Learner) -> Hint | None:
    """The candidate with the largest ratio of the two densities, in several searches."""
    searches = [_search(seed) for seed in range(8)]
    answer = np.array([learner.number(*each) for each in searches])

    def chosen(score: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
        return np.array([c[score(_density(c, g, w), _density(c, b, w)).argmax()] for c, g, b, w in searches])

    ratios = [_density(c, g, w) / _density(c, b, w) for c, g, b, w in searches]
    mistakes = {
        "index": np.array([each.argmax() for each in ratios], float),
        "ratio": np.array([each.max() for each in ratios]),
        "only_good": chosen(lambda good, bad: good),
        "least_bad": chosen(lambda good, bad: -bad),
        "difference": chosen(lambda good, bad: good - bad),
        "inverse": chosen(lambda good, bad: bad / good),
        "product": chosen(lambda good, bad: good * bad),
        "most_bad": chosen(lambda good, bad: bad),
        "first": np.array([each[0][0] for each in searches]),
        "last": np.array([each[0][-1] for each in searches]),
        "nearest_mean": np.array([c[np.abs(c - g.mean()).argmin()] for c, g, _, _ in searches]),
    }
    return hint_for(answer, chosen(lambda good, bad: good / bad), mistakes)


def _density(points: np.ndarray, trials: np.ndarray, width: float) -> np.ndarray:
    """The mean of bells around the trials, at each point."""
    return np.asarray(np.exp(-((points[:, None] - trials) ** 2) / (2 * width**2)).mean(axis=1))


def _search(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    rng = np.random.default_rng(seed)
    return rng.random(24), rng.normal(0.6, 0.12, 4), rng.random(11), 0.15


EXERCISES = {
    "different_rates": different_rates,
    "log_uniform": log_uniform,
    "should_stop": should_stop,
    "winner_luck": winner_luck,
    "propose": propose,
}
