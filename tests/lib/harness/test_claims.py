"""Intervals against their closed forms and their coverage in simulation; verdicts at and around the threshold."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats

from lib.harness.contract.claim import Claim, InconclusiveError
from lib.harness.contract.config import Config
from lib.harness.contract.results import Results
from lib.harness.contract.trial import Result, Trial
from lib.harness.judging.intervals import KINDS, TAIL, mean_interval, of_items, of_log_mean, of_mean, of_median
from lib.harness.judging.verdicts import judge, judge_all
from lib.harness.recording.jsonfile import json_bytes

INF = math.inf


def results(values: list[Any]) -> Results:
    """A finished trial of variant "a" per value, its seed the value's place."""
    return Results(
        [Result(Trial("a", Config(), seed), f"a{seed}", "FINISHED", {"x": x}) for seed, x in enumerate(values)]
    )


def statistical(**words: Any) -> Claim:
    return Claim("row", statement="a sentence", measure=lambda r: r.values("a", "x"), unit="points", **words)


def exact(measure: Callable[[Results], Any], **words: Any) -> Claim:
    return Claim("row", statement="a sentence", kind="exact", measure=measure, unit="points", **words)


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


@pytest.mark.parametrize("n", [5, 6, 7, 8, 9, 20, 25, 100])
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
    """Their equation for n = 10: 95 % lies between 97.85 % (k = 2) and 89.06 % (k = 3), so lambda is 0.65."""
    values = np.arange(1.0, 11)
    share = (0.978515625 - 0.95) / (0.978515625 - 0.890625)
    inner = (10 - 2) * share / (2 + (10 - 4) * share)
    assert inner == pytest.approx(0.6576, abs=1e-4)
    assert median_interval(values) == pytest.approx((5.5, 2 + inner, 9 - inner), rel=1e-12)


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
    record = judge(statistical(at_least=1.0), results([2.0] * 8), "lab")
    assert (record["verdict"], record["effect"], record["p"]) == ("inconclusive", 2.0, 1.0)
    assert record["note"] == "inconclusive: all seeds gave the same, and no spread is no certainty"


def test_the_log_mean_is_that_of_the_logarithms_turned_back() -> None:
    values = np.random.default_rng(1).lognormal(size=6)
    expected = stats.ttest_1samp(np.log(values), 0).confidence_interval(0.95)
    found = of_log_mean(values)
    assert found.center == pytest.approx(stats.gmean(values), rel=1e-12)
    assert found.ends() == pytest.approx((math.exp(expected.low), math.exp(expected.high)), rel=1e-10)
    assert of_log_mean(np.array([1.0, 2.0, 0.0])).ends() == (-INF, INF)
    turned = of_log_mean(1 / values)
    assert turned.ends() == pytest.approx((1 / found.ends()[1], 1 / found.ends()[0]), rel=1e-10)


def test_the_interval_over_items_is_that_of_a_crossed_design() -> None:
    """Against the closed form of the two-way layout with the mean squares written out, and Satterthwaite's degrees."""
    rng = np.random.default_rng(5)
    values = 0.2 + rng.normal(0, 0.3, (4, 1)) + rng.normal(0, 1, (1, 30)) + rng.normal(0, 0.5, (4, 30))
    found = of_items(values)
    mean = values.mean()
    residual = values - values.mean(axis=1, keepdims=True) - values.mean(axis=0, keepdims=True) + mean
    a, b = 30 * values.mean(axis=1).var(ddof=1), 4 * values.mean(axis=0).var(ddof=1)
    e = np.sum(residual**2) / (3 * 29)
    assert min(a, b) > e
    df = (a + b - e) ** 2 / (a**2 / 3 + b**2 / 29 + e**2 / 87)
    half = stats.t.ppf(0.975, df) * math.sqrt((a + b - e) / 120)
    assert found.ends() == pytest.approx((mean - half, mean + half), rel=1e-10)
    assert found.parts["seeds"] == pytest.approx(np.ptp(mean_interval(values.mean(axis=1))[1:]) / 2, rel=1e-10)
    assert found.parts["items"] == pytest.approx(np.ptp(mean_interval(values.mean(axis=0))[1:]) / 2, rel=1e-10)


