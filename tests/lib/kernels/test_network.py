"""Networks trained by the kernels: against torch in float64, finite differences, and what is no number."""

from __future__ import annotations

import ctypes
import threading
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from lib.harness.contract.seeds import Seed
from lib.harness.errors import UserError
from lib.kernels import network
from lib.models import mlp
from tests.lib.kernels import support

CROSS_ENTROPY = nn.functional.cross_entropy


@pytest.mark.parametrize("n", [1, 5, 16, 37])
@pytest.mark.parametrize("name", support.NETWORKS)
def test_losses_and_gradients_are_float64s(levels: dict[str, ctypes.CDLL], name: str, n: int) -> None:
    make, shape, classes = support.NETWORKS[name]
    inputs, labels = support.examples(shape, classes, n)
    model = make()
    exact = support.in_float64(model)
    loss = CROSS_ENTROPY(exact(torch.from_numpy(inputs).double()), torch.from_numpy(labels))
    loss.backward()
    for compiled in levels.values():
        own = support.network_of(compiled, model, None, n)
        (found,) = own.train(inputs, labels, np.arange(n))
        assert abs(found - loss.item()) <= 2e-6
        for gradient, parameter in zip(own.gradients(), exact.parameters(), strict=True):
            expected = parameter.grad.numpy().ravel()  # type: ignore[union-attr]
            assert np.linalg.norm(gradient - expected) <= 3e-6 * np.linalg.norm(expected)


@pytest.mark.parametrize("name", ["tanh", "sigmoid", "original"])
def test_gradients_are_finite_differences(levels: dict[str, ctypes.CDLL], name: str) -> None:
    """Of the kernels' own loss, along the gradient: float32 leaves three digits."""
    make, shape, classes = support.NETWORKS[name]
    inputs, labels = support.examples(shape, classes, 12)
    compiled = next(iter(levels.values()))
    model = make()
    own = support.network_of(compiled, model, None, 12)
    own.train(inputs, labels, np.arange(12))
    for parameter, flat in zip(model.parameters(), own.gradients(), strict=True):
        direction = torch.from_numpy(flat / np.linalg.norm(flat)).reshape(parameter.shape)
        start, ends = parameter.detach().clone(), []
        for step in (1e-2, -1e-2):
            with torch.no_grad():
                parameter.copy_(start + step * direction)
            ends.append(float(own.train(inputs, labels, np.arange(12))[0]))
        with torch.no_grad():
            parameter.copy_(start)
        assert (ends[0] - ends[1]) / 2e-2 == pytest.approx(np.linalg.norm(flat), rel=0.02, abs=1e-4)


@pytest.mark.parametrize("rule", support.OPTIMIZERS)
def test_steps_are_torchs(levels: dict[str, ctypes.CDLL], rule: str) -> None:
    make, shape, classes = support.NETWORKS["relu"]
    inputs, labels = support.examples(shape, classes, 50)
    order = np.random.default_rng(0).permutation(50)
    for compiled in levels.values():
        model = make()
        exact = support.in_float64(model)
        optimizer, oracle = (support.OPTIMIZERS[rule](m.parameters()) for m in (model, exact))
        own = support.network_of(compiled, model, optimizer, 20)
        expected = []
        for epoch in range(4):
            if epoch == 2:  # a schedule
                for each in (optimizer, oracle):
                    each.param_groups[0]["lr"] *= 0.5
            losses = own.train(inputs, labels, order)
            assert len(losses) == 3
            for index in torch.from_numpy(order).split(20):
                loss = CROSS_ENTROPY(exact(torch.from_numpy(inputs).double()[index]), torch.from_numpy(labels)[index])
                oracle.zero_grad()
                loss.backward()
                oracle.step()
                expected.append(loss.item())
        np.testing.assert_allclose(losses, expected[-3:], atol=2e-5)
        for left, right in zip(model.parameters(), exact.parameters(), strict=True):
            np.testing.assert_allclose(left.detach().numpy(), right.detach().numpy(), atol=3e-4)


