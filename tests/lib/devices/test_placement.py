"""Labs say nothing of devices: on a GPU they must compute there alone, as on the stand-in, which has the CPU's bits."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lib.data import digits
from lib.harness.contract.catalogue import find_labs
from lib.harness.contract.seeds import Seed
from lib.harness.contract.settings import Options, configure
from lib.harness.contract.trial import Result, Trial
from lib.harness.machine import placement
from lib.harness.recording.trace import canonical, encode
from lib.models import lenet, mlp
from lib.models.training import TorchClassifier, train
from tests.lib.devices import stand_in
from tests.lib.support import Recording, run_study, run_trial

ROOT = Path(__file__).resolve().parents[3]
LABS = [name for name, entry in find_labs(ROOT).items() if "torch" in entry.frameworks]


@pytest.fixture(scope="module")
def device() -> Iterator[str]:
    library = stand_in.register()
    yield stand_in.NAME
    del library


@contextmanager
def on(device: str) -> Iterator[None]:
    """As a worker that computes on `device`; put back afterwards."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "from_numpy", torch.from_numpy)
        patch.setattr(torch.Tensor, "numpy", torch.Tensor.numpy)
        for name in stand_in.MADE_ELSEWHERE:
            patch.setattr(torch, name, stand_in.made_elsewhere(getattr(torch, name)))
        placement.compute_on(device)
        forget()
        try:
            yield
        finally:
            torch.set_default_device(None)
            forget()


def forget() -> None:
    """Empty the caches of `lib`, which hold tensors: a worker stays on one device."""
    modules = [module for name, module in sys.modules.items() if name.startswith("lib.")]
    for value in [value for module in modules for value in vars(module).values()]:
        if hasattr(value, "cache_clear"):
            value.cache_clear()


def test_arrays_go_there_and_come_back(device: str) -> None:
    array = np.arange(6, dtype=np.int64).reshape(2, 3)
    with on(device):
        tensor = torch.from_numpy(array)
        assert tensor.device.type == torch.zeros(1).device.type == torch.nn.Linear(1, 1).weight.device.type == device
        np.testing.assert_array_equal((tensor + 1).numpy(), array + 1)
        np.testing.assert_array_equal(np.asarray(tensor), array)
        tensor.zero_()
    assert array.any(), "the memory is not shared"
    assert torch.from_numpy(array).device.type == "cpu"


def test_the_stand_in_refuses_what_a_gpu_refuses(device: str) -> None:
    with on(device):
        there = torch.ones(3)
        with pytest.raises(RuntimeError, match="tensors on the CPU and on the device"):
            there + torch.ones(3, device="cpu")
        with pytest.raises(RuntimeError, match="cumsum does not have a deterministic implementation"):
            there.cumsum(0)
    with pytest.raises((RuntimeError, TypeError)):
        there.numpy()


def _mlp() -> torch.nn.Module:
    return mlp.torch_mlp(mlp.initial_weights(Seed(0), (64, 8, 10)), dropout=0.2)


def _lenet() -> torch.nn.Module:
    return lenet.torch_lenet(lenet.initial_weights(Seed(0), "modern"), "modern")


OTHER_PATHS = {"rnn", "seq2seq", "elmo", "gpt", "bert"}
"""Labs with torch's recurrent layers or attention, which add in another order on every device but the CPU."""

SHORTER = {
    "overfitting": ["epochs=10"],
    "activations": ["epochs=2", "depths=[2, 5]", "grid_seeds=1"],
    "lenet": ["pictures=1000", "judged=200", "epochs=2", "digits_epochs=2", "grid_epochs=1", "recipe_epochs=1"],
    "rnn": ["training_steps=25", "text_steps=25"],
    "seq2seq": ["words=2000", "tuning_words=1000", "sentences=300"],
    "elmo": ["steps=20", "probe_examples=300", "test_examples=200"],
    "gpt": ["steps=20"],
    "bert": ["steps=20", "hidden=100", "review_epochs=1", "judged=50", "probe=100", "draws=1"],
}
"""What labs need not do at length here: their first steps show whether the bits are the same."""

