"""Intervals against their closed forms, their coverage in simulation, and the p-values that belong to them."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest
from scipy import stats

from lib.harness.judging.intervals import (
    FEW,
    KINDS,
    NO_NUMBER,
    NOT_FINITE,
    SAME,
    TAIL,
    mean_interval,
    of_items,
    of_log_mean,
    of_mean,
    of_median,
)
from tests.lib.harness import claims_page
from tests.lib.harness.claims_page import DATA, SIZES, Data, simulated

INF = math.inf
DECIMAL = re.compile(r"\d+\.\d+")


@pytest.mark.parametrize("n", [2, 3, 5, 30])
@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
def test_the_mean_interval_is_students(n: int, confidence: float) -> None:
    """The closed form: mean +- t s / sqrt(n) (Student 1908)."""
    values = np.random.default_rng(n).lognormal(size=n)
    center, low, high = mean_interval(values, confidence)
    half = stats.t.ppf((1 + confidence) / 2, n - 1) * values.std(ddof=1) / math.sqrt(n)
    assert center == pytest.approx(values.mean(), rel=1e-14)
    assert [low, high] == pytest.approx([values.mean() - half, values.mean() + half], rel=1e-12)


def test_pictures_draw_equal_values_without_width() -> None:
    assert mean_interval(np.full(4, 2.0)) == (2.0, 2.0, 2.0)
    assert mean_interval(np.full(3, 0.1)) == pytest.approx((0.1, 0.1, 0.1), rel=1e-12)


def median_interval(values: Any, confidence: float = 0.95) -> tuple[float, float, float]:
    interval = of_median(np.asarray(values, dtype=float))
    return interval.center, *interval.ends((1 - confidence) / 2)


@pytest.mark.parametrize("n", [*range(1, 61), 100])
def test_the_median_interval_lies_between_those_of_the_sign_test(n: int) -> None:
    """Inside the order statistics that cover 95 % or more, and around the next ones, which cover less."""
    values = np.sort(np.random.default_rng(n).normal(size=n))
    _, low, high = median_interval(values)
    k = max((k for k in range(1, n // 2 + 1) if 2 * stats.binom.cdf(k - 1, n, 0.5) <= 0.05), default=0)
    if not k:
        assert (low, high) == (-INF, INF)
        return
    assert values[k - 1] <= low <= values[k]
    assert values[n - k - 1] <= high <= values[n - k]


def test_the_median_interval_is_hettmansperger_and_sheathers() -> None:
    """Their equation for every n up to 60, with the binomial of SciPy's other function; for n = 10 by hand."""
    for n in range(6, 61):
        k = max(k for k in range(1, n // 2 + 1) if 2 * stats.binom.cdf(k - 1, n, 0.5) <= 0.05)
        outer, next_ = (1 - 2 * stats.binom.cdf(each - 1, n, 0.5) for each in (k, k + 1))
        share = (outer - 0.95) / (outer - next_)
        inner = (n - k) * share / (k + (n - 2 * k) * share)
        values = np.sort(np.random.default_rng(n).exponential(size=n))
        low, high = (
            values[k - 1] + inner * (values[k] - values[k - 1]),
            values[-k] - inner * (values[-k] - values[-k - 1]),
        )
        assert median_interval(values)[1:] == pytest.approx((low, high), rel=1e-9), n
        if n == 10:
            assert (k, inner) == (2, pytest.approx(0.6576, abs=1e-4)), "95 % lies between 97.85 % and 89.06 %"


def test_too_few_values_say_nothing() -> None:
    assert mean_interval(np.array([3.0])) == (3.0, -INF, INF)
    for n in range(1, 6):
        assert median_interval(np.arange(n, dtype=float))[1:] == (-INF, INF)
    assert median_interval(np.arange(6.0)) == pytest.approx((2.5, 5 / 14, 5 - 5 / 14))
    for kind in ("mean", "log-mean", "items"):
        values = np.ones((1, 8)) if kind == "items" else np.array([3.0])
        assert KINDS[kind](values).ends() == (-INF, INF)
        assert KINDS[kind](values).p("above", 0.0) == 1


def test_censored_values_move_the_median_interval_only_where_they_are() -> None:
    center, low, high = median_interval([10, 11, 12, 13, 14, 15, INF, INF])
    assert (center, high) == (13.5, INF)
    assert 10 < low < 11
    assert median_interval(np.full(8, INF)) == (INF, INF, INF)
    assert median_interval(np.full(8, -INF)) == (-INF, -INF, -INF)
    center, low, high = median_interval([-INF] * 4 + [INF] * 4)
    assert (low, high) == (-INF, INF)
    assert not math.isnan(center)


def test_a_mean_with_infinities_has_no_interval() -> None:
    assert mean_interval(np.array([1.0, 2.0, INF])) == (INF, -INF, INF)
    center, low, high = mean_interval(np.array([INF, -INF]))
    assert math.isnan(center)
    assert (low, high) == (-INF, INF)


def test_nan_is_no_measurement_for_any_interval() -> None:
    values = np.array([1.0, 2, 3, 4, 5, 6, 7, math.nan])
    for kind, interval in KINDS.items():
        found = interval(np.stack([values, values + 1]) if kind == "items" else values)
        assert math.isnan(found.center), kind
        assert found.ends() == (-INF, INF)


def test_no_spread_is_no_certainty() -> None:
    equal = np.full(8, 2.0)
    assert of_mean(equal).ends() == of_log_mean(equal).ends() == (-INF, INF)
    same = np.tile(np.array([1.0, 0, 1, 1]), (5, 1))
    assert of_items(same).ends() == (-INF, INF), "seeds that answer alike item by item are one seed"
    assert of_median(equal).ends() == (2.0, 2.0), "the sign test needs no spread"


@pytest.mark.parametrize(
    ("kind", "values", "why", "center"),
    [
        ("mean", [2.0] * 8, SAME, 2.0),
        ("mean", [0.1 + 0.2, 0.3, 0.3], SAME, 0.3),
        ("mean", [2.0], "one seed has no spread", 2.0),
        ("mean", [1.0, INF], NOT_FINITE, INF),
        ("mean", [1.0, math.nan, INF], NO_NUMBER, math.nan),
        ("mean", [1.0, 2.0, 3.0], "", 2.0),
        ("log-mean", [2.0] * 3, SAME, 2.0),
        ("log-mean", [1e300, 1e300 * (1 + 1e-10)], SAME, 1e300),
        ("log-mean", [1.0, 1.0, 1.0 + 2e-16], SAME, 1.0),
        ("log-mean", [1.0, 0.0, 4.0], "a logarithm needs values > 0", 1.0),
        ("log-mean", [1.0, INF], NOT_FINITE, INF),
        ("log-mean", [1.0, 4.0], "", 2.0),
        ("median", [1.0, 2.0, 3.0, 4.0, 5.0], FEW, 3.0),
        ("median", [1.0, 2.0, 3.0, 4.0, 5.0, math.nan], NO_NUMBER, math.nan),
        ("median", [1.0, 2.0, 3.0, 4.0, 5.0, INF], "", 3.5),
        ("items", [[0.0, 1.0], [0.0, 1.0]], SAME, 0.5),
        ("items", [[0.0, 1.0]], "one seed has no spread", 0.5),
        ("items", [[0.0], [1.0]], "one item has no spread", 0.5),
        ("items", [[0.0, INF], [0.0, -INF]], NOT_FINITE, math.nan),
        ("items", [[0.0, 1.0], [1.0, 1.0]], "", 0.75),
    ],
)
def test_an_interval_that_says_nothing_says_why(kind: str, values: list[Any], why: str, center: float) -> None:
    interval = KINDS[kind](np.array(values))
    assert interval.why == why
    assert interval.center == pytest.approx(center, rel=1e-9, nan_ok=True)
    if why:
        assert interval.ends() == (-INF, INF)
        assert min(interval.p("above", -1e9), interval.p("below", 1e9)) > TAIL


def test_the_log_mean_is_that_of_the_logarithms_turned_back() -> None:
    values = np.random.default_rng(1).lognormal(size=6)
    expected = stats.ttest_1samp(np.log(values), 0).confidence_interval(0.95)
    found = of_log_mean(values)
    assert found.center == pytest.approx(stats.gmean(values), rel=1e-12)
    assert found.ends() == pytest.approx((math.exp(expected.low), math.exp(expected.high)), rel=1e-10)
    assert of_log_mean(np.array([1.0, 2.0, 0.0])).ends() == (-INF, INF)
    turned = of_log_mean(1 / values)
    assert turned.ends() == pytest.approx((1 / found.ends()[1], 1 / found.ends()[0]), rel=1e-10)


@pytest.mark.parametrize("n", [4, 20])
def test_the_interval_over_items_is_that_of_a_crossed_design(n: int) -> None:
    """Against the closed form of the two-way layout with the mean squares written out, and Satterthwaite's degrees."""
    rng = np.random.default_rng(5)
    values = 0.2 + rng.normal(0, 0.3, (n, 1)) + rng.normal(0, 1, (1, 30)) + rng.normal(0, 0.5, (n, 30))
    found = of_items(values)
    mean = values.mean()
    residual = values - values.mean(axis=1, keepdims=True) - values.mean(axis=0, keepdims=True) + mean
    a, b = 30 * values.mean(axis=1).var(ddof=1), n * values.mean(axis=0).var(ddof=1)
    e = np.sum(residual**2) / ((n - 1) * 29)
    assert min(a, b) > e
    df = (a + b - e) ** 2 / (a**2 / (n - 1) + b**2 / 29 + e**2 / (29 * (n - 1)))
    both = stats.t.ppf(0.975, df) * math.sqrt((a + b - e) / (30 * n))
    half = max(both, found.parts["seeds"], found.parts["items"])
    assert (half == both) == (n == 20), "with few seeds their own interval is the widest"
    assert found.ends() == pytest.approx((mean - half, mean + half), rel=1e-10)
    assert found.parts["seeds"] == pytest.approx(np.ptp(mean_interval(values.mean(axis=1))[1:]) / 2, rel=1e-10)
    assert found.parts["items"] == pytest.approx(np.ptp(mean_interval(values.mean(axis=0))[1:]) / 2, rel=1e-10)


def test_without_an_effect_of_the_items_the_interval_is_that_of_the_seeds() -> None:
    values = np.repeat(np.random.default_rng(6).normal(size=(5, 1)), 40, axis=1)
    assert of_items(values).ends() == pytest.approx(of_mean(values[:, 0]).ends(), rel=1e-9)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("data", DATA, ids=lambda data: f"{data.kind}: {data.name}")
def test_each_interval_covers_what_it_is_meant_for(data: Data, n: int) -> None:
    """Between 0.93 and 0.98 of 3,000 samples (standard error 0.004); infinite where there are too few values.

    Over items the spread of two seeds says so little that no interval between 0.93 and 0.98 is known for every share
    of theirs in the variance; the widest of three is at least no promise too much.
    """
    covered, width = simulated(data, n)
    if data.kind == "median" and n < 6:
        assert width == INF
        return
    assert 0.93 <= covered <= (1.0 if data.kind == "items" and n == 2 else 0.98)
    known = 2 * stats.norm.ppf(0.975)
    assert 0.95 * known <= width <= 1.1 * 2 * stats.t.ppf(0.975, n - 1)


def test_the_page_has_the_simulated_coverage() -> None:
    """To the hundredth, and widths to the tenth part: the last digits may hang on the processor."""
    page = claims_page.PAGE.read_text(encoding="utf-8")
    header = next(header for header, table in claims_page.TABLES.items() if table is claims_page.coverage)
    on_page, fresh = claims_page.lines_below(header, page), claims_page.coverage()
    assert len(on_page) == len(fresh)
    for shown, computed in zip(on_page, fresh, strict=True):
        assert DECIMAL.sub("", shown) == DECIMAL.sub("", computed)
        numbers = [np.array(DECIMAL.findall(line), dtype=float) for line in (shown, computed)]
        assert np.allclose(numbers[0][0::2], numbers[1][0::2], rtol=0, atol=0.01), shown
        assert np.allclose(numbers[0][1::2], numbers[1][1::2], rtol=0.1), shown


@pytest.mark.parametrize("n", [2, 3, 5, 20])
def test_the_interval_over_items_covers_differences_of_answers(n: int) -> None:
    """Of two networks that are right or wrong about 300 shared pictures: difficulty by picture, luck by start."""
    rng = np.random.default_rng(3)

    def sample() -> tuple[float, float]:
        hard = rng.normal(0, 1.5, 300)
        right = [hard + bias + rng.normal(0, 0.2, (n, 1)) + rng.logistic(size=(n, 300)) > 0 for bias in (1.8, 1.5)]
        return of_items(right[0].astype(float) - right[1]).ends()

    truth = float(np.mean([_share_right(1.8, rng) - _share_right(1.5, rng) for _ in range(40)]))
    ends = np.array([sample() for _ in range(1500)])
    covered = float(np.mean((ends[:, 0] <= truth) & (truth <= ends[:, 1])))
    assert 0.93 <= covered <= (1.0 if n == 2 else 0.985)


def _share_right(bias: float, rng: np.random.Generator) -> float:
    """The share of right answers over very many pictures and starts."""
    logits = bias + rng.normal(0, 1.5, 100_000) + rng.normal(0, 0.2, 100_000)
    return float(np.mean(1 / (1 + np.exp(-logits))))


@pytest.mark.parametrize("kind", ["mean", "log-mean", "median", "items"])
@pytest.mark.parametrize("limit", [0.5, 0.9, 1.1, 2.0])
def test_the_p_value_is_below_the_tail_exactly_where_the_interval_decides(kind: str, limit: float) -> None:
    rng = np.random.default_rng(9)
    for _ in range(25):
        values = rng.normal(1, 0.3, (7, 20)) if kind == "items" else rng.lognormal(0, 0.5, 9)
        interval = KINDS[kind](values)
        low, high = interval.ends()
        assert (interval.p("above", limit) < TAIL) == (low > limit)
        assert (interval.p("below", limit) < TAIL) == (high < limit)


def test_the_p_value_of_a_mean_is_the_one_sided_t_tests() -> None:
    values = np.random.default_rng(2).normal(0.4, 1, 8)
    expected = stats.ttest_1samp(values, 0.1, alternative="greater").pvalue
    assert of_mean(values).p("above", 0.1) == pytest.approx(expected, rel=1e-9)


def test_the_p_value_of_a_median_is_the_sign_tests_where_all_are_on_one_side() -> None:
    assert of_median(np.full(8, 20.0)).p("above", 20.0) == pytest.approx(2.0**-8, rel=1e-3)
    assert of_median(np.full(8, 20.0)).p("above", 20.0, strict=True) == 1