def test_dropout_cuts_in_training_and_scales_and_not_afterwards(levels: dict[str, ctypes.CDLL]) -> None:
    """One layer after dropout: its gradient is 0 for units that were cut, and doubled for the others."""
    for compiled in levels.values():
        torch.manual_seed(3)
        first, last = nn.Linear(4, 4), nn.Linear(4, 2)
        model = nn.Sequential(first, nn.Dropout(0.5), last)
        own = support.network_of(compiled, model, None, 1)
        inputs, labels = support.examples((4,), 2, 1)
        with torch.no_grad():
            hidden = first(torch.from_numpy(inputs))
            z, hidden = last(hidden).numpy(), hidden.numpy().ravel()
        np.testing.assert_allclose(own.outputs(inputs), z, atol=1e-6)
        seen = set()
        for _ in range(12):
            own.train(inputs, labels, np.arange(1))
            weights, bias = own.gradients()[2].reshape(2, 4), own.gradients()[3]
            factors = weights[0] / (bias[0] * hidden)
            assert np.all(np.isclose(factors, 0) | np.isclose(factors, 2, rtol=1e-4))
            seen.add(tuple(factors.round().astype(int)))
        assert len(seen) > 3, "another mask in every step"


def test_dropouts_masks_come_from_torchs_seed(chosen: ctypes.CDLL) -> None:
    inputs, labels = support.examples((8,), 3, 30)
    found = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        model = mlp.torch_mlp(mlp.initial_weights(Seed(0), (8, 20, 3)), dropout=0.3)
        own = network.of(model, torch.optim.Adam(model.parameters()), 10)
        assert own is not None
        found.append(own.train(inputs, labels, np.arange(30)).tolist())
    assert found[0] == found[1] != found[2]


@pytest.mark.parametrize("name", support.NETWORKS)
def test_a_level_changes_no_bit(levels: dict[str, ctypes.CDLL], name: str) -> None:
    assert len({support.trained(compiled, name) for compiled in levels.values()}) == 1


def test_a_thread_changes_no_bit(chosen: ctypes.CDLL) -> None:
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(support.trained(chosen, "modern"))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(found) == {support.trained(chosen, "modern")} and len(found) == 3


def test_what_another_library_has_set_changes_no_bit(levels: dict[str, ctypes.CDLL]) -> None:
    """With flush to zero left on, tiny weights would be 0."""
    if not torch.set_flush_denormal(True):
        pytest.skip("torch cannot set it here")
    try:
        flushed = np.float32(1e-39) * np.float32(1.0)
        found = {name: tiny(compiled) for name, compiled in levels.items()}
        assert np.float32(1e-39) * np.float32(1.0) == flushed, "and it is as before the call"
    finally:
        torch.set_flush_denormal(False)
    assert found == {name: tiny(compiled) for name, compiled in levels.items()}
    assert all(any(outputs) for outputs in found.values())


def tiny(compiled: ctypes.CDLL) -> list[int]:
    """The bits of outputs that are denormal numbers."""
    linear = nn.Linear(3, 2)
    model = nn.Sequential(linear)
    with torch.no_grad():
        linear.weight.fill_(1)
        linear.bias.fill_(0)
    inputs = np.full((1, 3), 1e-30, np.float32) * np.float32(1)
    inputs.view(np.uint32)[:] = 3000  # a denormal number, whatever the environment
    found: list[int] = support.network_of(compiled, model, None, 1).outputs(inputs).view(np.uint32).ravel().tolist()
    return found


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_ends_as_one_nan(levels: dict[str, ctypes.CDLL], value: float) -> None:
    found = set()
    for compiled in levels.values():
        for name in ("relu", "modern", "tanh"):
            make, shape, classes = support.NETWORKS[name]
            inputs, labels = support.examples(shape, classes, 20)
            inputs.reshape(20, -1)[3, 1] = value
            model = make()
            own = support.network_of(compiled, model, torch.optim.Adam(model.parameters()), 20)
            losses = np.concatenate([own.train(inputs, labels, np.arange(20)) for _ in range(2)])
            assert np.isnan(losses[-1]) or name == "tanh"
            arrays = [losses, *(p.detach().numpy() for p in model.parameters())]
            bits = {int(b) for array in arrays for b in array[np.isnan(array)].view(np.uint32)}
            assert bits <= {0x7FC00000}
        found.add(support.digest(model, losses))
    assert len(found) == 1