NETWORKS: dict[str, tuple[Callable[[], torch.nn.Module], tuple[int, ...]]] = {
    "mlp": (_mlp, (64,)),
    "lenet": (_lenet, (1, 28, 28)),
}


def in_a_process_of_its_own(check: Callable[[str], None], name: str) -> None:
    """Autograd's threads are those for the devices that there are at the first gradient of a process."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        pool.submit(check, name).result()


@pytest.mark.parametrize("name", NETWORKS)
def test_a_classifier_has_the_same_bits(name: str) -> None:
    in_a_process_of_its_own(_a_classifier_has_the_same_bits, name)


def _a_classifier_has_the_same_bits(name: str) -> None:
    network, shape = NETWORKS[name]
    library = stand_in.register()
    images = np.random.default_rng(0).normal(size=(60, *shape)).astype(np.float32)
    labels = digits.train().labels[:60]

    def trained() -> tuple[Recording, dict[str, np.ndarray], np.ndarray]:
        torch.manual_seed(0)
        model = network()
        classifier = TorchClassifier(model, torch.optim.Adam(model.parameters()), images, labels, batch=16)
        log = Recording()
        for _ in train(classifier, 2, Seed(0), log):
            pass
        classifier.replace(images[::-1].copy())
        return log, classifier.weights(), classifier.logits(images, batch=25)

    here = trained()
    with on(stand_in.NAME):
        there = trained()
    assert recorded(here[0], {}) == recorded(there[0], {})
    for layer, weights in here[1].items():
        np.testing.assert_array_equal(weights, there[1][layer])
    np.testing.assert_array_equal(here[2], there[2])
    del library


def assert_alike(here: Recording, there: Recording) -> None:
    """Both say the same things at the same steps, and what they say first is the same but for rounding."""
    assert [(step, sorted(values)) for step, values in here.values] == [
        (step, sorted(values)) for step, values in there.values
    ]
    assert {name: array.shape for name, array in here.final.items()} == {
        name: array.shape for name, array in there.final.items()
    }
    for (_, first), (_, again) in zip(here.values[:1], there.values[:1], strict=True):
        for name, value in first.items():
            np.testing.assert_allclose(again[name], value, rtol=1e-3, atol=1e-6, err_msg=name)


def recorded(log: Recording, measurements: Any) -> str:
    """All that a trial has said, as its digest sees it."""
    values = [[step, {name: encode(value) for name, value in at.items()}] for step, at in log.values]
    final = {name: encode(array) for name, array in log.final.items()}
    return canonical({"values": values, "final": final, "measurements": encode(measurements)})


@pytest.mark.slow
@pytest.mark.parametrize("name", LABS)
def test_a_lab_computes_there(name: str) -> None:
    """The first trial of each kind of a lab's quick run, on the CPU and on the stand-in, bits where they can be had."""
    in_a_process_of_its_own(_a_lab_computes_there, name)


def _a_lab_computes_there(name: str) -> None:
    library = stand_in.register()
    lab = importlib.import_module(find_labs(ROOT)[name].module).LAB
    compared: dict[str, bool] = {}  # by kind: whether it says something on its way

    def run(trial: Trial) -> Result:
        kind, here, there = trial.variant.split("/")[0], Recording(), Recording()
        torch.manual_seed(0)
        result = run_trial(lab, trial, here)
        if trial.runtime.framework == "torch" and kind not in compared:
            with on(stand_in.NAME):
                torch.manual_seed(0)
                again = run_trial(lab, trial, there)
            compared[kind] = bool(there.values)
            if name in OTHER_PATHS:
                assert_alike(here, there)
                assert sorted(result.measurements) == sorted(again.measurements)
            else:
                assert recorded(here, result.measurements) == recorded(there, again.measurements), trial.variant
        return result

    run_study(lab, configure(lab, Options(quick=True, seeds=1, changes=SHORTER.get(name, []))), run)
    assert any(compared.values())
    del library
