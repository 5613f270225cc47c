"""The contract: defaults of a lab, what it refuses in one line, and the one import of an author."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fearless_labs
import pytest

from lib.harness.contract.claim import Claim
from lib.harness.contract.config import Config
from lib.harness.contract.lab import Lab
from lib.harness.contract.source import refuse_old_contract
from lib.harness.contract.trial import Runtime, Trial
from lib.harness.errors import UserError
from lib.harness.recording.recorder import check_names
from tests.lib.harness.labs import tiny

ROOT = Path(__file__).resolve().parents[3]


def train(config: Any, seed: Any, log: Any) -> dict[str, Any]:
    return {}


def check(config: Any, seed: Any, log: Any) -> dict[str, Any]:
    return {}


def lab(**fields: Any) -> Lab:
    return Lab(**{"name": "own", "summary": "its own", "config": Config, "trials": train, **fields})


def asked(own: Lab, config: Config) -> Iterator[Trial]:
    study = own.begin(config, 0)
    batch = next(study, None)
    while batch is not None:
        yield from batch
        try:
            batch = study.send([])
        except StopIteration:
            batch = None


def test_without_a_study_every_variant_meets_every_seed() -> None:
    own = lab(variants={"few": {}, "many": {"batch": 32}}, frameworks=("torch", "keras"))
    trials = list(asked(own, Config(seeds=2, batch=3, framework="keras")))
    assert [(t.variant, t.seed, t.config.batch) for t in trials] == [
        ("few", 0, 3),
        ("many", 0, 32),
        ("few", 1, 3),
        ("many", 1, 32),
    ]
    assert {t.runtime for t in trials} == {Runtime("keras")}
    assert {t.variant for t in asked(lab(frameworks=("numpy",)), Config())} == {"default"}


def test_a_trial_names_its_function() -> None:
    several = lab(trials={"train": train, "check": check})
    assert several.function(Trial("x", Config(), 0, function="check")) is check
    assert lab(trials={"train": train}).function(Trial("x", Config(), 0)) is train
    with pytest.raises(UserError, match=r"own: the trial x, seed 0, names no function; .* train, check"):
        several.function(Trial("x", Config(), 0))
    with pytest.raises(UserError, match="'chekc'"):
        list(asked(lab(study=lambda config: iter([[Trial("x", config, 0, function="chekc")]])), Config()))


@pytest.mark.parametrize(
    ("trials", "line"),
    [
        ([("a", 0), ("b", 0), ("a", 0)], "own: the study asks for variant 'a' with seed 0 twice"),
        ([], "own: the study asks for no trial"),
    ],
)
def test_a_study_without_trials_or_with_one_twice_is_refused(trials: list[tuple[str, int]], line: str) -> None:
    def study(config: Config) -> Iterator[list[Trial]]:
        yield from ([Trial(variant, config, seed)] for variant, seed in trials)

    with pytest.raises(UserError, match=line):
        list(asked(lab(study=study), Config()))


@pytest.mark.parametrize("bounds", [{}, {"at_least": 2, "at_most": 1}, {"at_least": float("nan")}])
def test_a_claim_needs_a_range_that_contains_a_number(bounds: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="claim 'row/part'"):
        Claim("row/part", measure=lambda results: 0, **bounds)


@pytest.mark.parametrize("name", ["loss@10", "../up", "a//b", "/root", "", "a/", "x" * 251])
def test_names_that_mlflow_refuses_are_refused(name: str) -> None:
    from mlflow.exceptions import MlflowException
    from mlflow.utils.validation import _validate_metric

    with pytest.raises(MlflowException):
        _validate_metric(name, 1.0, 0, 0)
    with pytest.raises(UserError, match="MLflow would refuse the name"):
        check_names([name])


@pytest.mark.parametrize("name", ["loss", "dense1/kernel", "0.9 of all", "손실", "a-b_c.d:e"])
def test_names_that_are_taken_are_taken_by_mlflow(name: str) -> None:
    from mlflow.utils.validation import _validate_metric

    check_names([name])
    _validate_metric(name, 1.0, 0, 0)


@pytest.mark.parametrize(
    "source",
    [
        "from lib.harness.contract import Config, Lab",
        "from lib.harness.claims import Claim",
        "from lib.harness.studies import batches",
        'LAB = Lab(name="own", trial=train)',
    ],
)
def test_the_old_contract_is_named_with_the_page_that_helps(source: str) -> None:
    with pytest.raises(UserError, match=r"docs/adding-a-lab\.md#from-the-old-contract"):
        refuse_old_contract(ast.parse(source), "own")
    page, anchor = ROOT / "docs" / "adding-a-lab.md", "## From the old contract"
    assert anchor in page.read_text(encoding="utf-8")


def test_the_present_contract_is_not_taken_for_the_old_one() -> None:
    refuse_old_contract(ast.parse(Path(tiny.__file__).read_text(encoding="utf-8")), "tiny")
    refuse_old_contract(ast.parse("from lib.harness.contract import trial\nLAB = Lab(trials=train)"), "own")


def test_every_name_of_the_one_import_is_there_and_none_loads_a_framework() -> None:
    for name in fearless_labs.__all__:
        assert getattr(fearless_labs, name) is not None
    source = Path(fearless_labs.__file__).read_text(encoding="utf-8")
    typed = {
        a.asname for n in ast.walk(ast.parse(source)) if isinstance(n, ast.ImportFrom) for a in n.names if a.asname
    }
    assert typed == set(fearless_labs.MODULES) == set(dir(fearless_labs))
    code = (
        "import lib, sys; from fearless_labs import Claim, Config, Lab, canvas, digits, training; "
        "sys.exit(bool({'torch', 'tensorflow', 'keras', 'mlflow', 'pandas'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
    with pytest.raises(AttributeError, match="it has: "):
        fearless_labs.Labb  # noqa: B018
