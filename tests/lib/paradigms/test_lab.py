"""The claims on made-up measurements, the lab in small, and what is left of it when it is broken on purpose."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from lib.harness.contract.drawing import can_draw, style
from lib.harness.contract.results import Results
from lib.harness.contract.settings import Options, configure
from lib.harness.contract.texts import LANGUAGES, Language, language
from lib.harness.errors import UserError
from lib.harness.judging.verdicts import judge
from lib.paradigms.lab import LAB, VARIANTS, ParadigmsConfig
from tests.lib.paradigms.support import made_up, run

CLAIMS = {claim.id: claim for claim in LAB.claims}
SMALL: dict[str, Any] = {
    "seeds": 2,
    "widths": (2, 4, 16),
    "function_steps": 100,
    "epochs": 2,
    "hidden": 32,
    "restarts": 1,
    "codes": (2, 8),
    "code_epochs": 1,
    "environments": 30,
    "updates": 16,
    "threshold": 150,
}


def verdict(claim: str, results: Results) -> str:
    return str(judge(CLAIMS[claim], results, "paradigms")["verdict"])


FUNCTION: dict[str, Any] = {
    "wave/network": [0.3, 0.001],
    "hills/network": [0.5, 0.002],
    "wave/linear": [0.26, 0.26],
    "hills/linear": [0.64, 0.64],
    "wave/least_error_of_a_line": 0.26,
    "hills/least_error_of_a_line": 0.64,
    "wave/linear/off_a_line": 1e-15,
    "hills/linear/off_a_line": 1e-14,
    "by_hand": {"2": 0.4, "4": 1.0},
}
PICTURES: dict[str, Any] = {
    "adjusted_rand": 0.4,
    "unlearned_rand": 0.2,
    "named_right": 0.6,
    "auto_encoder": [0.04, 0.02],
    "pca": [0.05, 0.03],
    "linear_over_pca": 1.001,
}
REWARD: dict[str, Any] = {
    "sampled_return": 450.0,
    "random_return": 22.0,
    "lean_return": 42.0,
    "episodes_until": 900.0,
}
LABELS: dict[str, Any] = {"test_accuracy": 0.93, "test_right": 0.93, "means_right": 0.8}
GOOD: dict[str, dict[str, Any]] = {
    "function": FUNCTION,
    "labels": LABELS,
    "labels/swapped": {"test_right": 0.11},
    "pictures": PICTURES,
    "reward": REWARD,
    "reward/noise": {"sampled_return": 20.0, "random_return": 22.0, "episodes_until": float("inf")},
}
BAD = (
    ("a-network-is-a-function/width", "function", {"hills/network": [0.5, 0.3]}),
    ("a-network-is-a-function/close", "function", {"wave/network": [0.3, 0.02]}),
    ("a-network-is-a-function/line", "function", {"hills/linear/off_a_line": 1e-6}),
    ("a-network-is-a-function/no-closer-than-a-line", "function", {"wave/linear": [0.26, 0.259]}),
    ("a-network-is-a-function/by-hand", "function", {"by_hand": {"2": 1.01}}),
    ("three-kinds-of-learning/supervised", "labels", {"test_right": 0.79}),
    ("three-kinds-of-learning/supervised-by-its-labels", "labels/swapped", {"test_right": 0.5}),
    ("three-kinds-of-learning/clusters", "pictures", {"adjusted_rand": 0.21}),
    ("three-kinds-of-learning/labels-tell-more", "pictures", {"named_right": 0.95}),
    ("three-kinds-of-learning/auto-encoder", "pictures", {"auto_encoder": [0.04, 0.031]}),
    ("three-kinds-of-learning/linear-auto-encoder", "pictures", {"linear_over_pca": 0.9}),
    ("three-kinds-of-learning/reinforcement", "reward", {"sampled_return": 60.0}),
    ("three-kinds-of-learning/reinforcement-solves", "reward", {"episodes_until": float("inf")}),
    ("three-kinds-of-learning/reinforcement-by-its-reward", "reward/noise", {"sampled_return": 440.0}),
)


def test_every_claim_is_tried() -> None:
    assert [claim for claim, *_ in BAD] == [claim.id for claim in LAB.claims]


@pytest.mark.parametrize(("claim", "variant", "change"), BAD)
def test_a_claim_holds_and_fails_where_it_should(claim: str, variant: str, change: Mapping[str, Any]) -> None:
    assert verdict(claim, made_up(GOOD)) == "holds"
    assert verdict(claim, made_up({**GOOD, variant: {**GOOD[variant], **change}})) == "fails"
    assert verdict(claim, made_up({})) == "not measured"


@pytest.mark.parametrize(
    ("claim", "variant", "change"),
    [
        ("three-kinds-of-learning/supervised", "labels", {"test_accuracy": 0.11}),
        ("three-kinds-of-learning/supervised", "labels", {"test_right": 0.82}),
        ("three-kinds-of-learning/clusters", "pictures", {"adjusted_rand": (0.2, 0.5, 0.2, 0.4, 0.2, 0.5)}),
        ("three-kinds-of-learning/auto-encoder", "pictures", {"linear_over_pca": 1.02}),
        ("three-kinds-of-learning/reinforcement-by-its-reward", "reward", {"sampled_return": 25.0}),
        ("three-kinds-of-learning/reinforcement-solves", "reward", {"episodes_until": (900.0,) * 5 + (float("inf"),)}),
    ],
)
def test_a_claim_is_undecided_where_seeds_disagree(claim: str, variant: str, change: Mapping[str, Any]) -> None:
    assert verdict(claim, made_up({**GOOD, variant: {**GOOD[variant], **change}})) == "inconclusive"


def test_one_seed_in_nine_may_never_get_there() -> None:
    late = {"episodes_until": (900.0,) * 8 + (float("inf"),)}
    results = made_up({"reward": {**REWARD, **late}}, seeds=9)
    assert verdict("three-kinds-of-learning/reinforcement-solves", results) == "holds"


@pytest.fixture(scope="module")
def small() -> Results:
    """The whole lab, tiny, really run."""
    return run(ParadigmsConfig(**SMALL))


def test_the_small_lab_runs_every_variant_with_every_seed(small: Results) -> None:
    assert sorted(small.variants()) == sorted(VARIANTS)
    assert {r.trial.function for r in small} == {"function", "labels", "pictures", "reward"}
    assert all(len(small.of(variant)) == 2 for variant in VARIANTS)
    for claim in LAB.claims:
        assert verdict(claim.id, small) != "not measured", claim.id


@pytest.mark.parametrize("code", [code for code in LANGUAGES if can_draw(code)])
@pytest.mark.parametrize("name", list(LAB.figures))
def test_figures_are_drawn(small: Results, name: str, code: Language) -> None:
    with language(code), style():
        figure = LAB.figures[name](small, ParadigmsConfig(**SMALL))
        figure.draw_without_rendering()
    assert all(axis.has_data() or axis.images or name == "without_labels" for axis in figure.axes)


def test_what_learns_from_pictures_never_sees_a_label(monkeypatch: pytest.MonkeyPatch) -> None:
    """With other labels every cluster and every redrawn picture is the same; only what is asked afterwards differs."""
    from lib.data import mnist_5k
    from lib.data.pictures import Split

    config = ParadigmsConfig(**{**SMALL, "seeds": 1, "code_epochs": 1})
    true = run(config, "pictures")[0].measurements
    reads = {name: getattr(mnist_5k, name) for name in ("train", "test")}

    def swapped(split: Split) -> Split:
        return Split(split.images, np.random.default_rng(0).permutation(split.labels), split.white)

    for name, read in reads.items():
        monkeypatch.setattr(mnist_5k, name, lambda read=read: swapped(read()))
    other = run(config, "pictures")[0].measurements
    for same in ("centres", "steps", "auto_encoder", "pca", "linear_over_pca"):
        assert true[same] == other[same]
    assert true["adjusted_rand"] > 0.2
    assert abs(other["adjusted_rand"]) < 0.03  # broken: the claim would not hold


@pytest.mark.parametrize(
    ("setting", "named"),
    [("widths=[3]", "widths"), ("reward=gold", "reward"), ("discount=2", "discount"), ("codes=[0]", "codes")],
)
def test_a_bad_setting_is_one_line_that_names_it(setting: str, named: str) -> None:
    with pytest.raises(UserError, match=named) as raised:
        configure(LAB, Options(changes=(setting,)))
    assert "\n" not in str(raised.value)


def test_the_quick_settings_are_valid_and_every_default_has_a_reason() -> None:
    assert ParadigmsConfig(**LAB.quick).seeds == 6
    assert all(field.description for field in ParadigmsConfig.model_fields.values())
    with pytest.raises(ValidationError, match="extra"):
        ParadigmsConfig(colour="red")  # type: ignore[call-arg]
