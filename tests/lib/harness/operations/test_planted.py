"""The first operation that differs is the one that was changed: twenty changes of one operation in a step in torch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from lib.harness.comparing.operations import Difference
from lib.harness.running.watching import in_torch
from tests.lib.harness.operations import planted, support
from tests.lib.harness.operations.planted import Change, Training

CHANGES = {
    "one ulp in a weight gradient": Change(
        "aten.mm.default", plant=planted.one_ulp, size=16 * planted.CLASSES, scope="backward Network.last"
    ),
    "another order in a bias sum": Change(
        "aten.sum.dim_IntList", plant=planted.other_order, size=planted.CLASSES, scope="backward Network.last"
    ),
    "two threads": Change("aten.sum.dim_IntList", plant=planted.two_threads, size=16, scope="backward Network.hidden"),
    "oneDNN off": Change("aten.convolution.default", plant=planted.by_unfolding, scope="Network.convolution"),
    "fused Adam": Change("aten._foreach_add_.Scalar", instead_of="aten.add_.Tensor", fused=True, scope="Adam.step"),
    "a cast through bfloat16": Change(
        "aten._to_copy.default", instead_of="aten.empty_like.default", prepare=planted.through_bfloat16, scope="Network"
    ),
    "rounding as TF32": Change(
        "aten.addmm.default", plant=planted.as_tf32, size=16 * planted.EXAMPLES, scope="Network.hidden"
    ),
    "a dropout mask shifted": Change("aten.bernoulli_.float", plant=planted.shifted, scope="Network.dropout"),
    "softmax without max": Change("aten._log_softmax.default", plant=planted.without_max, scale=300.0),
    "batch order": Change("aten.index_select.default", inputs=("index",), backwards=True),
    "a weight changed outside of torch": Change(
        "aten.t.default", inputs=("self",), prepare=planted.nudge, scope="Network.hidden"
    ),
    "another learning rate": Change(
        "aten.addcdiv_.default", inputs=("value",), learning_rate=1e-3 + 1e-12, scope="Adam.step"
    ),
    "epsilon inside the root": Change("aten.sqrt.default", plant=planted.epsilon_inside, scope="Adam.step"),
    "ReLU's gradient at zero": Change("aten.threshold_backward.default", plant=planted.passing_at_zero),
    "a zero with a sign": Change("aten.relu.default", plant=planted.negative_zeros, scope="Network"),
    "denormals flushed": Change("aten.index_select.default", plant=planted.flushed),
    "the last of equal maxima": Change(
        "aten.max_pool2d_with_indices.default", plant=planted.last_maximum, outputs=("[1]",), scope="Network"
    ),
    "gradients set to zero": Change("aten.zero_.default", instead_of="aten.index_select.default", set_to_none=False),
    "another rounding": Change("aten.tanh_backward.default", plant=planted.rounded_otherwise, scope="backward Network"),
    "another state of the generator": Change(
        "aten.bernoulli_.float", prepare=planted.one_draw_later, scope="Network.dropout"
    ),
}


@pytest.fixture(autouse=True)
def _as_in_a_worker() -> Iterator[None]:
    """Let torch compute as in a worker of a lab; new memory is filled there, and so has one hash."""
    before = torch.are_deterministic_algorithms_enabled()
    torch._C._set_deterministic_algorithms(True, warn_only=False)
    yield
    torch._C._set_deterministic_algorithms(before, warn_only=False)


def difference(folder: Path, *changes: Change) -> Difference | None:
    """The first operation in which the second step of two trainings differs."""
    trainings = [Training(change) for change in changes]
    return support.difference(folder, in_torch.watched, Training.changed_step, *trainings, below=Training.planted)


def test_there_are_twenty() -> None:
    assert len(CHANGES) == 20


@pytest.mark.parametrize("name", CHANGES)
def test_the_changed_operation_is_named(name: str, tmp_path: Path) -> None:
    change = CHANGES[name]
    found = difference(tmp_path, Change(scale=change.scale), change)
    assert found is not None
    assert found.names == (change.instead_of or change.expected, change.expected)
    assert change.scope in found.scope
    if change.instead_of:
        assert (found.inputs, found.outputs) == ((), ())
        assert "another operation ran" in str(found)
    elif change.inputs:
        assert found.inputs == change.inputs
        assert f"its input {change.inputs[0]} differed" in str(found)
    else:
        assert (found.inputs, found.outputs) == ((), change.outputs)
        assert "it computed differently" in str(found)


def test_a_step_without_a_change_is_identical_and_has_the_bits_of_one_that_nobody_watches(tmp_path: Path) -> None:
    watched, again, alone = (Training(Change()) for _ in range(3))
    found = support.difference(tmp_path, in_torch.watched, Training.changed_step, watched, again)
    assert found is None
    alone.changed_step()
    for left, right in zip(watched.network.parameters(), alone.network.parameters(), strict=True):
        assert torch.equal(left, right)


def test_the_operation_that_gave_an_input_is_named(tmp_path: Path) -> None:
    """The weight that was changed outside comes from Adam's last step in neither file, the order from torch in one."""
    found = difference(tmp_path, Change(), CHANGES["batch order"])
    assert found is not None
    left, right = found.given
    assert left.startswith("the output of operation 0, aten.arange")
    assert right == "the output of no operation before it"
