"""The experiments broken on purpose: without the treatment no comparison holds, and with arms exchanged no sentence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lib.harness.contract.results import Results
from lib.harness.contract.studies import changed
from lib.harness.contract.trial import Trial
from lib.harness.judging.verdicts import judge
from lib.tf2.tf2 import agreement, old_code
from lib.tf2.tf2.lab import LAB, Tf2Config
from tests.lib.arms import swapped
from tests.lib.exact_claims import ROOTS, run_with, turning
from tests.lib.tf2.support import Timed

ROOT = 14
CONFIG = Tf2Config(seeds=9, single_seeds=1, double_seeds=1, part_steps=600, double_steps=60, steps=4, draws=4)


def of(config: Tf2Config, *variants: str) -> list[Trial]:
    (trials,) = LAB.begin(config, ROOT)
    return [trial for trial in trials if trial.variant in variants]


def verdicts(results: Results, *claims: str) -> list[str]:
    by_id = {claim.id: claim for claim in LAB.claims}
    return [str(judge(by_id[claim], results, LAB.name)["verdict"]) for claim in claims]


ROUNDING = ("rounding-flips-a-unit/float32", "rounding-flips-a-unit/float64")


@pytest.mark.slow
def test_with_float64_in_the_place_of_float32_nothing_parts() -> None:
    real = Results([run_with(LAB, trial, ROOT) for trial in of(CONFIG, "part/float32", "part/float64")])
    assert verdicts(real, *ROUNDING) == ["holds", "holds"]
    assert verdicts(swapped(real, ("part/float32", "part/float64")), ROUNDING[1]) == ["fails"]
    never = [r.measurements["parted"] for r in real.of("part/float64")]
    assert never == [np.inf]


@pytest.mark.slow
def test_with_the_same_sums_nothing_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The treatment removed: both networks are of one level."""
    monkeypatch.setattr(agreement, "BY_HAND", agreement.LOWEST)
    config = Tf2Config(seeds=6, part_steps=30)
    results = Results([run_with(LAB, trial, ROOT) for trial in of(config, "part/float32")])
    assert {max(r.measurements["apart"]) for r in results} == {0.0}
    assert verdicts(results, ROUNDING[0]) == ["fails"]


def test_without_training_the_replacement_learns_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = old_code.PAIRS["train and evaluate"]
    untrained: Any = old_code.Pair(pair.old, pair.new.replace("epochs=20", "epochs=0"), pair.deviation)
    monkeypatch.setattr(old_code, "PAIRS", {**old_code.PAIRS, "train and evaluate": untrained})
    results = Results([run_with(LAB, trial, ROOT) for trial in of(Tf2Config(pictures=300), "old code")])
    learns, runs = "layers-and-estimator/replacement-learns", "layers-and-estimator/replacement-runs"
    assert verdicts(results, learns, runs) == ["fails", "holds"]


def test_with_old_and_new_code_exchanged_the_sentence_holds_and_its_control_fails() -> None:
    (result,) = [run_with(LAB, trial, ROOT) for trial in of(Tf2Config(pictures=300), "old code")]
    runs, replaced = "layers-and-estimator/old-code-runs", "layers-and-estimator/replacement-runs"
    assert verdicts(Results([result]), runs, replaced) == ["fails", "holds"]
    errors = {"old_errors": result.measurements["new_errors"], "new_errors": result.measurements["old_errors"]}
    result.measurements.update(errors)  # type: ignore[attr-defined]
    assert verdicts(Results([result]), runs, replaced) == ["holds", "fails"]


ROWS: dict[tuple[str, ...], tuple[str, ...]] = {
    ("agree/float32", "agree/float64"): ("four-levels-agree",),
    ("part/float64",): ("rounding-flips-a-unit",),
    ("autograph",): ("autograph-if-else", "autograph-limits"),
    ("old code",): ("layers-and-estimator",),
    ("portable",): ("fully-compatible-keras",),
}
"""The rows whose exact claims read these variants."""
OF_TIMES = {
    "four-levels-agree/compiled-is-faster",
    "autograph-if-else/loop-is-faster",
    "autograph-if-else/first-call",
}
"""Exact claims that read times: facts of a machine and of what else it does."""
FAIL = {"layers-and-estimator/old-code-runs", "fully-compatible-keras/every-use"}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning")
@pytest.mark.parametrize("variants", ROWS, ids=" ".join)
def test_exact_claims_have_one_verdict_for_twenty_root_seeds(variants: tuple[str, ...]) -> None:
    few = {"steps": 12, "double_steps": 20, "draws": 3, "values": 3, "repeats": 1, "pictures": 300}
    exact = {claim.id for claim in LAB.claims if claim.kind == "exact" and claim.row in ROWS[variants]} - OF_TIMES
    roots = range(1, 2) if variants == ("old code",) else ROOTS  # where nothing is drawn, one root is all
    found = turning(LAB, changed(CONFIG, few), variants, only=exact, fails=FAIL & exact, roots=roots, log=Timed)
    assert found == []


def test_the_exact_claims_are_those_of_all_rows() -> None:
    assert {claim.row for claim in LAB.claims} == {row for rows in ROWS.values() for row in rows}
    assert {claim.id for claim in LAB.claims if claim.kind == "exact"} > OF_TIMES
