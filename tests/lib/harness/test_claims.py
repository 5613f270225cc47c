"""Verdicts at and around the limits, for every kind of result; rows and their parts; the record."""

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
        ([2.0] * 6, {"more_than": 2.0, "smallest": 1e-9, "interval": "median"}, "fails"),
        ([2.0] * 6, {"less_than": 2.0, "smallest": 1e-9, "interval": "median"}, "fails"),
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


def test_what_says_nothing_says_why_and_keeps_the_claims_note() -> None:
    words = {"at_least": 1.0, "note": "its own"}
    record = judge(statistical(**words), results([2.0] * 8), "lab")
    assert (record["verdict"], record["effect"], record["p"]) == ("inconclusive", 2.0, 1.0)
    assert record["note"] == "inconclusive: all seeds gave the same, and no spread is no certainty; its own"
    notes = {
        "one seed has no spread": judge(statistical(**words), results([2.0]), "lab"),
        "fewer than 6 seeds, too few for a median": judge(
            statistical(interval="median", **words), results([2.0] * 5), "lab"
        ),
        "a value is no number (NaN)": judge(statistical(interval="median", **words), results([math.nan] * 6), "lab"),
        "a value is not finite": judge(statistical(**words), results([INF, 2.0]), "lab"),
        "a logarithm needs values > 0": judge(statistical(interval="log-mean", **words), results([-1.0, 2.0]), "lab"),
        "the measure is no number (NaN)": judge(exact(lambda _: math.nan, **words), results([]), "lab"),
    }
    for why, record in notes.items():
        assert (record["verdict"], record["note"]) == ("inconclusive", f"inconclusive: {why}; its own")


def test_the_p_value_of_a_claim_is_its_intervals() -> None:
    values = np.random.default_rng(2).normal(0.4, 1, 8)
    expected = stats.ttest_1samp(values, 0.1, alternative="greater").pvalue
    assert judge(statistical(at_least=0.1), results(values.tolist()), "lab")["p"] == pytest.approx(expected, rel=1e-9)


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

    record = judge(Claim("c", measure=measure, at_least=0, note="its own"), results([1.0, 2.0]), "lab")
    assert (record["verdict"], record["effect"], record["low"]) == ("inconclusive", None, None)
    assert record["note"] == "inconclusive: the peer itself has learned nothing: train on more text; its own"


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
    assert (read["holds_when"], read["interval"]) == (">= 0", "median")
    assert read["note"].endswith("; capped at 10")
