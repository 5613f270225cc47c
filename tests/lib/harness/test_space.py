"""The space of a sweep: what the lab declares, what ``--space`` changes, what is refused and how it says so."""

import pytest

from lib.harness.contract.search import Choices, Range
from lib.harness.errors import UserError
from lib.harness.searching.space import described, space_of
from lib.nlp.elmo import lab as elmo
from lib.nlp.elmo.lab import SEARCH as ELMO
from tests.lib.harness.labs.tiny import SEARCH, TinyConfig

CONFIG = TinyConfig()


def test_the_labs_own_space_is_taken_and_changed_field_by_field() -> None:
    assert space_of(SEARCH, CONFIG, [], []) == SEARCH.space
    said = ["learning_rate=0.01:1", "steps=5:50:log", "text=a,b,c"]
    space = space_of(SEARCH, CONFIG, said, [])
    assert space["learning_rate"] == Range(0.01, 1.0)
    assert space["steps"] == Range(5, 50, log=True) and isinstance(space["steps"], Range) and space["steps"].whole
    assert space["text"] == Choices(("a", "b", "c"))
    assert space_of(SEARCH, CONFIG, ["learning_rate=0.1:0.4:0.1"], [])["learning_rate"] == Range(0.1, 0.4, step=0.1)
    assert space["backwards"] == SEARCH.space["backwards"]
    assert space_of(SEARCH, CONFIG, ["steps=5,10"], [])["steps"] == Choices((5, 10))
    assert space_of(SEARCH, CONFIG, ["backwards=true"], [])["backwards"] == Choices((True,))


def test_a_field_that_is_set_is_not_searched() -> None:
    assert space_of(SEARCH, CONFIG, [], ["steps=12"]).keys() == {"learning_rate", "backwards"}
    with pytest.raises(UserError, match="leave one of its fields out"):
        space_of(SEARCH, CONFIG, [], ["steps=12", "learning_rate=0.1", "backwards=true"])


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("lerning_rate=0.1:1", ["no field 'lerning_rate'", "nearest: learning_rate"]),
        ("steps", ["--space steps", "KEY=LOW:HIGH"]),
        ("steps=", ["no single value", "KEY=LOW:HIGH"]),
        ("steps=1:20:30", ["a step from 1 to 20 cannot be 30"]),
        ("steps=1:10:6", ["no step of 6 ends at 10", "write steps=1:7:6"]),
        ("learning_rate=0.1:1:0.6", ["no step of 0.6 ends at 1", "write learning_rate=0.1:0.7:0.6"]),
        ("steps=1:2:log:log", ["KEY=LOW:HIGH"]),
        ("steps=1:many", ["'many' is not a number"]),
        ("steps=20:10", ["20 must be below 10"]),
        ("steps=1.5:3", ["'steps' is a whole number"]),
        ("learning_rate=0:1:log", ["a logarithm needs 0 to be above 0"]),
        ("learning_rate=0.1:2", ["learning_rate", "2.0 is refused", "> 0, <= 1"]),
        ("learning_rate=0.1,many", ["learning_rate", "'many' is refused", "float"]),
        ("learning_rate=nan:1", ["'nan' is not a number"]),
        ("learning_rate=0:inf:1", ["'inf' is not a number"]),
        ("action=[1],say", ["'[1]' is no single value"]),
        ("seeds=2:5", ["'seeds' says how the lab is run"]),
        ("framework=torch,keras", ["'framework' says how the lab is run"]),
    ],
)
def test_what_is_wrong_is_named_in_one_line(said: str, words: list[str]) -> None:
    with pytest.raises(UserError) as caught:
        space_of(SEARCH, CONFIG, [said], [])
    line = str(caught.value)
    assert "\n" not in line
    for word in words:
        assert word in line


@pytest.mark.parametrize("said", ["width=16:64", "width=16:64:6", "width=16:64:log"])
def test_a_range_that_only_its_ends_fit_is_refused(said: str) -> None:
    with pytest.raises(UserError, match=r"takes only multiples of 4: write width=16:64:4$"):
        space_of(ELMO, elmo.LAB.config(), [said], [])
    assert space_of(ELMO, elmo.LAB.config(), ["width=16:64:8"], [])["width"] == Range(16, 64, step=8)
    assert space_of(ELMO, elmo.LAB.config(), ["width=16,20"], [])["width"] == Choices((16, 20))


def test_what_goes_with_other_fields_only_is_left_to_the_search() -> None:
    assert space_of(SEARCH, TinyConfig(text="even"), ["steps=11:20"], [])["steps"] == Range(11, 20)


def test_a_field_that_the_judged_trial_sets_itself_cannot_be_searched() -> None:
    from dataclasses import replace

    from lib.harness.contract.studies import changed
    from lib.harness.contract.trial import Trial

    fixed = replace(SEARCH, trial=lambda config: Trial("judged", changed(config, {"steps": 7}), 0))
    with pytest.raises(UserError, match="sets this field itself"):
        space_of(fixed, CONFIG, [], [])


def test_a_space_is_recorded_as_plain_json() -> None:
    assert described({"steps": Range(1, 5), "text": Choices(("a", "b"))}) == {
        "steps": {"low": 1, "high": 5, "log": False, "step": None},
        "text": {"choices": ["a", "b"]},
    }
