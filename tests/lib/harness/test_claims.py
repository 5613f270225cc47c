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
from lib.harness.judging.intervals import mean_interval, median_interval
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


def test_equal_values_have_a_mean_interval_without_width() -> None:
    assert mean_interval(np.full(4, 2.0)) == (2.0, 2.0, 2.0)
    assert mean_interval(np.full(3, 0.1)) == pytest.approx((0.1, 0.1, 0.1), rel=1e-12)


@pytest.mark.parametrize("n", [5, 6, 7, 8, 9, 20, 25, 100])
def test_the_median_interval_is_the_sign_test_turned_round(n: int) -> None:
    """It is made of exactly the thresholds that the two-sided sign test does not reject at 5 %."""
    values = np.random.default_rng(n).normal(size=n)
    center, low, high = median_interval(values)
    ordered = np.sort(values)
    assert center == pytest.approx(np.median(values), rel=1e-15)
    edges = np.concatenate([[ordered[0] - 1], (ordered[1:] + ordered[:-1]) / 2, [ordered[-1] + 1]])
    for edge in edges:
        above = int(np.sum(values > edge))
        kept = stats.binomtest(above, n, 0.5).pvalue > 0.05
        assert kept == (low < edge < high)


@pytest.mark.parametrize("n", range(1, 61))
def test_the_median_interval_lies_between_order_statistics(n: int) -> None:
    """The closed form: x_(k) and x_(n+1-k), k the largest with 2 P(Binomial(n, 1/2) < k) <= 0.05; infinite without."""
    rng = np.random.default_rng(n)
    values = np.round(rng.normal(size=n), 1)  # with ties
    values[rng.random(n) < 0.2] = rng.choice([-INF, INF])
    ordered = np.sort(values)
    k = max((k for k in range(1, n // 2 + 1) if 2 * stats.binom.cdf(k - 1, n, 0.5) <= 0.05), default=0)
    expected = (ordered[k - 1], ordered[n - k]) if k else (-INF, INF)
    assert median_interval(values)[1:] == expected


@pytest.mark.parametrize(("n", "mean"), [(6, True), (6, False), (15, True), (15, False)])
def test_intervals_cover_what_they_say(n: int, mean: bool) -> None:
    """95 % of 4,000 samples within four standard errors (0.0138); the median's, of a skewed distribution, or more."""
    rng = np.random.default_rng(12)
    truth = 1.0 if mean else math.log(2)
    draw = rng.normal(1.0, 2.0, (4000, n)) if mean else rng.exponential(1.0, (4000, n))
    intervals = [(mean_interval if mean else median_interval)(sample) for sample in draw]
    covered = np.mean([low <= truth <= high for _, low, high in intervals])
    assert covered > 0.95 - 0.0138
    if mean:
        assert covered < 0.95 + 0.0138, "an interval that is too wide never says anything"


def test_too_few_values_say_nothing() -> None:
    assert mean_interval(np.array([3.0])) == (3.0, -INF, INF)
    for n in range(1, 6):
        assert median_interval(np.arange(n, dtype=float))[1:] == (-INF, INF)
    assert median_interval(np.arange(6.0)) == (2.5, 0.0, 5.0)


def test_censored_values_move_the_median_interval_only_where_they_are() -> None:
    values = np.array([10, 11, 12, 13, 14, 15, INF, INF])
    assert median_interval(values) == (13.5, 10.0, INF)
    assert median_interval(np.full(8, INF)) == (INF, INF, INF)
    assert median_interval(np.full(8, -INF)) == (-INF, -INF, -INF)
    center, low, high = median_interval(np.array([-INF] * 4 + [INF] * 4))
    assert (low, high) == (-INF, INF)
    assert not math.isnan(center)


def test_a_mean_with_infinities_has_no_interval() -> None:
    assert mean_interval(np.array([1.0, 2.0, INF])) == (INF, -INF, INF)
    center, low, high = mean_interval(np.array([INF, -INF]))
    assert math.isnan(center)
    assert (low, high) == (-INF, INF)


def test_nan_is_no_measurement_for_either_interval() -> None:
    values = np.array([1.0, 2, 3, 4, 5, 6, 7, math.nan])
    for interval in (mean_interval, median_interval):
        center, low, high = interval(values)
        assert math.isnan(center)
        assert (low, high) == (-INF, INF)


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
        ([2.0] * 4, {"at_least": 2.0}, "holds"),
        ([2.0] * 4, {"at_most": 2.0}, "holds"),
        ([2.0] * 4, {"at_least": math.nextafter(2.0, 3.0)}, "fails"),
        ([2.0] * 4, {"at_most": math.nextafter(2.0, 1.0)}, "fails"),
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
        (math.nan, {"at_most": 1e-12}, "fails"),
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
        (["fails", "not measured", "holds"], "not measured"),
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
