r"""What back-propagation leaves for the first layers of a deep network, by activation, start and depth.

A network has an input layer, `depth` hidden layers and an output layer, all 64 wide but the last. The hidden layers all
get outputs of the activation, so they can be compared. For each the chain rule gives (Rumelhart, Hinton & Williams
1986)

$$\frac{\partial L}{\partial W_l} = \delta_l^T a_{l-1} \qquad \delta_l = \frac{\partial L}{\partial z_l}$$

what a layer learns = the derivative that reaches it x the output of the layer before, the lecture's sentence.

The sigmoid is tanh, shifted and stretched: $\sigma(z) = (1 + \tanh(z/2)) / 2$. So a network with sigmoids whose weights
are four times those of a tanh network, and whose biases undo the shift, is that network (`in_tanhs_clothes`). Glorot &
Bengio's own code starts sigmoids from four times the weights, for this reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from lib.harness.contract.claim import largest
from lib.harness.contract.seeds import Seed
from lib.models.mlp import Scheme, initial_weights, torch_mlp

if TYPE_CHECKING:
    import torch

Activation = Literal["sigmoid", "tanh", "relu", "leaky", "gelu", "selu"]
USUAL: dict[Activation, Scheme] = {
    "sigmoid": "xavier",
    "tanh": "xavier",
    "relu": "he",
    "leaky": "he",
    "gelu": "he",
    "selu": "lecun",
}
"""Activations with their usual start: Glorot & Bengio 2010, He et al. 2015, Klambauer et al. 2017 (SELU)."""
SCHEMES: tuple[Scheme, ...] = ("xavier", "he", "lecun", "uniform")
Start = Literal[Scheme, "as-tanh"]
"""Initial weights: one of the schemes, or, of sigmoids, those of a tanh network in other clothes."""
WIDTH = 64
CLASSES = 10
FLAT = 0.05
"""A derivative below this counts as near 0: a twentieth of the identity's."""
REGION = 10.0
"""Weighted sums from -10 to 10: there sigmoid and tanh have long reached their limits."""
BINS = np.linspace(-REGION, REGION, 81)
"""Edges of the histograms of weighted sums."""


def modules() -> dict[Activation, Callable[[], torch.nn.Module]]:
    """The activations in torch; leaky ReLU with its slope 0.01, GELU exact."""
    from torch import nn

    return {
        "sigmoid": nn.Sigmoid,
        "tanh": nn.Tanh,
        "relu": nn.ReLU,
        "leaky": nn.LeakyReLU,
        "gelu": nn.GELU,
        "selu": nn.SELU,
    }


