"""The lesson on AutoML: mistakes get their hints, solutions pass, and the three searches do what their names say."""

import numpy as np
import pytest

from lib.lessons.units.automl.explore import MOST, accuracy, best_so_far, path
from tests.lib.lessons.support import answer, solution, still
from tests.lib.lessons.units.mistakes import cases

HEADS = {
    "log_uniform": "def log_uniform(low, high, rng):",
    "should_stop": "import statistics\n\ndef should_stop(curve, earlier):",
    "winner_luck": "def winner_luck(trials, spread, rng):",
    "propose": "def density(c, trials, width):\n    return np.exp(-((c - trials) ** 2) / (2 * width**2)).mean()\n\n"
    "def propose(candidates, good, bad, width):",
}


def stop(there: str, decision: str) -> str:
    """The body of `should_stop`: the values that are compared, and how."""
    return f"epoch = len(curve) - 1\nthere = [{there}]\nreturn {decision}"


HERE = "e[epoch] for e in earlier if len(e) > epoch"
SAME = "e[len(curve) - 1] for e in earlier if len(e) >= len(curve)"
BELOW, UNDER = "curve[epoch] < np.median(there)", "bool(statistics.median(there) > curve[-1])"


def looped(test: str, kept: str = "best, most = c, r", end: str = "return best") -> str:
    """The body of `propose` with this ratio `r`."""
    return (
        "best, most = None, -np.inf\nfor c in candidates:\n"
        f"    g, b = density(c, good, width), density(c, bad, width)\n    r = {test}\n"
        f"    if r > most:\n        {kept}\n{end}"
    )


def ranked(score: str, end: str = "candidates[np.argmax(scores)]") -> str:
    """The same without a loop."""
    return (
        "def d(t):\n    return np.array([density(c, t, width) for c in candidates])\n"
        f"g, b = d(good), d(bad)\nscores = {score}\nreturn {end}"
    )


DRAW = "noise = rng.normal(0, spread, (10_000, trials))\n"
SLOW = (
    "results = []\nfor _ in range(3_000):\n    noise = spread * rng.normal(size=trials)\n"
    "    results.append({})\nreturn np.mean(results)"
)
MISTAKES = {
    "different_rates": {
        "swapped": ("(27, 3)", "[3**3, 3]"),
        "all_trials": ("(27, 27)", "np.full(2, 27)"),
        "square": ("(9, 27)", "(27 / 3, 27)"),
        "random_as_grid": ("(3, 3)", "[27 ** (1 / 3)] * 2"),
        "random": ("(3, 9)", "[3, 27 / 3]"),
        "grid": ("(6, 27)", "(13.5, 27)"),
    },
    "log_uniform": {
        "uniform": ("return rng.uniform(low, high)", "return low + (high - low) * rng.random()"),
        "logarithm": (
            "return rng.uniform(np.log(low), np.log(high))",
            "return np.log10(low) + rng.random() * np.log10(high / low)",
        ),
        "outside": (
            "return 10 ** rng.uniform(np.log(low), np.log(high))",
            "return np.exp(rng.uniform(np.log10(low), np.log10(high)))",
        ),
        "steps": (
            "return 10.0 ** rng.integers(np.log10(low), np.log10(high) + 1)",
            "return rng.choice([1e-4, 1e-3, 1e-2, 1e-1])",
        ),
        "uneven": (
            "return low + (high - low) * rng.random() ** 3",
            "return rng.uniform(np.sqrt(low), np.sqrt(high)) ** 2",
        ),
        "own_chance": (
            "return np.exp(np.random.uniform(np.log(low), np.log(high)))",
            "return low * (high / low) ** np.random.rand()",
        ),
        "always_the_same": (
            "return np.exp(np.random.default_rng(0).uniform(np.log(low), np.log(high)))",
            "return np.sqrt(low * high)",
        ),
    },
    "should_stop": {
        "reversed": (stop(HERE, "curve[epoch] > np.median(there)"), stop(SAME, "statistics.median(there) < curve[-1]")),
        "reversed_equal": (stop(HERE, "curve[epoch] >= np.median(there)"), stop(SAME, f"not {UNDER}")),
        "or_equal": (stop(HERE, "curve[epoch] <= np.median(there)"), stop(SAME, "not curve[-1] > np.median(there)")),
        "mean": (stop(HERE, "curve[epoch] < np.mean(there)"), stop(SAME, "curve[-1] < sum(there) / len(there)")),
        "best": (stop(HERE, "curve[epoch] < max(there)"), stop(SAME, "curve[-1] < sorted(there)[-1]")),
        "worst": (stop(HERE, "curve[epoch] < min(there)"), stop(SAME, "all(curve[-1] < t for t in there)")),
        "final": (stop("e[-1] for e in earlier", BELOW), stop("e[len(e) - 1] for e in earlier", UNDER)),
        "first": (
            stop("e[0] for e in earlier", BELOW),
            "return curve[-1] < np.median([next(iter(e)) for e in earlier])",
        ),
        "short_too": (
            stop("e[min(epoch, len(e) - 1)] for e in earlier", BELOW),
            stop("e[: len(curve)][-1] for e in earlier", UNDER),
        ),
        "own_best": (stop(HERE, "max(curve) < np.median(there)"), stop(SAME, "np.median(there) > np.max(curve)")),
        "own_first": (stop(HERE, "curve[0] < np.median(there)"), stop(SAME, "statistics.median(there) > curve[0]")),
        "all_values": (
            stop("v for e in earlier for v in e", BELOW),
            "return curve[-1] < np.median(np.concatenate(earlier))",
        ),
        "no_decision": (stop(HERE, "np.median(there)"), stop(SAME, "curve[-1] - np.median(there)")),
    },
    "winner_luck": {
        "mean": (DRAW + "return noise.mean()", SLOW.format("noise.mean()")),
        "over_repeats": (DRAW + "return noise.max()", DRAW + "return noise.max(axis=0).mean()"),
        "few_repeats": (
            "return rng.normal(0, spread, trials).max()",
            "return np.mean([max(rng.normal(0, spread, trials)) for _ in range(3)])",
        ),
        "no_spread": (
            "return rng.normal(size=(10_000, trials)).max(axis=1).mean()",
            "return np.mean([rng.standard_normal(trials).max() for _ in range(3_000)])",
        ),
        "square": (
            "return rng.normal(0, spread**2, (10_000, trials)).max(axis=1).mean()",
            SLOW.format("spread * noise.max()"),
        ),
        "variance": (
            "return rng.normal(0, np.sqrt(spread), (10_000, trials)).max(axis=1).mean()",
            SLOW.format("noise.max() / spread**0.5"),
        ),
        "span": (DRAW + "return (noise.max(axis=1) - noise.min(axis=1)).mean()", SLOW.format("np.ptp(noise)")),
        "sign": (DRAW + "return noise.min(axis=1).mean()", SLOW.format("min(noise)")),
        "absolute": (DRAW + "return abs(noise).max(axis=1).mean()", SLOW.format("max(noise.max(), -noise.min())")),
        "deviation": (DRAW + "return noise.std(axis=1).mean()", SLOW.format("np.sqrt(noise.var())")),
        "own_chance": (
            "return np.random.normal(0, spread, (10_000, trials)).max(axis=1).mean()",
            "return np.random.default_rng().normal(0, spread, (10_000, trials)).max(axis=1).mean()",
        ),
        "always_the_same": (
            "return np.random.default_rng(0).normal(0, spread, (10_000, trials)).max(axis=1).mean()",
            "return spread * np.sqrt(2 * np.log(trials))",
        ),
    },
    "propose": {
        "index": (ranked("g / b", "np.argmax(scores)"), looped("g / b", end="return list(candidates).index(best)")),
        "ratio": (ranked("g / b", "scores.max()"), looped("g / b", end="return most")),
        "only_good": (ranked("g"), looped("g")),
        "least_bad": (ranked("b", "candidates[np.argmin(scores)]"), looped("1 / b")),
        "most_bad": (ranked("b"), looped("b")),
        "difference": (ranked("g - b"), looped("g - b")),
        "inverse": (ranked("b / g"), looped("b / g")),
        "product": (ranked("g * b"), looped("b * g")),
        "first": ("return candidates[0]", looped("g / b", kept="best, most = c, np.inf")),
        "last": ("return candidates[-1]", looped("g / b", kept="best, most = c, -np.inf")),
        "nearest_mean": (
            "return candidates[np.abs(candidates - good.mean()).argmin()]",
            "return min(candidates, key=lambda c: abs(c - sum(good) / len(good)))",
        ),
    },
}


