"""What is missing never vanishes, a bug is a bug, and the family of all rows: decided on made-up results."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lib.harness.comparing.records import _is_claim
from lib.harness.contract.claim import Claim, InconclusiveError, largest, require_trained, smallest
from lib.harness.contract.config import Config
from lib.harness.contract.results import Results
from lib.harness.contract.series import packed, unpacked
from lib.harness.contract.trial import Result, Trial
from lib.harness.errors import UserError
from lib.harness.judging.family import Family, family_of, row_p
from lib.harness.judging.verdicts import Bug, judge, judge_all
from lib.harness.recording.jsonfile import json_bytes
from lib.harness.showing import display

STEPS = np.array([0.1, 0.12, 0.09, 0.11, 0.1])


def result(variant: str, seed: int, value: Any, status: Any = "FINISHED") -> Result:
    measurements = {"x": value} if status == "FINISHED" else {}
    error = "" if status == "FINISHED" else "DivergedError: the loss is NaN\nat step 3"
    return Result(Trial(variant, Config(), seed), f"{variant}{seed}", status, measurements, error=error)


def two_arms(failed: tuple[tuple[str, int], ...] = (), absent: tuple[tuple[str, int], ...] = ()) -> Results:
    """Arms "a" and "b" with five seeds, a above b by about 0.1."""
    return Results(
        [
            result(
                arm, seed, seed + (STEPS[seed] if arm == "a" else 0), "FAILED" if (arm, seed) in failed else "FINISHED"
            )
            for seed in range(5)
            for arm in ("a", "b")
            if (arm, seed) not in absent
        ]
    )


def gain(results: Results) -> Any:
    return results["a"].x - results["b"].x


def comparison(**words: Any) -> Claim:
    return Claim("a-is-better", measure=gain, more_than=0.0, smallest=0.01, note="paired", **words)


def test_without_a_gap_it_holds() -> None:
    assert judge(comparison(), two_arms(), "lab")["verdict"] == "holds"


@pytest.mark.parametrize("failed", [(("a", 2),), (("b", 2), ("b", 3)), (("a", 0), ("b", 4))])
def test_a_failed_trial_makes_a_claim_inconclusive_and_is_named(failed: tuple[tuple[str, int], ...]) -> None:
    record = judge(comparison(), two_arms(failed), "lab")
    assert (record["verdict"], record["p"]) == ("inconclusive", None)
    assert record["effect"] == pytest.approx(0.1, abs=0.02), "the others are shown"
    assert record["seeds"] == 5 - len({seed for _, seed in failed})
    for arm, seed in failed:
        assert f"{arm}, seed {seed} (FAILED: DivergedError: the loss is NaN)" in record["note"]
    assert record["note"].endswith("; paired")


def test_a_failed_trial_of_another_variant_is_no_matter() -> None:
    results = Results([*two_arms(), result("grid", 0, None, "FAILED")])
    assert judge(comparison(), results, "lab")["verdict"] == "holds"


def test_a_claim_may_count_what_has_failed() -> None:
    def share(results: Results) -> Any:
        return float(np.mean([each.status == "FAILED" for each in results]))

    claim = Claim("diverges", kind="exact", measure=share, at_least=0.1, missing="counted")
    assert judge(claim, two_arms((("a", 2),)), "lab")["verdict"] == "holds"


def test_a_seed_without_a_partner_is_named() -> None:
    record = judge(comparison(), two_arms(absent=(("b", 3),)), "lab")
    assert record["verdict"] == "inconclusive"
    assert "no partner for seed 3" in record["note"]


def test_a_variant_of_which_all_have_failed_is_not_measured_and_no_bug() -> None:
    bugs: list[Bug] = []
    record = judge(comparison(), two_arms(tuple(("b", seed) for seed in range(5))), "lab", bugs)
    missing = "; ".join(f"b, seed {seed} (FAILED: DivergedError: the loss is NaN)" for seed in range(3))
    note = f"not measured: missing: {missing}; 2 more; no finished trial of variant 'b'; paired"
    assert (record["verdict"], record["note"]) == ("not measured", note)
    assert bugs == []


def by_place(results: Results) -> Any:
    return [each.measurements["x"] for each in results if each.trial.variant == "a"]


def by_index(results: Results) -> Any:
    return [results[place].measurements["x"] for place in range(0, len(results), 2)]


def by_slice(results: Results) -> Any:
    return [each.measurements["x"] for each in results[::2]]


def by_table(results: Results) -> Any:
    table = results.table()
    assert np.isfinite(table["x"]).all()
    return table["x"][table["variant"] == "a"]


def by_position(results: Results) -> Any:
    return results.values("a", "x") - results.values("b", "x")


def by_seed(results: Results) -> Any:
    return results["a"].x.over([0, 1, 2, 3, 4])


@pytest.mark.parametrize("measure", [by_place, by_index, by_slice, by_table, by_position, by_seed])
def test_an_exception_without_a_trial_is_no_bug_and_names_the_trial(measure: Any) -> None:
    claim = Claim("fragile", measure=measure, at_least=-1, note="paired")
    whole, bugs = judge(claim, two_arms(), "lab"), list[Bug]()
    assert whole["verdict"] in ("holds", "inconclusive") and whole["effect"] is not None, "nothing is missing"
    record = judge(claim, two_arms((("a", 2),)), "lab", bugs)
    assert (record["verdict"], record["effect"], bugs) == ("inconclusive", None, [])
    assert record["note"].startswith("inconclusive: missing: a, seed 2 (FAILED: DivergedError: the loss is NaN); "), (
        "the trial"
    )
    assert record["note"].endswith("; paired")
    assert record["note"].count("; ") == 2, "and between both what the measure raised"


def test_a_trial_that_is_read_by_its_place_alone_is_the_only_one_that_counts() -> None:
    claim = Claim("first", kind="exact", measure=lambda r: r[0].measurements["x"], at_least=-1)
    assert judge(claim, two_arms((("a", 2), ("b", 0))), "lab")["verdict"] == "holds"
    assert judge(claim, two_arms((("a", 0),)), "lab")["verdict"] == "inconclusive"


def test_a_bug_is_one_even_where_a_trial_is_missing() -> None:
    """A measurement that no finished trial has is misspelt, and a claim that counts failures must bear with them."""
    bugs: list[Bug] = []
    misspelt = Claim("misspelt", measure=lambda r: r["a"].misspelt, at_least=0)
    counts = Claim("counts", measure=by_place, at_least=0, missing="counted")
    for claim in (misspelt, counts):
        record = judge(claim, two_arms((("a", 2),)), "lab", bugs)
        assert record["verdict"] == "not measured", claim.id
    assert [bug.claim for bug in bugs] == ["misspelt", "counts"]


def test_what_is_missing_is_named_where_the_measure_finds_that_nothing_is_decided() -> None:
    def measure(results: Results) -> None:
        require_trained("the accuracy", results["a"].x, 100)

    record = judge(Claim("c", measure=measure, at_least=0, note="paired"), two_arms((("a", 2),)), "lab")
    assert record["verdict"] == "inconclusive"
    assert record["note"].startswith("inconclusive: missing: a, seed 2 (FAILED: DivergedError: the loss is NaN); ")
    assert record["note"].endswith("train it longer; paired")


def shifted(by: float, seeds: range, b_seeds: range | None = None, **changes: Mapping[str, Any]) -> Results:
    """Arms whose difference is about `by`, ratio about e^by, and which differ by about `by` of 100 items."""
    noise = dict(zip(range(20), np.random.default_rng(1).normal(0, 0.02, 20), strict=True))
    found = []
    for arm, of_arm in (("a", seeds), ("b", b_seeds or seeds)):
        for seed in of_arm:
            x = 1.0 + (by + noise[seed] * bool(by) if arm == "a" else 0.0)
            right = np.arange(100) < (50 + 100 * (x - 1) if arm == "a" else 50)
            measurements = {"x": x, "right": packed(right), **changes.get(f"{arm}{seed}", {})}
            status = "FAILED" if measurements.get("failed") else "FINISHED"
            found.append(replace(result(arm, seed, x, status), measurements={} if status == "FAILED" else measurements))
    return Results(found)


def of_items(results: Results) -> Any:
    return results.items("a", "right") - results.items("b", "right")


DECISIONS: dict[str, Claim] = {
    "mean": Claim("mean", measure=gain, more_than=0.0, smallest=0.1),
    "log-mean": Claim("log", measure=lambda r: np.exp(gain(r)), more_than=1.0, smallest=0.1, interval="log-mean"),
    "median": Claim("median", measure=gain, more_than=0.0, smallest=0.1, interval="median"),
    "items": Claim("items", measure=of_items, more_than=0.0, smallest=0.1, interval="items"),
    "exact": Claim("exact", kind="exact", measure=lambda r: smallest([gain(r)]), more_than=0.1),
}
SEEDS, NAN = range(8), {"x": math.nan, "right": "1:AA=="}
CASES: dict[str, tuple[Results, dict[str, str]]] = {
    "holds": (shifted(0.3, SEEDS), {}),
    "fails": (shifted(-0.3, SEEDS), {}),
    "inconclusive": (shifted(0.1, SEEDS), {"exact": "fails"}),
    "a trial failed": (shifted(0.3, SEEDS, a3={"failed": True}), {}),
    "a trial is not there": (shifted(0.3, SEEDS, range(7)), {}),
    "no seed is shared": (shifted(0.3, range(8), range(8, 16)), {}),
    "an arm failed": (shifted(0.3, SEEDS, None, **{f"b{seed}": {"failed": True} for seed in SEEDS}), {}),
    "an arm is not there": (Results([each for each in shifted(0.3, SEEDS) if each.trial.variant == "a"]), {}),
    "NaN": (shifted(0.3, SEEDS, a3={"x": math.nan}), {"items": "holds"}),
    "equal": (shifted(0.0, SEEDS), {"median": "fails", "exact": "fails"}),
}
EXPECTED = {
    "holds": "holds",
    "fails": "fails",
    "an arm failed": "not measured",
    "an arm is not there": "not measured",
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("kind", DECISIONS)
def test_every_kind_of_decision_on_every_kind_of_result(kind: str, case: str) -> None:
    """All verdicts, and what becomes of failed, missing, misaligned, equal and NaN; the exceptions are the case's own.

    Equal seeds have a median all the same, and an exact claim asks for no spread; correctness by item is never NaN.
    """
    results, exceptions = CASES[case]
    bugs: list[Bug] = []
    record = judge(DECISIONS[kind], results, "lab", bugs)
    assert record["verdict"] == exceptions.get(kind, EXPECTED.get(case, "inconclusive")), record
    assert bugs == []
    if case in ("a trial is not there", "no seed is shared"):
        assert f"no partner for seed {7 if case == 'a trial is not there' else 0}" in record["note"]


def test_a_variant_that_failed_does_not_vanish_from_a_list_of_variants() -> None:
    def worst(results: Results) -> Any:
        return min(float(results.values(name, "x").min()) for name in results.variants())

    claim = Claim("worst", kind="exact", measure=worst, at_least=0)
    record = judge(claim, two_arms(tuple(("b", seed) for seed in range(5))), "lab")
    assert record["verdict"] == "inconclusive"
    assert "2 more" in record["note"]


@pytest.mark.parametrize(
    "measure",
    [lambda r: r["a"].misspelt, lambda r: [1, 2].index(3), lambda r: r[0].measurements["y"], lambda r: np.ones((3, 3))],
)
def test_a_bug_keeps_its_traceback_and_the_other_verdicts(measure: Any) -> None:
    bugs: list[Bug] = []
    records = judge_all([Claim("broken", measure=measure, at_least=0), comparison()], two_arms(), "lab", (), bugs)
    assert [record["verdict"] for record in records] == ["not measured", "holds"]
    assert [bug.claim for bug in bugs] == ["broken"]
    assert bugs[0].traceback.startswith("Traceback (most recent call last)")
    assert "\n" not in bugs[0].line
    assert records[0]["note"] == f"not measured: {bugs[0].line}"


def test_nan_is_never_passed_over() -> None:
    inf = math.inf
    for values in ((0.0, math.nan), (math.nan, 0.0), (np.array([0.0, math.nan]), 5.0), (inf, math.nan, -inf)):
        assert math.isnan(largest(values))
        assert math.isnan(smallest(values))
    for values in ((math.nan, inf), (inf, math.nan), (-inf, math.nan), (np.array([inf, math.nan]), inf)):
        assert math.isnan(largest(values)) and math.isnan(smallest(values)), "as NumPy's, beside infinity too"
    assert (largest([inf, 0, -inf]), smallest([inf, 0, -inf])) == (inf, -inf)
    with pytest.raises(ValueError, match="zero-size"):
        largest([])
    assert (largest([1, np.array([3, 2])]), smallest([1, np.array([3, 2])])) == (3, 1)
    record = judge(Claim("c", kind="exact", measure=lambda r: largest([0.0, math.nan]), at_most=1), Results([]), "lab")
    assert record["verdict"] == "inconclusive"
    assert "no number (NaN)" in record["note"]


def test_a_model_that_has_not_learned_is_not_compared() -> None:
    require_trained("the accuracy", [0.5, 0.6], 0.2)
    for values in ([0.1, 0.12], [math.nan, 0.9]):
        with pytest.raises(InconclusiveError, match="hardly learned"):
            require_trained("the accuracy", values, 0.2)


@pytest.mark.parametrize("n", [1, 7, 8, 9, 1000])
def test_correctness_comes_back_as_it_was_packed(n: int) -> None:
    right = np.random.default_rng(n).random(n) < 0.7
    text = packed(right)
    assert np.array_equal(unpacked(text), right)
    assert len(text) <= 6 + 4 * math.ceil(math.ceil(n / 8) / 3)
    with pytest.raises(ValueError, match="bytes"):
        unpacked(text.replace(f"{n}:", f"{n + 8}:"))


def test_items_are_paired_by_seed_and_item() -> None:
    rng = np.random.default_rng(0)
    hard = rng.random(500)
    results = Results(
        [
            result(arm, seed, packed(hard + rng.normal(0, 0.05, 500) < share))
            for seed in range(4)
            for arm, share in (("a", 0.9), ("b", 0.8))
        ]
    )
    claim = Claim(
        "more", measure=lambda r: r.items("a", "x") - r.items("b", "x"), more_than=0.0, smallest=0.01, interval="items"
    )
    record = judge(claim, results, "lab")
    assert (record["verdict"], record["seeds"]) == ("holds", 4)
    assert record["effect"] == pytest.approx(0.1, abs=0.04)
    assert record["parts"]["items"] > record["parts"]["seeds"] > 0
    assert (record["high"] - record["low"]) / 2 >= record["parts"]["items"] * (1 - 1e-9)
    shown = display.split_of(record)
    assert shown is not None
    assert shown.en.startswith("another start ±")
    (read,) = json.loads(json_bytes([record]))
    assert _is_claim(read)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({}, "has no range, so it would always hold: add at_least"),
        ({"at_least": 0, "more_than": 0}, "says both at_least and more_than"),
        (
            {"at_least": 1, "smallest": 0.1},
            "smallest=0.1: it is a finite number above 0, beside more_than or less_than",
        ),
        ({"more_than": 1, "smallest": -0.1}, "smallest=-0.1: it is a finite number above 0"),
        ({"more_than": 1, "smallest": math.inf}, "smallest=inf: it is a finite number above 0"),
        ({"less_than": 1, "smallest": math.nan}, "smallest=nan: it is a finite number above 0"),
        ({"more_than": 1, "at_most": 1, "kind": "exact"}, "no number is > 1 and <= 1"),
        ({"more_than": 0}, "a comparison without the smallest effect that counts: add smallest="),
        ({"at_least": 0, "less_than": 1}, "a comparison without the smallest effect that counts: add smallest="),
        ({"at_least": math.nan}, "at_least=nan is no limit, so it would never hold: correct it"),
        ({"at_least": math.inf, "more_than": 0, "smallest": 1}, "at_least=inf is no limit"),
        ({"more_than": math.inf, "smallest": 1}, "more_than=inf is no limit"),
        ({"at_most": -math.inf}, "at_most=-inf is no limit"),
    ],
)
def test_a_range_that_says_nothing_is_refused(words: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=re.escape(message)) as refused:
        Claim("c", measure=len, **words)
    assert str(refused.value).startswith("claim 'c'")
    assert "\n" not in str(refused.value)


def test_a_range_is_shown_in_signs() -> None:
    texts: dict[str, dict[str, Any]] = {
        ">= 0.01": {"more_than": 0.0, "smallest": 0.01},
        "> 0": {"more_than": 0.0, "kind": "exact"},
        "<= 0.9": {"less_than": 1.0, "smallest": 0.1},
        ">= 0.3": {"more_than": 0.1, "smallest": 0.2},
        ">= 1 and < 2": {"at_least": 1, "less_than": 2, "kind": "exact"},
        ">= 61706 and <= 61706": {"at_least": 61706, "at_most": 61706},
        ">= -0.69897 and <= 0.69897": {"at_least": -math.log10(5), "at_most": math.log10(5)},
        "<= 0.02296875": {"at_most": 0.02296875},
    }
    assert {Claim("c", measure=len, **words).range_text: words for words in texts.values()} == texts


def row(name: str, verdict: str, *parts: tuple[str, float | None], lecture: bool = True) -> list[dict[str, Any]]:
    """A row's record and those of its sentences, with verdicts and p-values."""
    first = {"id": name, "verdict": verdict, "part": f"{name}/0", "role": "sentence", "p": None, "lecture": lecture}
    sentences = [
        {"id": f"{name}/{i}", "verdict": each, "role": "sentence", "p": p, "lecture": lecture}
        for i, (each, p) in enumerate(parts)
    ]
    control = {"id": f"{name}/control", "verdict": "fails", "role": "control", "p": 0.9, "lecture": lecture}
    return [first, *sentences, control]


