"""The tf2 lab: its claims on made-up results, its pictures, and one model on both backends."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lib.harness.contract.drawing import style
from lib.harness.contract.results import Results
from lib.harness.contract.seeds import Seed
from lib.harness.contract.settings import Options, configure
from lib.harness.contract.trial import Result, Runtime, Trial
from lib.harness.errors import UserError
from lib.tf2.tf2 import portable
from lib.tf2.tf2.agreement import MODES
from lib.tf2.tf2.claims import CLAIMS
from lib.tf2.tf2.lab import LAB, Tf2Config
from lib.tf2.tf2.levels import LEVELS
from lib.tf2.tf2.old_code import PAIRS
from lib.tf2.tf2.programs import FROZEN, PROGRAMS, REFUSED
from tests.lib.decisions import verdicts
from tests.lib.tf2.support import Timed

CONFIG = Tf2Config(seeds=6, single_seeds=2, double_seeds=1)
USES = ("load the .keras file", "predict", "compile and train", "save it again", "fit on tf.data", "tf.GradientTape",
        "inside tf.function", "export a SavedModel", "TFSMLayer")  # fmt: skip
JITTER = (0.0, 0.02, -0.02, 0.01, -0.01, 0.015)


def agree(apart: float) -> dict[str, Any]:
    arms = [f"{level}.{mode}" for level in LEVELS for mode in MODES]
    return {
        "apart": [0.0, apart],
        "apart_own_kernels": [0.0, 0.0],
        "from_reference": {arm: [0.0, apart if arm.startswith("variables") else 0.0] for arm in arms},
        "moved": 0.1,
        "traces": {f"{level}.compiled": [1, 2, 3] for level in LEVELS},
    }


def good(variant: str, seed: int) -> tuple[dict[str, Any], dict[str, float]]:
    """Measurements and times as the lab expects them."""
    times = {f"{level}.{mode}.steps_per_second": 10.0 + 10 * i + JITTER[seed] for level in LEVELS
             for i, mode in enumerate(MODES)}  # fmt: skip
    times |= {"python": 1e-5, "eager": 0.03 + JITTER[seed] / 100, "graph": 0.001, "first": 0.2}
    found: dict[str, Any] = {
        "agree/float32": agree(1e-3),
        "agree/float64": agree(1e-15),
        "part/float32": {"apart": [1e-8, 1e-3, 1e-3], "parted": 2.0},
        "part/float64": {"apart": [1e-16, 1e-15], "parted": float("inf")},
        "autograph": {
            "answers": {name: [[1.0, 2.0]] * 3 for name in PROGRAMS},
            "first": {name: [1.0, 2.0] for name in PROGRAMS},
            "deviations": dict.fromkeys(PROGRAMS, 0.0),
            "python_deviations": dict.fromkeys(PROGRAMS, 0.0),
            "gradient_deviation": 0.0,
            "refused_without_autograph": 5,
            "traces_tensors": [1] * 6,
            "traces_numbers": [1, 2, 3, 3, 3, 3],
            "refused": dict.fromkeys(REFUSED, "TypeError: no"),
            "frozen": dict.fromkeys(FROZEN, True),
        },
        "old code": {
            "old_errors": dict.fromkeys(PAIRS, ""),
            "new_errors": dict.fromkeys(PAIRS, ""),
            "deviations": dict.fromkeys(PAIRS, 1e-7),
            "accuracy": 0.8,
            "nearest_mean": 0.7,
        },
        "portable": {
            "saved": 0.0,
            "weights_only": 0.01,
            "served": {"serve": 0.0, "TFSMLayer": 0.0},
            "levels": 0.0,
            "torch_logits": 1e-6,
            "torch_losses": 1e-6,
            "uses_tensorflow": dict.fromkeys(USES, ""),
            "uses_torch": dict.fromkeys(USES, ""),
        },
    }
    return found[variant], times


def made_up(**changes: dict[str, Any]) -> Results:
    """The results of a study; `changes` by variant with / and blanks as _."""
    results = []
    for trial in next(LAB.begin(CONFIG, 0)):
        found, times = good(trial.variant, trial.seed)
        changed = changes.get(trial.variant.replace("/", "_").replace(" ", "_"), {})
        found |= {name: value for name, value in changed.items() if name in found}
        times |= {name: value for name, value in changed.items() if name in times}
        results.append(Result(trial, trial.variant, "FINISHED", found, timings=times))
    return Results(results)


def test_decisions_on_results_whose_answer_is_known() -> None:
    assert set(verdicts(CLAIMS, made_up()).values()) == {"holds"}


SLOW = {f"{level}.compiled.steps_per_second": 5.0 for level in LEVELS}


@pytest.mark.parametrize(
    ("variant", "changes", "failing"),
    [
        ("agree_float64", {"apart": [0.0, 1e-4]}, "four-levels-agree/float64"),
        ("agree_float32", {"apart_own_kernels": [1e-4, 0.0]}, "four-levels-agree/float32"),
        ("agree_float32", {"moved": 1e-6}, "four-levels-agree/moved"),
        ("agree_float64", {"traces": {"subclass.compiled": [2, 3, 4]}}, "four-levels-agree/traced-once"),
        ("agree_float32", SLOW, "four-levels-agree/compiled-is-faster"),
        ("part_float32", {"parted": float("inf")}, "rounding-flips-a-unit/float32"),
        ("part_float32", {"parted": 601.0}, "rounding-flips-a-unit/float32"),
        ("part_float64", {"apart": [1e-16, 1e-4]}, "rounding-flips-a-unit/float64"),
        ("autograph", {"deviations": {"if": 1.0}}, "autograph-if-else/same-answers"),
        ("autograph", {"python_deviations": {"if": 1e-9}}, "autograph-if-else/as-python"),
        ("autograph", {"gradient_deviation": 1e-3}, "autograph-if-else/gradient"),
        ("autograph", {"refused_without_autograph": 4}, "autograph-if-else/it-is-autograph"),
        ("autograph", {"traces_tensors": [1, 2, 3, 3, 3, 3]}, "autograph-if-else/one-trace-for-tensors"),
        ("autograph", {"traces_numbers": [1, 1, 1, 1, 1, 1]}, "autograph-if-else/a-trace-for-each-number"),
        ("autograph", {"traces_numbers": [1, 2, 3, 4, 5, 6]}, "autograph-if-else/a-trace-for-each-number"),
        ("autograph", {"graph": 1.0}, "autograph-if-else/loop-is-faster"),
        ("autograph", {"first": 0.001}, "autograph-if-else/first-call"),
        ("autograph", {"refused": dict.fromkeys(REFUSED, "")}, "autograph-limits/refused"),
        ("autograph", {"frozen": dict.fromkeys(FROZEN, False)}, "autograph-limits/frozen"),
        ("old_code", {"old_errors": {"x": "AttributeError: gone"}}, "layers-and-estimator/old-code-runs"),
        ("old_code", {"new_errors": {"x": "TypeError: no"}}, "layers-and-estimator/replacement-runs"),
        ("old_code", {"deviations": {"x": float("inf")}}, "layers-and-estimator/replacement-is-right"),
        ("old_code", {"accuracy": 0.71}, "layers-and-estimator/replacement-learns"),
        ("portable", {"saved": 1e-9}, "fully-compatible-keras/saved"),
        ("portable", {"weights_only": 0.0}, "fully-compatible-keras/weights-are-not-all"),
        ("portable", {"served": {"serve": 0.1}}, "fully-compatible-keras/served"),
        ("portable", {"levels": 1e-3}, "fully-compatible-keras/levels"),
        ("portable", {"torch_logits": 0.1}, "fully-compatible-keras/torch-logits"),
        ("portable", {"torch_losses": 0.1}, "fully-compatible-keras/torch-training"),
        ("portable", {"uses_torch": {"x": "NotImplementedError: no"}}, "fully-compatible-keras/every-use"),
    ],
)
def test_each_claim_fails_where_it_is_wrong(variant: str, changes: dict[str, Any], failing: str) -> None:
    found = verdicts(CLAIMS, made_up(**{variant: changes}))
    assert [name for name, verdict in found.items() if verdict != "holds"] == [failing]
    assert found[failing] == "fails"


def test_networks_of_which_some_never_part_are_inconclusive() -> None:
    results = made_up()
    for i, result in enumerate(results.of("part/float32")):
        result.measurements["parted"] = float("inf") if i % 2 else 50.0  # type: ignore[index]
    assert verdicts(CLAIMS, results)["rounding-flips-a-unit/float32"] == "inconclusive"


@pytest.mark.parametrize("name", LAB.figures)
def test_figures(name: str) -> None:
    with style():
        figure = LAB.figures[name](made_up(), CONFIG)
        figure.draw_without_rendering()
        assert all(axis.has_data() or axis.texts for axis in figure.axes)


def test_the_study_asks_for_all() -> None:
    (trials,) = list(LAB.begin(CONFIG, 0))
    counts = {v: sum(t.variant == v for t in trials) for v in dict.fromkeys(t.variant for t in trials)}
    assert counts == {
        "portable": 1,
        "agree/float32": 2,
        "part/float32": 6,
        "autograph": 1,
        "old code": 1,
        "agree/float64": 1,
        "part/float64": 1,
    }
    assert {t.runtime for t in trials if t.variant.endswith("float64")} == {Runtime("keras", "float64")}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning")
def test_one_model_on_both_backends() -> None:
    found = portable.measure(Seed(0).child("trial", 0), Timed(), steps=2, batch=4, rate=0.05)
    assert found["saved"] == 0 and found["weights_only"] > 1e-5
    assert max(found["served"].values()) < 1e-5 and found["levels"] < 1e-6
    assert found["torch_logits"] < 1e-4 and found["torch_losses"] < 1e-4 and found["torch_weights"] < 1e-4
    assert set(found["uses_tensorflow"].values()) == {""} and tuple(found["uses_torch"]) == USES
    assert [name for name, error in found["uses_torch"].items() if not error][:4] == list(USES[:4])
    assert "TFSMLayer" in found["uses_torch"]["TFSMLayer"]


@pytest.mark.parametrize("setting", ["steps=1", "learning_rate=0", "dtype=float16", "batch_size=1"])
def test_a_bad_setting_is_one_line_that_names_it(setting: str) -> None:
    with pytest.raises(UserError) as caught:
        configure(LAB, Options(changes=[setting]))
    assert "\n" not in str(caught.value) and setting.split("=", maxsplit=1)[0] in str(caught.value)


def test_it_runs_in_keras_alone() -> None:
    with pytest.raises(UserError, match="runs in keras"):
        configure(LAB, Options(framework="torch"))
    assert np.all([isinstance(t, Trial) for t in next(LAB.begin(CONFIG, 0))])