@pytest.mark.parametrize(("exercise", "key", "code"), cases(MISTAKES, HEADS))
def test_a_mistake_gets_its_hint(exercise: str, key: str, code: str) -> None:
    assert answer("automl", exercise, code) == key


@pytest.mark.parametrize("exercise", MISTAKES)
def test_the_solution_passes(exercise: str) -> None:
    assert answer("automl", exercise, solution("08-automl", exercise)) is None


@pytest.mark.parametrize(
    ("exercise", "body"),
    [
        ("log_uniform", "return low * (high / low) ** rng.random()"),
        ("log_uniform", "return 10 ** rng.uniform(np.log10(low), np.log10(high))"),
        ("should_stop", stop(SAME, UNDER)),
        ("winner_luck", SLOW.format("max(noise)")),
        ("propose", ranked("g / b")),
        ("propose", ranked("np.log(g) - np.log(b)")),
    ],
)
def test_other_ways_are_right(exercise: str, body: str) -> None:
    (_, _, code), _ = cases({exercise: {"right": (body, body)}}, HEADS)
    assert answer("automl", exercise, code) is None


def test_a_grid_tries_few_values_of_each_axis_and_chance_many() -> None:
    grid, chance = path("grid", 27, 3), path("random", 27, 3)
    assert (len(grid), len(np.unique(grid[:, 0])), len(np.unique(grid[:, 1]))) == (25, 5, 5)
    assert (len(chance), len(np.unique(chance[:, 0]))) == (27, 27)


def test_tpe_learns_where_the_ridge_is() -> None:
    """Its later places are higher than its first, which are by chance, and than those of a random search."""
    for seed in range(20):
        heights = accuracy(path("tpe", MOST, seed))
        assert heights[20:].mean() > accuracy(path("random", MOST, seed)).mean()
    means = {name: np.mean([best_so_far(name, seed)[24] for seed in range(20)]) for name in ("random", "tpe")}
    assert means["tpe"] > means["random"]


def test_more_trials_only_add_places() -> None:
    for method in ("random", "tpe"):
        assert path(method, 30, 4)[:12].tolist() == path(method, 12, 4).tolist()
        assert best_so_far(method, 4)[11] == pytest.approx(accuracy(path(method, 12, 4)).max())


@pytest.mark.parametrize("method", ["grid", "random", "tpe"])
def test_every_search_can_be_drawn(method: str) -> None:
    for trials in (4, MOST):
        assert still("automl", "search", method=method, trials=trials, seed=19).startswith(b"\x89PNG")
