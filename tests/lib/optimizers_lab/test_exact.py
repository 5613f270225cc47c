"""Exact claims hold for every root seed: twenty of them, only the trials that the claims read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lib.harness.contract.claim import largest
from lib.harness.contract.results import Results
from lib.harness.contract.seeds import Seed
from lib.harness.contract.settings import Options, configure
from lib.harness.contract.studies import changed
from lib.harness.contract.trial import Runtime, Trial
from lib.harness.judging.verdicts import judge
from lib.optimizers.experiments import frameworks, lenet_claims
from lib.optimizers.experiments.config import OptimizersConfig
from lib.optimizers.lab import LAB
from tests.lib.exact_claims import ROOTS, run_with, turning

pytestmark = pytest.mark.slow
EXACT = {claim.id: claim for claim in LAB.claims if claim.kind == "exact"}
OF_LENET = [claim.id for claim in lenet_claims.CLAIMS if claim.kind == "exact"]
OF_FRAMEWORKS = [claim.id for claim in frameworks.CLAIMS]
QUICK: Any = configure(LAB, Options(quick=True))


def failing(claims: list[str], results: Results) -> dict[str, Any]:
    """The effects of those that do not hold."""
    records = [judge(EXACT[claim], results, LAB.name) for claim in claims]
    return {record["id"]: record["effect"] for record in records if record["verdict"] != "holds"}


def test_in_numpy() -> None:
    read = ("descent", "forms", "rates", "identities")
    assert turning(LAB, OptimizersConfig(), read, without=[*OF_LENET, *OF_FRAMEWORKS]) == []


@pytest.mark.parametrize("root", ROOTS)
def test_on_lenet(root: int) -> None:
    """Of the study's second batch, so that `turning` does not have it."""
    trial = Trial("lenet/coincide", QUICK, 0, Runtime("torch", "float64"), "lenet-coincide")
    assert failing(OF_LENET, Results([run_with(LAB, trial, root)])) == {}


def test_beside_the_frameworks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Elementwise rules take the starts of all root seeds at once; for Muon those of one are the matrix."""
    of_one = frameworks.start_points
    every = np.concatenate([of_one(Seed(root).child("trial", 0)) for root in ROOTS], axis=1)
    at_once = frameworks.deviation

    def deviation(name: str, framework: str, settings: Any, make: Any, starts: np.ndarray) -> float:
        if name != "Muon":
            return at_once(name, framework, settings, make, starts)
        ones = np.split(starts, len(ROOTS), axis=1)
        return largest(at_once(name, framework, settings, make, one) for one in ones)

    monkeypatch.setattr(frameworks, "start_points", lambda seed: every)
    monkeypatch.setattr(frameworks, "deviation", deviation)
    trials = [
        Trial(f"frameworks/{name}", changed(QUICK, {"framework": name}), 0, Runtime(name, "float64"), "frameworks")
        for name in ("torch", "keras")
    ]
    assert failing(OF_FRAMEWORKS, Results([run_with(LAB, trial, ROOTS[0]) for trial in trials])) == {}
