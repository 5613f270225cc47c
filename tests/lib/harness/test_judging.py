"""What is missing never vanishes, a bug is a bug, and the family of all rows: decided on made-up results."""

from __future__ import annotations

import json
import math
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
from lib.harness.judging.family import row_p, rows_that_would_turn
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
    assert (record["verdict"], record["note"]) == ("not measured", "not measured: no finished trial of variant 'b'")
    assert bugs == []


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
    for values in ((0.0, math.nan), (math.nan, 0.0), (np.array([0.0, math.nan]), 5.0)):
        assert math.isnan(largest(values))
        assert math.isnan(smallest(values))
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
        ({}, "has no range"),
        ({"at_least": 0, "more_than": 0}, "says both at_least and more_than"),
        ({"at_least": 1, "smallest": 0.1}, "smallest is a number above 0"),
        ({"more_than": 1, "smallest": -0.1}, "smallest is a number above 0"),
        ({"more_than": 1, "at_most": 1}, "no number is > 1 and <= 1"),
        ({"at_least": math.nan}, "a limit is NaN"),
    ],
)
def test_a_range_that_says_nothing_is_refused(words: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Claim("c", measure=len, **words)


def test_a_range_is_shown_in_signs() -> None:
    texts: dict[str, dict[str, Any]] = {
        ">= 0.01": {"more_than": 0.0, "smallest": 0.01},
        "> 0": {"more_than": 0.0},
        "<= 0.9": {"less_than": 1.0, "smallest": 0.1},
        ">= 1 and < 2": {"at_least": 1, "less_than": 2},
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
    assert rows_that_would_turn(records) == {"second", "third"}
    assert rows_that_would_turn(records[:3]) == set()
    assert rows_that_would_turn([{"id": "old", "verdict": "holds"}]) == set()


def test_rows_that_would_turn_are_marked(capsys: pytest.CaptureFixture[str]) -> None:
    records = judge_all([comparison()], two_arms(), "lab", ("a-is-better",))
    display.print_verdicts(records, {"a-is-better"})
    shown = capsys.readouterr().out
    assert "holds*" in shown
    assert "all 1 rows of the lecture" in shown
    display.print_verdicts(records)
    assert "*" not in capsys.readouterr().out