def test_without_an_effect_of_the_items_the_interval_is_that_of_the_seeds() -> None:
    values = np.repeat(np.random.default_rng(6).normal(size=(5, 1)), 40, axis=1)
    assert of_items(values).ends() == pytest.approx(of_mean(values[:, 0]).ends(), rel=1e-9)


DRAWS: dict[str, tuple[Callable[[np.random.Generator, int], np.ndarray], float]] = {
    "mean": (lambda rng, n: rng.normal(1.0, 2.0, n), 1.0),
    "log-mean": (lambda rng, n: rng.lognormal(0.5, 1.0, n), math.exp(0.5)),
    "median": (lambda rng, n: rng.exponential(1.0, n), math.log(2)),
    "items": (
        lambda rng, n: 0.1 + rng.normal(0, 0.02, (n, 1)) + rng.normal(0, 0.3, (1, 300)) + rng.normal(0, 0.3, (n, 300)),
        0.1,
    ),
}


@pytest.mark.parametrize("n", [3, 5, 8, 20])
@pytest.mark.parametrize("kind", DRAWS)
def test_each_interval_covers_what_it_is_meant_for(kind: str, n: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Between 0.93 and 0.98 of 3,000 samples (standard error 0.004); infinite where there are too few values."""
    rng = np.random.default_rng(17)
    draw, truth = DRAWS[kind]
    ends = np.array([KINDS[kind](draw(rng, n)).ends() for _ in range(3000)])
    width = float(np.median(ends[:, 1] - ends[:, 0]))
    covered = float(np.mean((ends[:, 0] <= truth) & (truth <= ends[:, 1])))
    with capsys.disabled():
        print(f"\n{kind}, n = {n}: covers {covered:.3f}, median width {width:.3g}", end="")
    assert width == INF if kind == "median" and n < 6 else 0.93 <= covered <= 0.98


@pytest.mark.parametrize("n", [3, 5, 20])
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
    assert 0.93 <= covered <= 0.985


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
    assert judge(statistical(at_least=0.1), results(values.tolist()), "lab")["p"] == pytest.approx(expected, rel=1e-9)


def test_the_p_value_of_a_median_is_the_sign_tests_where_all_are_on_one_side() -> None:
    assert of_median(np.full(8, 20.0)).p("above", 20.0) == pytest.approx(2.0**-8, rel=1e-3)
    assert of_median(np.full(8, 20.0)).p("above", 20.0, strict=True) == 1


@pytest.mark.parametrize(
    ("values", "words", "verdict"),
    [
        ([1.0, 1.1, 0.9, 1.0], {"at_least": 0.5}, "holds"),
        ([1.0, 1.1, 0.9, 1.0], {"at_least": 2.0}, "fails"),
        ([1.0, 1.1, 0.9, 1.0], {"at_least": 1.0}, "inconclusive"),
        ([1.0, 1.1, 0.9, 1.0], {"at_most": 0.5}, "fails"),
        ([1.0, 1.1, 0.9, 1.0], {"at_most": 1.5}, "holds"),
        ([1.0, 1.1, 0.9, 1.0], {"at_least": 0.5, "at_most": 1.5}, "holds"),
        ([1.0, 1.1, 0.9, 1.0], {"at_least": 1.05, "at_most": 1.5}, "inconclusive"),
        ([1.0, 1.1, 0.9, 1.0], {"more_than": 0.0, "smallest": 0.8}, "holds"),
        ([1.0, 1.1, 0.9, 1.0], {"more_than": 0.0, "smallest": 1.0}, "inconclusive"),
        ([1.0, 1.1, 0.9, 1.0], {"more_than": 0.0, "smallest": 1.2}, "fails"),
        ([1.0, 1.1, 0.9, 1.0], {"less_than": 2.0, "smallest": 0.5}, "holds"),
        ([1.0, 1.1, 0.9, 1.0], {"more_than": 1.0, "smallest": 0.1, "interval": "log-mean"}, "inconclusive"),
        ([2.0, 2.1, 2.2, 2.0], {"more_than": 1.0, "smallest": 0.1, "interval": "log-mean"}, "holds"),
        ([2.0] * 4, {"at_least": 2.0}, "inconclusive"),
        ([2.0] * 4, {"at_most": 5.0}, "inconclusive"),
        ([2.0] * 6, {"at_least": 2.0, "interval": "median"}, "holds"),
        ([2.0] * 6, {"at_most": 2.0, "interval": "median"}, "holds"),
        ([2.0] * 6, {"more_than": 2.0, "interval": "median"}, "fails"),
        ([2.0] * 6, {"less_than": 2.0, "interval": "median"}, "fails"),
        ([2.0] * 6, {"at_least": math.nextafter(2.0, 3.0), "interval": "median"}, "fails"),
        ([2.0] * 6, {"at_most": math.nextafter(2.0, 1.0), "interval": "median"}, "fails"),
        ([2.0], {"at_least": 0.0}, "inconclusive"),
        ([INF] * 6, {"at_least": 100, "interval": "median"}, "holds"),
        ([INF] * 6, {"at_most": 100, "interval": "median"}, "fails"),
        ([INF] * 5, {"at_least": 100, "interval": "median"}, "inconclusive"),
        ([5.0, INF, INF, INF, INF, INF], {"at_least": 100, "interval": "median"}, "inconclusive"),
        ([math.nan] * 6, {"at_least": -5, "interval": "median"}, "inconclusive"),
        ([1.0, INF, 1.0, 1.0], {"at_least": 0.0}, "inconclusive"),
    ],
)
def test_the_verdict_of_a_statistical_claim(values: list[float], words: dict[str, Any], verdict: str) -> None:
    record = judge(statistical(**words), results(values), "lab")
    assert record["verdict"] == verdict
    assert record["seeds"] == len(values)


def test_a_verdict_agrees_with_the_t_test() -> None:
    """`holds` exactly when the 95 % interval of ttest_1samp lies beyond the threshold."""
    rng = np.random.default_rng(3)
    seen = set()
    for _ in range(300):
        values = rng.normal(rng.normal(), 1, size=6)
        interval = stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
        expected = "holds" if interval.low >= 0 else "fails" if interval.high < 0 else "inconclusive"
        assert judge(statistical(at_least=0), results(values.tolist()), "lab")["verdict"] == expected
        seen.add(expected)
    assert seen == {"holds", "fails", "inconclusive"}


@pytest.mark.parametrize(
    ("value", "words", "verdict"),
    [
        (1e-12, {"at_most": 1e-12}, "holds"),
        (math.nextafter(1e-12, 1), {"at_most": 1e-12}, "fails"),
        (5, {"at_least": 5, "at_most": 5}, "holds"),
        (np.float64(6), {"at_least": 5, "at_most": 5}, "fails"),
        (True, {"at_least": 1}, "holds"),
        (math.nan, {"at_most": 1e-12}, "inconclusive"),
        (0.0, {"more_than": 0.0}, "fails"),
        (1e-300, {"more_than": 0.0}, "holds"),
        (INF, {"at_most": 1e-12}, "fails"),
    ],
)
def test_the_verdict_of_an_exact_claim(value: float, words: dict[str, Any], verdict: str) -> None:
    record = judge(exact(lambda _: value, **words), results([]), "lab")
    assert record["verdict"] == verdict
    assert (record["seeds"], record["interval"]) == (0, None)


@pytest.mark.parametrize(
    ("claim", "word"),
    [
        (
            Claim("c", statement="s", measure=lambda r: r.values("missing", "x"), at_least=0),
            "no finished trial of variant",
        ),
        (Claim("c", statement="s", measure=lambda r: r.values("a", "y"), at_least=0), "y"),
        (Claim("c", statement="s", measure=lambda r: [], at_least=0), "shape (0,)"),
        (Claim("c", statement="s", measure=lambda r: 1.0, at_least=0), "shape ()"),
        (Claim("c", statement="s", measure=lambda r: np.ones((3, 2)), at_least=0), "shape (3, 2)"),
        (Claim("c", statement="s", kind="exact", measure=lambda r: [1.0, 2.0], at_least=0), "shape (2,)"),
        (
            Claim("c", statement="s", kind="exact", measure=lambda r: 1 / 0, at_least=0),
            "ZeroDivisionError: division by zero",
        ),
        (Claim("c", statement="s", kind="exact", measure=lambda r: None + 1, at_least=0), "TypeError"),  # type: ignore[operator]
        (
            Claim("c", statement="s", measure=lambda r: r[0].measurements["acuracy"], at_least=0),
            "KeyError: 'acuracy' (",
        ),
        (
            Claim("c", statement="s", measure=lambda r: list(r)[9], at_least=0),
            "index out of range (tests/lib/harness/test_claims",
        ),
    ],
)
def test_what_cannot_be_measured_says_why_and_spoils_no_other(claim: Claim, word: str) -> None:
    other = Claim("other", statement="s", kind="exact", measure=lambda r: 0.0, unit="", at_most=0)
    broken, fine = judge_all([claim, other], results([1.0, 2.0]), "lab")
    assert (broken["verdict"], broken["effect"], broken["low"]) == ("not measured", None, None)
    assert broken["note"].startswith("not measured: ")
    assert word in broken["note"]
    assert fine["verdict"] == "holds"


def test_what_was_measured_and_does_not_decide_is_inconclusive_and_says_why() -> None:
    def measure(results: Results) -> None:
        raise InconclusiveError("the peer itself has learned nothing: train on more text")

    record = judge(Claim("c", measure=measure, at_least=0), results([1.0, 2.0]), "lab")
    assert (record["verdict"], record["effect"], record["low"]) == ("inconclusive", None, None)
    assert record["note"] == "inconclusive: the peer itself has learned nothing: train on more text"


VERDICTS = {"holds": 0.0, "fails": 2.0}


def part(name: str, verdict: str) -> Claim:
    """A claim `row/name` that has this verdict on the results [0, 2]."""
    if verdict == "not measured":
        return Claim(f"row/{name}", statement=name, kind="exact", measure=lambda r: r.values("missing", "x"), at_most=1)
    if verdict == "inconclusive":
        return Claim(f"row/{name}", statement=name, measure=lambda r: r.values("a", "x"), unit="", at_most=1)
    return Claim(f"row/{name}", statement=name, kind="exact", measure=lambda r: VERDICTS[verdict], unit="", at_most=1)


@pytest.mark.parametrize(
    ("parts", "row"),
    [
        (["holds", "holds"], "holds"),
        (["holds", "inconclusive", "holds"], "inconclusive"),
        (["inconclusive", "fails"], "fails"),
        (["fails", "not measured", "holds"], "fails"),
        (["inconclusive", "not measured", "holds"], "not measured"),
    ],
)
def test_a_row_holds_when_all_its_parts_do(parts: list[str], row: str) -> None:
    claims = [part(f"part{i}", verdict) for i, verdict in enumerate(parts)]
    records = judge_all(claims, results([0.0, 2.0]), "lab")
    assert [r["id"] for r in records] == ["row", *(f"row/part{i}" for i in range(len(parts)))]
    assert [r["verdict"] for r in records] == [row, *parts]
    assert records[0]["part"] == f"row/part{parts.index(row)}", "the weakest part is named"


def test_rows_of_one_claim_and_of_parts_stay_in_order() -> None:
    single = Claim("single", statement="s", kind="exact", measure=lambda r: 0.0, unit="", at_most=0)
    records = judge_all([part("x", "holds"), single, part("y", "holds")], results([0.0, 2.0]), "lab")
    assert [r["id"] for r in records] == ["row", "row/x", "row/y", "single"]
    assert "part" not in records[-1]


def test_the_record_has_the_published_fields_and_is_strict_json() -> None:
    record = judge(statistical(at_least=0, interval="median", note="capped at 10"), results([INF, 1.0]), "tiny")
    wanted = {"id", "lab", "statement", "kind", "verdict", "effect", "low", "high", "unit", "seeds"}
    assert wanted <= record.keys()
    read = json.loads(json_bytes([record]), parse_constant=pytest.fail)[0]
    assert (read["low"], read["high"], read["effect"]) == ("-inf", "inf", "inf")
    assert float(read["low"]) == -INF
    assert (read["holds_when"], read["interval"], read["note"]) == (">= 0", "median", "capped at 10")
