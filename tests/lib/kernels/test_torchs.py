"""What the kernels leave to torch, and what of torch's they honour or refuse when it changes later."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from lib.harness.errors import UserError
from lib.kernels import network
from lib.models.training import TorchClassifier
from tests.lib.kernels import support


def dense(**options: Any) -> nn.Sequential:
    return nn.Sequential(nn.Linear(4, 8, **options), nn.ReLU(), nn.Linear(8, 2))


def frozen() -> nn.Sequential:
    model = dense()
    model[0].weight.requires_grad_(False)
    return model


HOOKS: dict[str, Callable[[nn.Module], Any]] = {
    "a layer's output": lambda model: model[1].register_forward_hook(lambda *_: None),  # type: ignore[index]
    "a layer's input": lambda model: model[0].register_forward_pre_hook(lambda *_: None),  # type: ignore[index]
    "the model's output": lambda model: model.register_forward_hook(lambda *_: None),
    "the model's gradient": lambda model: model.register_full_backward_hook(lambda *_: None),
    "a gradient to come": lambda model: model.register_full_backward_pre_hook(lambda *_: None),
    "a weight": lambda model: next(model.parameters()).register_hook(lambda _: None),
    "a weight's sum": lambda model: next(model.parameters()).register_post_accumulate_grad_hook(lambda _: None),
    "every module": lambda _: nn.modules.module.register_module_forward_hook(lambda *_: None),
    "another forward": lambda model: setattr(model[1], "forward", torch.neg),  # type: ignore[index]
}


@pytest.mark.parametrize("hook", HOOKS)
def test_a_network_with_a_hook_is_torchs(chosen: ctypes.CDLL, hook: str) -> None:
    model = dense()
    assert network.of(model, None, 4) is not None
    handle = HOOKS[hook](model)
    try:
        assert network.of(model, None, 4) is None
    finally:
        if handle is not None:
            handle.remove()


def test_a_hook_of_a_convolution_or_an_optimizer_is_seen(chosen: ctypes.CDLL) -> None:
    make, *_ = support.NETWORKS["modern"]
    model = make()
    handle = model.conv2.register_forward_hook(lambda *_: None)  # type: ignore[union-attr]
    assert network.of(model, None, 4) is None
    handle.remove()
    optimizer = torch.optim.Adam(model.parameters())
    handle = optimizer.register_step_post_hook(lambda *_: None)
    assert network.of(model, optimizer, 4) is None
    handle.remove()
    assert network.of(model, optimizer, 4) is not None


class Doubled(support.Pooled):
    """Another network, with the layers of its parent."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return 2 * super().forward(images)


class Uneven(support.Pooled):
    """A convolution whose pooling has a row and a column too many."""

    def layers_in_order(self) -> list[Any]:
        return [(self.conv, 33, self.modern)]


def test_a_pooled_convolution_that_the_kernels_do_not_know_is_torchs(chosen: ctypes.CDLL) -> None:
    assert network.of(support.Pooled(modern=True), None, 4) is not None
    assert network.of(Doubled(modern=True), None, 4) is None
    assert network.of(Uneven(modern=True), None, 4) is None
    for options in ({"stride": 2}, {"dilation": 2}, {"bias": False}, {"padding": (2, 1)}, {"padding_mode": "circular"}):
        model = support.Pooled(modern=True)
        model.conv = nn.Conv2d(1, 6, 5, **({"padding": 2} | options))
        assert network.of(model, None, 4) is None, options
    model.conv = nn.Conv2d(1, 6, 3, padding=2)
    assert network.of(model, None, 4) is None


def other_activation(model: nn.Sequential, _: Any) -> None:
    model[1] = nn.Tanh()


def later_hook(model: Any, _: Any) -> None:
    model[0].register_forward_hook(lambda *_: None)


def freeze(model: Any, _: Any) -> None:
    model[0].weight.requires_grad_(False)


def move(model: Any, _: Any) -> None:
    model[0].weight.data = model[0].weight.data.clone()


def decay(_: Any, optimizer: torch.optim.Optimizer) -> None:
    optimizer.param_groups[0]["weight_decay"] = 0.1


def another_group(_: Any, optimizer: torch.optim.Optimizer) -> None:
    optimizer.add_param_group({"params": [torch.zeros(1, requires_grad=True)]})


def moments(model: Any, optimizer: torch.optim.Optimizer) -> None:
    optimizer.state[model[0].weight] = {"step": torch.tensor(3.0)}


@pytest.mark.parametrize("change", [other_activation, later_hook, freeze, move, decay, another_group, moments])
def test_a_later_change_that_the_kernels_do_not_know_is_refused_in_one_line(
    chosen: ctypes.CDLL, change: Callable[[Any, Any], None]
) -> None:
    model = dense()
    optimizer = torch.optim.Adam(model.parameters())
    own = network.of(model, optimizer, 4)
    assert own is not None
    inputs, labels = support.examples((4,), 2, 8)
    own.train(inputs, labels, np.arange(8))
    before = support.digest(model)
    change(model, optimizer)
    with pytest.raises(UserError, match="is not as it was when its classifier was made"):
        own.train(inputs, labels, np.arange(8))
    assert support.digest(model) == before


