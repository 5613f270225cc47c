"""What our kernels tell whoever records the operations of a step: each step of an epoch, with the same bits."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lib.harness.recording.operations import Operations
from lib.harness.running.watching import in_torch
from lib.kernels import functions, network
from tests.lib.harness.operations import support as files
from tests.lib.kernels import support

N, BATCH = 50, 21


class Changed:
    """A library of the kernels with a change of what `network_train` leaves behind."""

    def __init__(self, compiled: ctypes.CDLL, change: Callable[[Any, tuple[Any, ...]], object]):
        self._compiled, self._change = compiled, change

    def __getattr__(self, name: str) -> Any:
        return getattr(self._compiled, name)

    def network_train(self, *arguments: Any) -> None:
        self._compiled.network_train(*arguments)
        self._change(self._compiled, arguments)


def raised(place: int) -> None:
    """Raise the number at this address by a unit in the last place."""
    number = np.ctypeslib.as_array((ctypes.c_float * 1).from_address(place))
    number[0] = np.nextafter(number[0], np.float32(np.inf))


class Training:
    """A network that the kernels train, watched or not."""

    def __init__(self, compiled: Any, name: str = "relu"):
        make, shape, classes = support.NETWORKS[name]
        torch.manual_seed(0)
        self.model = make()
        self.inputs, self.labels = support.examples(shape, classes, N)
        optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-2)
        self.network = support.network_of(compiled, self.model, optimizer, BATCH)
        self.epoch()

    def epoch(self) -> np.ndarray:
        return self.network.train(self.inputs, self.labels, np.random.default_rng(1).permutation(N))


@contextmanager
def unwatched(_: Operations) -> Iterator[None]:
    """Let our own code alone write operations down."""
    yield


@pytest.mark.parametrize("name", support.NETWORKS)
def test_a_watched_epoch_has_the_bits_of_one_call(levels: dict[str, ctypes.CDLL], name: str, tmp_path: Path) -> None:
    for number, compiled in enumerate(levels.values()):
        watched, alone = Training(compiled, name), Training(compiled, name)
        with files.recording(tmp_path / f"{number}.jsonl", in_torch.watched):
            losses = watched.epoch()
        assert support.digest(watched.model, losses) == support.digest(alone.model, alone.epoch())


def test_a_watched_network_stays_the_kernels(chosen: ctypes.CDLL, tmp_path: Path) -> None:
    """Recording hooks nothing that would hand the network back to torch."""
    make, *_ = support.NETWORKS["relu"]
    with files.recording(tmp_path / "0.jsonl", in_torch.watched):
        assert network.of(make(), None, BATCH) is not None


def test_two_levels_give_the_same_operations(levels: dict[str, ctypes.CDLL], tmp_path: Path) -> None:
    compiled = [*levels.values()]
    pair = Training(compiled[0]), Training(compiled[-1])
    assert files.difference(tmp_path, in_torch.watched, Training.epoch, *pair) is None
    text = (tmp_path / "0.jsonl").read_text()
    assert [text.count(f'"name":"kernels.{each}"') for each in ("step", "loss", "gradient", "update")] == [3, 3, 12, 12]


@pytest.mark.parametrize(
    ("change", "name", "output"),
    [
        (lambda compiled, given: raised(given[6]), "kernels.loss", "loss"),
        (lambda compiled, given: raised(compiled.network_array(given[0], 2, 0)), "kernels.gradient", "dense2.weight"),
        (lambda compiled, given: raised(compiled.network_array(given[0], 0, 1)), "kernels.gradient", "dense1.bias"),
    ],
    ids=["loss", "gradient", "first"],
)
def test_what_a_kernel_computes_otherwise_is_named(
    change: Callable[[Any, tuple[Any, ...]], object],
    name: str,
    output: str,
    levels: dict[str, ctypes.CDLL],
    tmp_path: Path,
) -> None:
    compiled = next(iter(levels.values()))
    one, other = Training(compiled), Training(compiled)
    other.network._library = Changed(compiled, change)  # type: ignore[assignment]
    found = files.difference(tmp_path, unwatched, Training.epoch, one, other)
    assert found is not None
    assert (found.names, found.inputs) == ((name, name), ())
    assert found.outputs == (output,)


def test_functions_on_arrays_are_written_down(levels: dict[str, ctypes.CDLL], tmp_path: Path) -> None:
    compiled = next(iter(levels.values()))
    x = np.arange(4, dtype=np.float32).reshape(2, 2)

    def compute(values: np.ndarray) -> None:
        functions.elementwise("exp", values, compiled)
        functions.product(values, values, compiled)
        functions.total(values.ravel(), compiled)
        functions.cross_entropy(values, np.zeros(2, np.int64), compiled)
        functions.mask(3, 0.5, key=1, compiled=compiled)

    assert files.difference(tmp_path, unwatched, compute, x, x.copy()) is None
    text = (tmp_path / "0.jsonl").read_text()
    for name in ("exp", "product", "sum", "cross_entropy", "mask"):
        assert text.count(f'"name":"kernels.{name}"') == 1
    (tmp_path / "again").mkdir()
    found = files.difference(tmp_path / "again", unwatched, compute, x, x + 1)
    assert found is not None
    assert (found.names[0], found.inputs) == ("kernels.exp", ("x",))