def test_no_examples_change_nothing(chosen: ctypes.CDLL) -> None:
    make, shape, classes = support.NETWORKS["relu"]
    model = make()
    before = support.digest(model)
    inputs, labels = support.examples(shape, classes, 0)
    own = support.network_of(chosen, model, torch.optim.Adam(model.parameters()), 5)
    assert own.train(inputs, labels, np.arange(0)).shape == (0,)
    assert own.outputs(inputs).shape == (0, classes)
    assert support.digest(model) == before


def test_bad_data_is_refused_in_one_line(chosen: ctypes.CDLL) -> None:
    make, shape, classes = support.NETWORKS["relu"]
    own = support.network_of(chosen, make(), None, 5)
    inputs, labels = support.examples(shape, classes, 6)
    for bad, message in (
        ((inputs[:, :5], labels, np.arange(6)), "64 numbers an example"),
        ((inputs, labels[:3], np.arange(6)), "3 labels"),
        ((inputs, labels, np.array([0, 6])), "indices up to 6"),
        ((inputs, labels, np.array([-1])), "indices"),
        ((inputs, labels + 10, np.arange(6)), "they must be 0 to 9"),
        ((inputs, labels + 2**32, np.arange(6)), "they must be 0 to 9"),
        ((inputs, labels + 0.5, np.arange(6)), "labels: float64 .* whole numbers"),
        ((inputs, labels, np.arange(6.0)), "order: float64 .* whole numbers"),
        ((inputs, labels.reshape(2, 3), np.arange(6)), "labels: int64 of shape"),
    ):
        with pytest.raises(UserError, match=message):
            own.train(*bad)


@pytest.mark.parametrize("row", [10, 11])
@pytest.mark.parametrize("column", [10, 11])
@pytest.mark.parametrize("modern", [True, False])
def test_a_pool_with_what_is_no_number_is_none(
    levels: dict[str, ctypes.CDLL], row: int, column: int, modern: bool
) -> None:
    """A NaN reaches 5 x 5 sums. The pool at a corner has just one of them: the first to the fourth, by the place."""
    torch.manual_seed(0)
    model = support.Pooled(modern)
    inputs, labels = support.examples((1, 28, 28), 10, 3)
    inputs[1, 0, row, column] = np.nan
    with torch.no_grad():
        expected = model(torch.from_numpy(inputs)).isnan().numpy()
        by_place = model.conv(torch.from_numpy(inputs))[1, 0].isnan().reshape(14, 2, 14, 2).numpy()
    alone = by_place.sum(axis=(1, 3)) == 1
    (corner,) = np.argwhere(by_place[alone.nonzero()[0][0], :, alone.nonzero()[1][0]])
    assert corner.tolist() == [row - 10, column - 10]
    for compiled in levels.values():
        own = support.network_of(compiled, model, None, 3)
        np.testing.assert_array_equal(np.isnan(own.outputs(inputs)), expected)
        label = int(np.flatnonzero(expected[1])[0])
        assert np.isnan(own.train(inputs, np.full(3, label), np.arange(3))[0])
        assert np.isfinite(own.train(inputs, labels, np.array([0, 2]))[0])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_dropout_hides_nothing_that_is_no_number(levels: dict[str, ctypes.CDLL], value: float) -> None:
    """0 times infinity is no number, and 0 times none is none: also where a unit is cut, as in torch."""
    model: Any = nn.Sequential(nn.Linear(2, 6), nn.Dropout(0.9), nn.Linear(6, 2))
    inputs = np.array([[value, 1]], np.float32)
    with torch.no_grad():
        model[0].weight.fill_(1)
        model[0].bias.fill_(0)
        assert model(torch.from_numpy(inputs)).isnan().all()
    for compiled in levels.values():
        own = support.network_of(compiled, model, None, 1)
        for _ in range(4):
            assert np.isnan(own.train(inputs, np.array([0]), np.array([0]))).all()
