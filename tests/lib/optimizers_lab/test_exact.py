"""Exact claims hold for every root seed: twenty of them, only the trials that the claims read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from lib.harness.contract.results import Results
from lib.harness.contract.seeds import Seed
from lib.harness.contract.settings import Options, configure
from lib.harness.contract.studies import changed
from lib.harness.contract.trial import Result, Runtime, Trial
from lib.harness.judging.verdicts import judge
from lib.harness.recording.recorder import plain
from lib.optimizers.experiments import frameworks
from lib.optimizers.experiments.config import OptimizersConfig
from lib.optimizers.lab import LAB
from tests.lib.support import DTYPES, Recording

pytestmark = pytest.mark.slow
ROOTS = range(101, 121)
EXACT = {claim.id: claim for claim in LAB.claims if claim.kind == "exact"}
QUICK: Any = configure(LAB, Options(quick=True))


def run(trial: Trial, root: int) -> Result:
    """A trial as the run with this root seed would run it."""
    with DTYPES[trial.runtime.framework](trial.runtime.dtype):
        found = LAB.function(trial)(trial.config, Seed(root).child("trial", trial.seed), Recording())
    return Result(trial, "", "FINISHED", plain(found))


def failing(claims: Sequence[str], results: Results) -> dict[str, Any]:
    """The effects of those that do not hold."""
    records = [judge(EXACT[claim], results, LAB.name) for claim in claims]
    return {record["id"]: record["effect"] for record in records if record["verdict"] != "holds"}


READ = {
    "descent": ("gradient-descends/step", "gradient-descends/divergence"),
    "forms": ("momentum-forms/constant", "momentum-forms/schedule"),
    "rates": (
        "adagrad-decays/monotone",
        "adagrad-decays/valley",
        "adagrad-decays/constant-rate",
        "rmsprop-improves-adagrad/recovers",
    ),
    "identities": (
        "adam-is-the-sum/rmsprop",
        "adam-is-the-sum/correction",
        "adam-is-the-sum/adagrad",
        "adam-is-the-sum/momentum",
        "adamax-nadam/infinity-norm",
        "adamax-nadam/nesterov",
    ),
    "lenet-coincide": ("nobody-writes-them/lenet", "nobody-writes-them/lenet-predictions"),
    "frameworks": (
        "adamax-nadam/frameworks",
        "nobody-writes-them/torch",
        "nobody-writes-them/keras",
        "nobody-writes-them/keras-as-shipped",
        "nobody-writes-them/lion",
        "nobody-writes-them/muon-keras",
        "nobody-writes-them/muon-torch",
    ),
}
"""Exact claims by the trial function that they read."""


def test_every_exact_claim_is_read_here() -> None:
    assert sorted(claim for claims in READ.values() for claim in claims) == sorted(EXACT)


@pytest.mark.parametrize("root", ROOTS)
@pytest.mark.parametrize("function", ["descent", "forms", "rates", "identities"])
def test_in_numpy(function: str, root: int) -> None:
    seeds = range(OptimizersConfig().seeds) if function == "descent" else range(1)
    results = [
        run(Trial(function, OptimizersConfig(), seed, Runtime("numpy", "float64"), function), root) for seed in seeds
    ]
    assert failing(READ[function], Results(results)) == {}


@pytest.mark.parametrize("root", ROOTS)
def test_on_lenet(root: int) -> None:
    trial = Trial("lenet/coincide", QUICK, 0, Runtime("torch", "float64"), "lenet-coincide")
    assert failing(READ["lenet-coincide"], Results([run(trial, root)])) == {}


def test_beside_the_frameworks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Elementwise rules take the starts of all root seeds at once; for Muon those of one are the matrix."""
    of_one = frameworks.start_points
    every = np.concatenate([of_one(Seed(root).child("trial", 0)) for root in ROOTS], axis=1)
    at_once = frameworks.deviation

    def deviation(name: str, framework: str, settings: Any, make: Any, starts: np.ndarray) -> float:
        if name != "Muon":
            return at_once(name, framework, settings, make, starts)
        ones = np.split(starts, len(ROOTS), axis=1)
        return max(at_once(name, framework, settings, make, one) for one in ones)

    monkeypatch.setattr(frameworks, "start_points", lambda seed: every)
    monkeypatch.setattr(frameworks, "deviation", deviation)
    results = []
    for name in ("torch", "keras"):
        config = changed(QUICK, {"framework": name})
        results.append(run(Trial(f"frameworks/{name}", config, 0, Runtime(name, "float64"), "frameworks"), 0))
    assert failing(READ["frameworks"], Results(results)) == {}
