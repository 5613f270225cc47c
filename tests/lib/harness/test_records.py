"""Records that are not what they say, and records of two versions compared; each from a source in memory."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lib.harness.comparing import comparison
from lib.harness.comparing.records import values_in
from lib.harness.errors import UserError
from lib.harness.recording.trace import canonical, measurements_record
from tests.lib.harness.memory import SAME, Memory, record

MIXED: dict[str, Any] = {"best": "adam", "text": "nan", "number": float("nan"), "large": 2**60 + 1, "by": {"t": 1.0}}
OLD_MIXED = canonical(
    {
        "measurements": {
            "best": "adam",
            "text": "nan",
            "number": "nan",
            "large": "0x1.0000000000000p+60",
            "by": {"t": "0x1.0000000000000p+0"},
        }
    }
)


def test_runs_of_two_versions_are_compared_as_far_as_the_first_tells_values_apart() -> None:
    old = record({("a", 0): [OLD_MIXED]}, tags={"lab.trace_version": "1"})
    new = record({("a", 0): [canonical(measurements_record(MIXED))]})
    for pair in ((old, new), (new, old)):
        result = comparison.compare(*pair)
        assert (result.identical, result.values) == (True, 5)
    assert "  trace version: 1 -> 2" in list(comparison.described(old, new, comparison.compare(old, new)))
    for change in ({"best": "sgd"}, {"large": 2**61}, {"by": {"t": 2.0}}):
        (name,) = change
        other = record({("a", 0): [canonical(measurements_record({**MIXED, **change}))]})
        assert str(comparison.compare(old, other)).endswith(f"first from the end of trial a, seed 0: {name}")
    assert not comparison.compare(
        new, record({("a", 0): [canonical(measurements_record({**MIXED, "large": 2**60}))]})
    ).identical


def test_a_value_that_is_too_deep_for_such_a_comparison_is_one_line() -> None:
    deep = '{"measurements":{"a":' + "[" * 700 + "]" * 700 + "}}"
    old, new = (record({("a", 0): [deep]}, tags={"lab.trace_version": version}) for version in "12")
    assert comparison.compare(new, new).identical
    with pytest.raises(UserError, match="trial a, seed 0: a value is too deep"):
        comparison.compare(old, new)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"lab.variant": "sgd"}, "key: its trials are not what its tag lab.result_digest says"),
        ({"lab.seed": "4"}, "key: its trials are not what its tag lab.result_digest says"),
        ({"lab.seed": "third"}, r"key\.trial-0000 has no lab.variant, or no number as its lab.seed"),
        ({"lab.trace_version": "1"}, r"key\.trial-0000 is of another trace version than its run"),
    ],
)
def test_a_trial_that_is_said_to_be_another_is_refused(changes: dict[str, str], words: str) -> None:
    whole = record(SAME)
    assert isinstance(whole.source, Memory)
    first, *others = whole.source.recorded
    forged = replace(first, tags={**first.tags, **changes})
    with pytest.raises(UserError, match=words):
        replace(whole, source=Memory(whole.source.files, [forged, *others])).require_whole()


def test_a_config_that_is_another_or_gone_is_refused() -> None:
    whole = record(SAME)
    assert isinstance(whole.source, Memory)
    first, *others = whole.source.recorded
    for config, words in ((b"{ }", "its trials are not what"), (None, r"key\.trial-0000 has no config\.json")):
        with pytest.raises(UserError, match=words):
            replace(whole, source=Memory(whole.source.files, [replace(first, config=config), *others])).require_whole()


@pytest.mark.parametrize("text", ["", "3", "[]", '{"a": 1, "b": 2}', '["tiny", "--trials"]', "[" * 100_000])
def test_options_of_a_sweep_that_are_none_are_one_line(text: str) -> None:
    with pytest.raises(UserError, match=r"key: its tag lab\.sweep has no options of a sweep"):
        comparison.config_changes(record(SAME), record(SAME, tags={"lab.sweep": text}))


def test_values_are_counted_however_deep_they_are() -> None:
    deep: Any = 1.0
    for level in range(3_000):
        deep = [deep, None] if level % 2 else {"part": deep, "step": 7}
    assert values_in({"measurements": {"deep": deep, "flat": [True, "a"]}}) == 1 + 1_500 + 2


def test_a_trace_whose_lines_are_no_records_is_refused_though_its_digest_is_right() -> None:
    for line in ("{", '{"values":3}', '{"step":0,"values":{"a":1}} '):
        with pytest.raises(UserError, match=r"key\.trial-0000: record 2 of its trace\.jsonl cannot be read"):
            record({("a", 0): [canonical({"step": 0, "values": {}}), line]})