def test_later_options_that_the_kernels_have_are_torchs(levels: dict[str, ctypes.CDLL]) -> None:
    later = {"lr": 1e-2, "betas": (0.5, 0.9), "eps": 1e-4, "weight_decay": 0.2}
    inputs, labels = support.examples((4,), 2, 40)
    for compiled in levels.values():
        model = dense()
        exact = support.in_float64(model)
        ours, oracle = (torch.optim.AdamW(each.parameters(), lr=3e-3, weight_decay=0.3) for each in (model, exact))
        own = support.network_of(compiled, model, ours, 10)
        for epoch in range(3):
            if epoch:
                for each in (ours, oracle):
                    each.param_groups[0].update(later if epoch == 1 else {"lr": 1e-3})
            own.train(inputs, labels, np.arange(40))
            for index in torch.arange(40).split(10):
                oracle.zero_grad()
                logits = exact(torch.from_numpy(inputs).double()[index])
                nn.functional.cross_entropy(logits, torch.from_numpy(labels)[index]).backward()
                oracle.step()
        for left, right in zip(model.parameters(), exact.parameters(), strict=True):
            np.testing.assert_allclose(left.detach().numpy(), right.detach().numpy(), atol=1e-5)


def test_an_optimizer_keeps_its_moments_for_a_second_classifier(chosen: ctypes.CDLL) -> None:
    """As in torch, where they are the optimizer's: trained in two parts, the weights are those of one."""
    inputs, labels = support.examples((4,), 2, 12)
    found = []
    for parts in (1, 2):
        torch.manual_seed(0)
        model = dense()
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        for _ in range(parts):
            own = network.of(model, optimizer, 4)
            assert own is not None
            for _ in range(2 // parts):
                own.train(inputs, labels, np.arange(12))
        found.append(support.digest(model))
    assert found[0] == found[1]


def test_an_optimizer_of_two_networks_is_refused_in_one_line(chosen: ctypes.CDLL) -> None:
    model = dense()
    optimizer = torch.optim.Adam(model.parameters())
    assert network.of(model, optimizer, 4) is not None
    with pytest.raises(UserError, match="an optimizer for two networks, or for two sizes of batch"):
        network.of(model, optimizer, 5)
    for use in (optimizer.step, optimizer.state_dict):
        with pytest.raises(UserError, match="whose moments are in the kernels"):
            use()


def test_the_largest_batch_is_that_of_the_examples(chosen: ctypes.CDLL) -> None:
    """A batch larger than the data takes no memory for examples that there are not: 10^15 would not fit anywhere."""
    inputs, labels = support.examples((4,), 2, 12)
    model = dense()
    own = TorchClassifier(model, torch.optim.Adam(model.parameters()), inputs, labels, 10**15)
    assert own._kernels is not None
    assert own.epoch(np.arange(12)).shape == (1,)


@pytest.mark.parametrize(
    "model",
    [
        dense(bias=False),
        dense().double(),
        frozen(),
        nn.Sequential(nn.Linear(4, 8), nn.GELU(), nn.Linear(8, 2)),
        nn.Sequential(nn.Linear(4, 8), nn.LeakyReLU(), nn.Linear(8, 2)),
        nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 2)),
        nn.Sequential(nn.ReLU(), nn.Linear(4, 2)),
        nn.Sequential(nn.Linear(4, 8), nn.Linear(9, 2)),
        nn.Sequential(nn.Sequential(nn.Linear(4, 2))),
        nn.Sequential(nn.Conv2d(1, 2, 3)),
        nn.Linear(4, 2),
        nn.Sequential(),
    ],
    ids=range(12),
)
def test_a_network_that_the_kernels_do_not_know_is_torchs(chosen: ctypes.CDLL, model: nn.Module) -> None:
    assert network.of(model, None, 4) is None


def test_an_optimizer_that_the_kernels_do_not_know_is_torchs(chosen: ctypes.CDLL) -> None:
    model = dense()
    parameters = list(model.parameters())
    for optimizer in (
        torch.optim.AdamW(parameters, amsgrad=True),
        torch.optim.NAdam(parameters),
        torch.optim.RMSprop(parameters),
        torch.optim.Adam(parameters, weight_decay=0.1),
        torch.optim.Adam(parameters, amsgrad=True),
        torch.optim.SGD(parameters, lr=0.1, momentum=0.9, nesterov=True),
        torch.optim.SGD(parameters, lr=0.1, weight_decay=0.1),
        torch.optim.Adam(parameters[:2]),
        torch.optim.Adam([{"params": parameters[:2]}, {"params": parameters[2:]}]),
    ):
        assert network.of(model, optimizer, 4) is None
    assert network.of(model, torch.optim.Adam(parameters, fused=True), 4) is not None
