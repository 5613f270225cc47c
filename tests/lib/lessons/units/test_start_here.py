"""The first lesson: solutions pass in both languages, mistakes get their hints, the picture's verdict is right."""

from functools import partial

import numpy as np
import pytest
from matplotlib.figure import Figure

from lib.harness.contract.claim import Claim
from lib.harness.contract.results import Results
from lib.harness.contract.texts import LANGUAGES, Language
from lib.harness.judging.verdicts import judge
from lib.lessons.units.start_here import checks, explore
from tests.lib.lessons.support import answer, solution
from tests.lib.lessons.units.mistakes import cases

HEADS = {
    "weighted_sum": "def weighted_sum(x, w):",
    "accuracy": "def accuracy(answers, labels):",
    "verdict": "def verdict(low, high, at_least):",
}


def decide(holds: str, fails: str, words: str = "성립함, 성립하지 않음, 판단 불가") -> str:
    """The body of `verdict` with these two conditions."""
    yes, no, unknown = words.split(", ")
    return f'if {holds}:\n    return "{yes}"\nif {fails}:\n    return "{no}"\nreturn "{unknown}"'


ENGLISH = "holds, fails, inconclusive"
MISTAKES = {
    "weighted_sum": {
        "not_added": ("return x * w", "return [a * b for a, b in zip(x, w)]"),
        "added": ("return np.sum(x + w)", "return sum(x) + sum(w)"),
        "first_only": ("for a, b in zip(x, w):\n    return a * b", "return x[0] * w[0]"),
        "last_only": (
            "total = 0\nfor a, b in zip(x, w):\n    total = a * b\nreturn total",
            "for i in range(len(x)):\n    s = x[i] * w[i]\nreturn s",
        ),
        "mean": ("return np.mean(x * w)", "return x @ w / len(x)"),
        "no_weights": ("return np.sum(x)", "return sum(x)"),
        "sums_multiplied": ("return x.sum() * w.sum()", "return sum(x) * sum(w)"),
        "without_first": ("return sum(x[i] * w[i] for i in range(1, len(x)))", "return np.sum((x * w)[1:])"),
        "without_last": ("return sum(x[i] * w[i] for i in range(len(x) - 1))", "return x[:-1] @ w[:-1]"),
        "printed": ("print(np.sum(x * w))", "s = x @ w\nprint('답:', s)"),
        "nothing": ("np.sum(x * w)", "total = x @ w"),
    },
    "accuracy": {
        "one_each": ("return answers == labels", "return [int(a == b) for a, b in zip(answers, labels)]"),
        "count": ("return np.sum(answers == labels)", "return sum(a == b for a, b in zip(answers, labels))"),
        "percent": ("return 100 * np.mean(answers == labels)", "return sum(answers == labels) / len(labels) * 100"),
        "errors": ("return np.mean(answers != labels)", "return 1 - np.mean(answers == labels)"),
        "all_or_nothing": (
            "return int((answers == labels).all())",
            "return 1.0 if list(answers) == list(labels) else 0.0",
        ),
        "difference": ("return np.mean(answers - labels)", "return (answers.sum() - labels.sum()) / len(labels)"),
        "any_order": (
            "return np.mean([a in labels for a in answers])",
            "return np.isin(answers, labels).sum() / len(answers)",
        ),
    },
    "verdict": {
        "middle": (
            decide("(low + high) / 2 >= at_least", "(low + high) / 2 < at_least"),
            decide("low + high >= 2 * at_least", "low + high < 2 * at_least", ENGLISH),
        ),
        "no_inconclusive": (
            decide("low >= at_least", "low < at_least"),
            'return "holds" if low >= at_least else "fails"',
        ),
        "too_generous": (
            decide("high >= at_least", "high < at_least"),
            'return "성립하지 않음" if high < at_least else "성립함"',
        ),
        "zero": (decide("low >= 0", "high < 0"), decide("not low < 0", "not high >= 0", ENGLISH)),
        "touching": (decide("low > at_least", "high < at_least"), decide("at_least < low", "at_least > high", ENGLISH)),
        "touching_below": (
            decide("low >= at_least", "high <= at_least"),
            decide("at_least <= low", "at_least >= high", ENGLISH),
        ),
        "swapped": (
            decide("high < at_least", "low >= at_least"),
            decide("low >= at_least", "high < at_least", "fails, holds, inconclusive"),
        ),
        "word": (
            decide("low >= at_least", "high < at_least", "예, 아니요, 모름"),
            "return low >= at_least",
        ),
    },
}


@pytest.mark.parametrize(("exercise", "key", "code"), cases(MISTAKES, HEADS))
def test_a_mistake_gets_its_hint(exercise: str, key: str, code: str) -> None:
    assert answer("start-here", exercise, code) == key


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("exercise", checks.EXERCISES)
def test_the_solution_passes(exercise: str, language: Language) -> None:
    code = f"import numpy as np\n{solution('00-start-here', exercise, language)}"
    assert answer("start-here", exercise, code) is None


def key(name: str, **fields: object) -> str:
    """Stand in for the texts: the key, and the verdict among its fields."""
    return f"{name} {fields['verdict']}" if "verdict" in fields else name


@pytest.mark.parametrize(
    ("seeds", "effect", "spread", "expected"),
    [(2, 0.6, 1.0, "inconclusive"), (40, 0.9, 1.0, "holds"), (40, -0.9, 1.0, "fails"), (10, 0.6, 0.1, "holds")],
)
def test_the_verdict_of_the_picture(seeds: int, effect: float, spread: float, expected: str) -> None:
    figure = Figure()
    explore.draw_interval(figure, key, seeds=seeds, effect=effect, spread=spread, boundary=0.0)
    assert figure.axes[0].get_title() == f"verdict {expected}"


@pytest.mark.parametrize("boundary", [-1.0, 0.0, 0.5])
def test_the_picture_decides_as_the_labs_do(boundary: float) -> None:
    for effect in np.arange(-1, 2, 0.25):
        claim = Claim("a/b", measure=partial(shifted, effect), at_least=boundary)
        record = judge(claim, Results([]), "lab")
        assert explore.decided(record["low"], record["high"], boundary) == record["verdict"]


def shifted(effect: float, results: Results) -> np.ndarray:
    """Eight seeds around an effect."""
    return effect + explore.deviations()[:8]
