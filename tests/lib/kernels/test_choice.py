"""Which path computes: what is recorded, then --portable, then the table."""

from __future__ import annotations

import ctypes
import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from lib.harness.contract.seeds import Seed
from lib.harness.contract.trial import Runtime, Trial
from lib.harness.errors import UserError
from lib.harness.machine import scope
from lib.harness.recording import provenance
from lib.harness.running import places
from lib.harness.running.job import Job
from lib.kernels import choice, library
from lib.models import evaluation, lenet
from lib.models.training import TorchClassifier
from tests.lib.kernels import lab_of_a_layer, support

OTHER = "0" * 64


@pytest.fixture
def unchosen(chosen: ctypes.CDLL, monkeypatch: pytest.MonkeyPatch) -> ctypes.CDLL:
    """A library that is here, and no choice."""
    for name in (choice.PATH, choice.RECORDED):  # set first, so that they are put back
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    return chosen


def recorded() -> str:
    """The tag that a run of this process records."""
    code = provenance.Code({}, "")
    return provenance.tags(code, (), "torch")["lab.kernels"]


def test_portable_takes_the_kernels_and_the_default_takes_torch(unchosen: ctypes.CDLL) -> None:
    choice.choose(portable=False)
    assert not choice.chosen() and recorded() == "none"
    choice.choose(portable=True)
    assert choice.chosen() and recorded() == library.sha256(unchosen)
    assert os.environ["LAB_COMPUTE"] == "kernels", "workers inherit it"
    choice.choose(portable=False)
    assert not choice.chosen(), "what the caller has set counts for nothing"
    choice.choose(portable=True, gpu=True)
    assert not choice.chosen()


def test_the_table_decides_by_level_and_maker(unchosen: ctypes.CDLL, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "own_level", lambda: "x86-64-v3")
    monkeypatch.setattr(scope, "cpu_lines", lambda field: "GenuineIntel" if field == "vendor_id" else "")
    monkeypatch.setattr(choice, "FASTER", {("x86-64-v3", "amd"), ("x86-64-v4", "intel")})
    choice.choose(portable=False)
    assert not choice.chosen()
    choice.FASTER.add(("x86-64-v3", "intel"))
    choice.choose(portable=False)
    assert choice.chosen()


def test_the_table_knows_levels_and_makers() -> None:
    assert {level for level, _ in choice.FASTER} <= {"x86-64-v3", "x86-64-v4", "armv8-a"}
    assert {maker for _, maker in choice.FASTER} <= set(scope.VENDORS.values())


def test_a_reproduction_takes_the_recorded_path(unchosen: ctypes.CDLL, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(choice.RECORDED, "none")
    choice.choose(portable=True)
    assert not choice.chosen()
    monkeypatch.setenv(choice.RECORDED, library.sha256(unchosen))
    choice.choose(portable=False)
    assert choice.chosen()


def test_a_record_of_other_kernels_is_refused_in_one_line(
    unchosen: ctypes.CDLL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(choice.RECORDED, OTHER)
    with pytest.raises(UserError, match=f"computed by the kernels {OTHER[:12]} .*{library.sha256(unchosen)[:12]}"):
        choice.choose(portable=True)
    monkeypatch.setattr(library, "load", lambda: None)
    with pytest.raises(UserError, match="there are none for this processor here: repeat it on x86-64 with AVX2"):
        choice.choose(portable=True)


def test_without_kernels_torch_computes_and_one_line_says_so(
    unchosen: ctypes.CDLL, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(library, "load", lambda: None)
    choice.choose(portable=False)
    assert capsys.readouterr().err == ""
    choice.choose(portable=True)
    assert not choice.chosen() and recorded() == "none"
    said = capsys.readouterr().err
    assert said.startswith(
        "--portable: there are no kernels for this processor here (local mode compiles them with gcc)"
    )
    assert said.count("\n") == 1


def test_a_worker_without_kernels_does_not_compute_otherwise(
    chosen: ctypes.CDLL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "load", lambda: None)
    with pytest.raises(UserError, match="this machine has none"):
        choice.network(torch.nn.Linear(1, 1), None, 1)


def classifier(rate: float = 1e-3) -> TorchClassifier:
    images, labels = support.examples((1, 28, 28), 10, 30)
    model = lenet.torch_lenet({name: array / 2 for name, array in lenet.initial_weights(Seed(0)).items()})
    return TorchClassifier(model, torch.optim.Adam(model.parameters(), lr=rate), images, labels, 8)


def test_a_classifier_trains_alike_on_both_paths(chosen: ctypes.CDLL, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few steps: the same but for rounding, with the weights where torch has them."""
    order, images = np.random.default_rng(0).permutation(30), support.examples((1, 28, 28), 10, 30)[0]
    found = []
    for path in ("kernels", "torch"):
        monkeypatch.setenv(choice.PATH, path)
        own = classifier()
        losses = [own.epoch(order)]
        own.set_learning_rate(5e-4)
        own.replace(images[::-1].copy())
        losses.append(own.epoch(order))
        found.append((losses, own.logits(images), own.weights()))
    (left, logits, weights), (right, other_logits, other_weights) = found
    np.testing.assert_allclose(left, right, atol=1e-4)
    np.testing.assert_allclose(logits, other_logits, atol=2e-3)
    assert any((weights[name] != other_weights[name]).any() for name in weights), "it was another path"
    for name, array in weights.items():
        np.testing.assert_allclose(array, other_weights[name], atol=1e-3)


def test_the_loss_of_logits_is_the_same_on_both_paths(chosen: ctypes.CDLL, monkeypatch: pytest.MonkeyPatch) -> None:
    logits, labels = np.random.default_rng(0).normal(size=(50, 10)).astype(np.float32), np.arange(50) % 10
    ours = evaluation.cross_entropy(logits, labels)
    bad = logits.copy()
    bad[3, 2] = np.nan
    assert np.isnan(evaluation.cross_entropy(bad, labels))
    monkeypatch.setenv(choice.PATH, "torch")
    assert evaluation.cross_entropy(logits, labels) == pytest.approx(ours, abs=1e-6)


def test_the_loss_of_no_rows_is_no_number(chosen: ctypes.CDLL) -> None:
    assert np.isnan(evaluation.cross_entropy(np.empty((0, 10), np.float32), np.empty(0, int)))


@pytest.mark.parametrize(("layer", "expected"), [("ReLU", "portable:any"), ("GELU", "machine")])
def test_a_trial_with_a_network_of_torchs_says_a_lower_scope(
    chosen: ctypes.CDLL, tmp_path: Path, layer: str, expected: str
) -> None:
    """Though the lab says `any`, and the kernels are chosen: the record and the run it is part of say it."""
    trial = Trial("default", lab_of_a_layer.Layer(layer=layer), 0, Runtime("torch"))
    tags = {"lab.portable": "true", "lab.scope": "portable:any", "lab.cpu": "one", "lab.gpu": "none"}
    header = {"key": "run", "parent": None, "experiment": "e", "name": "n", "tags": tags, "params": {}}
    path = tmp_path / "trial.jsonl"
    job = Job(trial, "run", lab_of_a_layer.__name__, 0, path, header, {})
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        result = pool.submit(lab_of_a_layer.run_alone, job).result()
    assert result.status == "FINISHED", result.error
    run: Any = SimpleNamespace(results=[result], journal_of=lambda _: path)
    assert [place["lab.scope"] for place in places._places(run)] == [expected]