def test_a_row_has_the_p_value_of_what_decides_it() -> None:
    assert row_p(row("a", "holds", ("holds", 0.001), ("holds", 0.02), ("holds", None))) == 0.02
    assert row_p(row("a", "fails", ("holds", 0.02), ("fails", 0.001), ("fails", 0.004))) == pytest.approx(0.003)
    assert row_p(row("a", "fails", ("fails", None), ("fails", 0.004))) is None
    assert row_p(row("a", "holds", ("holds", None))) is None
    assert row_p(row("a", "inconclusive", ("inconclusive", 0.2))) is None
    assert row_p([{"id": "a", "verdict": "holds", "p": 0.01}]) == 0.01, "records of older versions have no role"


def test_holms_method_over_the_lectures_rows() -> None:
    """By hand: of three and one undecided, 0.001 <= 0.025/4, 0.009 > 0.025/3, and from there on none stands."""
    records = [
        *row("first", "holds", ("holds", 0.001)),
        *row("second", "fails", ("fails", 0.009)),
        *row("third", "holds", ("holds", 0.0095)),
        *row("open", "inconclusive", ("inconclusive", 0.3)),
        *row("exact", "holds", ("holds", None)),
        *row("ours", "holds", ("holds", 0.024), lecture=False),
    ]
    assert family_of(records) == Family(4, frozenset({"second", "third"}))
    assert family_of(records[:3]) == Family(1, frozenset())
    assert family_of([{"id": "old", "verdict": "holds"}]) == Family(0, frozenset())


def test_rows_that_would_turn_are_marked(capsys: pytest.CaptureFixture[str]) -> None:
    records = judge_all([comparison()], two_arms(), "lab", ("a-is-better",))
    exact = judge_all([Claim("fact", kind="exact", measure=lambda r: 1.0, at_least=1)], two_arms(), "lab", ("fact",))
    family = family_of([*records, *exact])
    assert family.rows == 1, "an exact row is not decided by chance"
    display.print_verdicts([*records, *exact], replace(family, turning=frozenset({"a-is-better"})))
    shown = capsys.readouterr().out
    assert shown.count("holds*") == 1
    assert "the 1 sentences of the lecture in this table that chance can decide" in shown
    display.print_verdicts(records)
    assert "*" not in capsys.readouterr().out