def in_tanhs_clothes(weights: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Weights with which sigmoids compute what tanh units compute with `weights`.

    With $a = 2s - 1$ the tanh unit's sum $W a + b$ is half of the sigmoid's sum $4 W s + 2 b - 2 W 1$. The first layer
    has inputs that are no units', and the last one outputs that go through no unit: there each factor 2 falls away.
    """
    layers = len(weights) // 2
    clothed = {}
    for layer in range(1, layers + 1):
        matrix, bias = weights[f"dense{layer}.weight"], weights[f"dense{layer}.bias"]
        inner, outer = 1 if layer == 1 else 2, 1 if layer == layers else 2
        shift = 0.0 if layer == 1 else matrix.sum(axis=1)
        clothed[f"dense{layer}.weight"] = outer * inner * matrix
        clothed[f"dense{layer}.bias"] = outer * (bias - shift)
    return clothed


def network(activation: Activation, start: Start, depth: int, seed: Seed) -> torch.nn.Sequential:
    """An input layer, `depth` hidden layers and an output layer: (n, 64) to (n, 10) logits; the default dtype."""
    widths = (WIDTH,) * (depth + 2) + (CLASSES,)
    weights = initial_weights(seed, widths, USUAL["tanh"] if start == "as-tanh" else start)
    model = torch_mlp(in_tanhs_clothes(weights) if start == "as-tanh" else weights, "identity")
    for layer in range(1, depth + 2):
        setattr(model, f"activation{layer}", modules()[activation]())
    return model


@dataclass(frozen=True)
class Probe:
    """One pass back. Norms by hidden layer (depth,): of the weight gradient, and of the derivative that reaches it.

    product: worst deviation of a weight gradient from derivative x output, relative to its largest entry.
    """

    weights: np.ndarray
    derivatives: np.ndarray
    product: float


def probe(model: torch.nn.Sequential, inputs: np.ndarray, labels: np.ndarray) -> Probe:
    """Send inputs (n, 64) forward and the derivative of the mean cross-entropy back."""
    import torch

    a = torch.from_numpy(inputs).to(torch.get_default_dtype())
    passed: list[tuple[torch.nn.Linear, torch.Tensor, torch.Tensor]] = []
    for module in model:
        before, a = a, module(a)
        if isinstance(module, torch.nn.Linear):
            a.retain_grad()
            passed.append((module, before, a))
    torch.nn.functional.cross_entropy(a, torch.from_numpy(labels)).backward()
    weights, derivatives, product = [], [], 0.0
    for layer, before, sums in passed[1:-1]:
        gradient, delta = layer.weight.grad, sums.grad
        assert gradient is not None and delta is not None
        weights.append(float(gradient.norm()))
        derivatives.append(float(delta.norm()))
        size = gradient.abs().max().clamp_min(torch.finfo(gradient.dtype).tiny)  # of dead units it is 0
        product = largest((product, float((gradient - delta.T @ before.detach()).abs().max() / size)))
    return Probe(np.array(weights), np.array(derivatives), product)


def slopes(model: torch.nn.Module, inputs: np.ndarray) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """The weighted sums of each layer of units and the derivatives there, both (n, 64), from the first layer on."""
    import torch

    a = torch.from_numpy(inputs).to(torch.get_default_dtype())
    for name, module in model.named_children():
        z = a.detach().requires_grad_()
        a = module(z)
        if name.startswith("activation"):
            (slope,) = torch.autograd.grad(a.sum(), z)
            yield z.detach(), slope


def dead_units(model: torch.nn.Module, inputs: np.ndarray) -> np.ndarray:
    """Return the share of dead units by layer (depth + 1,): with derivative 0 on every input, no input teaches them."""
    return np.array([float((slope == 0).all(dim=0).double().mean()) for _, slope in slopes(model, inputs)])


def sums_that_occur(model: torch.nn.Module, inputs: np.ndarray) -> tuple[float, np.ndarray]:
    """The share of all units and inputs (n, 64) whose derivative is below `FLAT`, and a histogram of their sums (80,).

    Sums beyond `REGION` count in the first and the last bin.
    """
    both = list(slopes(model, inputs))
    flat = np.mean([float((slope.abs() < FLAT).double().mean()) for _, slope in both])
    sums = np.concatenate([z.numpy().ravel() for z, _ in both])
    return float(flat), np.histogram(sums.clip(-REGION, REGION), BINS)[0]


def functions(points: int = 20_000) -> dict[str, dict[str, Any]]:
    """Facts of each activation over -10 to 10.

    flat: share of the region where the derivative is below 0.05. largest: the derivative's largest size. on: worst
    deviation of the derivative from 1 for positive sums. unbounded: worst relative deviation of the output from the
    sum for sums from 1 to 1e30. x, value, slope: for a picture.
    """
    import torch

    found: dict[str, dict[str, Any]] = {}
    step = 2 * REGION / points
    grid = torch.arange(points, dtype=torch.float64) * step - REGION + step / 2
    huge = torch.logspace(0, 30, 61, dtype=torch.float64)
    for name, make in modules().items():
        z = grid.clone().requires_grad_()
        values = make()(z)
        (slope,) = torch.autograd.grad(values.sum(), z)
        thin = slice(None, None, points // 200)
        found[name] = {
            "flat": float((slope.abs() < FLAT).double().mean()),
            "largest": float(slope.abs().max()),
            "on": float((slope[grid > 0] - 1).abs().max()),
            "unbounded": float((make()(huge) / huge - 1).abs().max()),
            "x": grid[thin].numpy(),
            "value": values.detach()[thin].numpy(),
            "slope": slope[thin].numpy(),
        }
    return found
