"""The experiments broken on purpose: without the treatment no comparison holds, and with arms exchanged no sentence."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lib.harness.contract.results import Results
from lib.harness.judging.verdicts import judge
from lib.paradigms import k_means, lab, reinforce
from lib.paradigms.autoencoder import AutoEncoder, principal_components
from lib.paradigms.lab import LAB, ParadigmsConfig
from tests.lib.arms import swapped
from tests.lib.exact_claims import run_with, turning

SMALL: dict[str, Any] = {
    "seeds": 3,
    "widths": (2, 4, 16),
    "function_steps": 300,
    "epochs": 3,
    "hidden": 64,
    "restarts": 1,
    "codes": (8,),
    "code_epochs": 3,
    "environments": 30,
    "updates": 20,
}
ROOT = 13
COMPARISONS = {
    "a-network-is-a-function/width",
    "three-kinds-of-learning/supervised",
    "three-kinds-of-learning/clusters",
    "three-kinds-of-learning/labels-tell-more",
    "three-kinds-of-learning/auto-encoder",
    "three-kinds-of-learning/reinforcement",
    "three-kinds-of-learning/reinforcement-by-its-reward",
}


def measured(**changes: Any) -> Results:
    (trials,) = LAB.begin(ParadigmsConfig(**{**SMALL, **changes}), ROOT)
    return Results([run_with(LAB, trial, ROOT) for trial in trials])


def verdicts(results: Results) -> dict[str, str]:
    return {c.id: str(judge(c, results, LAB.name)["verdict"]) for c in LAB.claims}


@pytest.fixture(scope="module")
def real() -> Results:
    return measured()


def with_names(results: Results, variant: str, one: str, other: str) -> Results:
    """The results of a variant with two of its measurements, or parts of their names, exchanged."""
    names = {one: other, other: one}

    def exchanged(measurements: Mapping[str, Any]) -> dict[str, Any]:
        return {"/".join(names.get(part, part) for part in key.split("/")): each for key, each in measurements.items()}

    return Results([replace(r, measurements=exchanged(r.measurements)) for r in results.of(variant)])


@pytest.mark.parametrize(
    ("variant", "one", "other", "sentence"),
    [
        ("labels", "test_right", "means_right", "three-kinds-of-learning/supervised"),
        ("pictures", "adjusted_rand", "unlearned_rand", "three-kinds-of-learning/clusters"),
        ("reward", "sampled_return", "lean_return", "three-kinds-of-learning/reinforcement"),
        ("function", "network", "linear", "a-network-is-a-function/close"),
    ],
)
def test_with_what_learns_and_its_peer_exchanged_the_sentence_fails(
    real: Results, variant: str, one: str, other: str, sentence: str
) -> None:
    assert sentence.endswith("close") or verdicts(real)[sentence] == "holds"
    assert verdicts(with_names(real, variant, one, other))[sentence] == "fails"


def test_with_the_right_and_the_wrong_teacher_exchanged_the_controls_fail(real: Results) -> None:
    other = swapped(real, ("labels", "labels/swapped"), ("reward", "reward/noise"))
    found = verdicts(other)
    assert found["three-kinds-of-learning/supervised"] == "inconclusive", "a classifier that has learned nothing"
    assert found["three-kinds-of-learning/supervised-by-its-labels"] == "fails"
    assert found["three-kinds-of-learning/reinforcement"] == "fails"
    bent = with_names(real, "function", "network", "linear")
    assert verdicts(bent)["a-network-is-a-function/line"] == "fails"


@pytest.mark.slow
def test_without_the_treatment_no_comparison_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    """No non-linearity, other images' labels, clusters and codes that never move, and noise in place of the reward."""
    drawn = k_means.plus_plus

    def unmoved(x: np.ndarray, k: int, rng: np.random.Generator, restarts: int) -> k_means.Clusters:
        return k_means.Clusters(drawn(x, k, rng), [0.0])

    def linear(self: AutoEncoder, x: np.ndarray, *_: Any, **__: Any) -> None:
        self.redrawn = principal_components(x, self.code).redrawn  # type: ignore[method-assign]

    monkeypatch.setattr(k_means, "k_means", unmoved)
    monkeypatch.setattr(AutoEncoder, "train", linear)
    monkeypatch.setattr(lab, "VARIANTS", {
        **lab.VARIANTS, "labels": {"labels": "swapped"}, "reward": {"reward": "noise"},
    })  # fmt: skip
    found = {c: v for c, v in verdicts(measured(activation="identity")).items() if c in COMPARISONS}
    assert found.keys() == COMPARISONS
    assert "holds" not in found.values(), found


def test_the_comparisons_are_all_of_them() -> None:
    assert {claim.id for claim in LAB.claims if claim.smallest} == COMPARISONS


def test_what_does_not_learn_is_what_it_says() -> None:
    states = np.array([[0.0, 0.0, -0.1, 3.0], [0.0, 0.0, 0.2, -3.0]])
    assert reinforce.push_where_it_leans(states).argmax(axis=1).tolist() == [0, 1]


def test_exact_claims_have_one_verdict_for_twenty_root_seeds() -> None:
    config = ParadigmsConfig(seeds=1, widths=(2, 64), function_steps=40)
    assert turning(LAB, config, ("function",)) == []


@pytest.mark.slow
def test_exact_claims_have_one_verdict_after_the_whole_training() -> None:
    assert turning(LAB, ParadigmsConfig(seeds=1, widths=(2, 64)), ("function",), roots=range(21, 25)) == []
