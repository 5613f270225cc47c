r"""A network is a function: how close networks of one hidden layer come to a function that is known.

Cybenko 1989, "Approximation by superpositions of a sigmoidal function"; Hornik, Stinchcombe & White 1989: with enough
hidden units and a non-linear activation such a network comes as close as one likes to any continuous function on a
bounded region. Without the non-linearity it is a straight line (a plane) whatever its width.

- **by hand** (`written`): n ReLU units are a line that bends n - 1 times. Its weights can be written down: unit i
  starts at the knot $x_i$ and adds the change of slope there. With knots h apart, $|f - network| \le h^2/8\,\max|f''|$.
- **trained** (`fit`): $network(x) = W_2\,a(W_1 x + b_1) + b_2$, by Adam on all points at once, in float64.

Inputs are (n, dimensions) in [-1, 1], values (n,). Errors are mean squares, in shares of the function's variance.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from lib.harness.contract.seeds import Seed
from lib.harness.contract.trial import Log
from lib.models.mlp import Activation


def wave(x: np.ndarray) -> np.ndarray:
    """A slope with three waves: x + 0.6 sin(3 pi x); x (n, 1)."""
    return np.asarray(x[:, 0] + 0.6 * np.sin(3 * np.pi * x[:, 0]))


WAVE_CURVATURE = 5.4 * np.pi**2
"""The largest absolute second derivative of `wave`."""


def hills(x: np.ndarray) -> np.ndarray:
    """A hill and a hollow over the plane; x (n, 2)."""
    hill, hollow = (np.exp(-6 * np.sum((x - centre) ** 2, axis=1)) for centre in ((0.4, 0.3), (-0.4, -0.4)))
    return np.asarray(hill - hollow)


def grid(points: int, dimensions: int) -> np.ndarray:
    """Equally spaced points of [-1, 1]^dimensions: (points ** dimensions, dimensions)."""
    axes = np.meshgrid(*[np.linspace(-1, 1, points)] * dimensions)
    return np.stack(axes, axis=-1).reshape(-1, dimensions)


@dataclass(frozen=True)
class Target:
    """A known function with the points that train a network and those that judge it."""

    function: Callable[[np.ndarray], np.ndarray]
    train: np.ndarray
    judge: np.ndarray


TARGETS: Mapping[str, Target] = {
    "wave": Target(wave, grid(201, 1), grid(400, 1)),
    "hills": Target(hills, grid(21, 2), grid(40, 2)),
}


def error(target: Target, predicted: np.ndarray) -> np.ndarray:
    """Mean squared error at the judging points as a share of the function's variance. predicted (n, …), result (…)."""
    values = target.function(target.judge)
    return np.asarray(np.mean((predicted.T - values) ** 2, axis=-1) / np.var(values))


def plane_through(x: np.ndarray, values: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The least-squares line or plane of values (n, …) at points x (n, d), at other points (m, d): (m, …)."""
    affine = [np.column_stack([np.ones(len(points)), points]) for points in (x, at)]
    solution, *_ = np.linalg.lstsq(affine[0], values)
    return np.asarray(affine[1] @ solution)


def least_error_of_a_line(target: Target) -> float:
    """The error of the line or plane that fits the judging points best: none has a lower one."""
    return float(error(target, plane_through(target.judge, target.function(target.judge), target.judge)))


def off_a_line(target: Target, predicted: np.ndarray) -> float:
    """The largest distance of networks' outputs (judging points, networks) from the line or plane through them.

    In shares of the function's standard deviation.
    """
    distances = predicted - plane_through(target.judge, predicted, target.judge)
    return float(np.abs(distances).max() / np.std(target.function(target.judge)))


def written(knots: np.ndarray, values: np.ndarray) -> dict[str, np.ndarray]:
    """Weights of a ReLU network that is `values` at the n + 1 ascending `knots` and straight between: n hidden units.

    Named and shaped as in `lib.models.mlp`. It is meant for inputs in [knots[0], knots[-1]].
    """
    slopes = np.diff(values) / np.diff(knots)
    return {
        "dense1.weight": np.ones((len(slopes), 1)),
        "dense1.bias": -knots[:-1],
        "dense2.weight": np.diff(slopes, prepend=0.0)[None],
        "dense2.bias": values[:1],
    }


def relu_network(weights: Mapping[str, np.ndarray], x: np.ndarray) -> np.ndarray:
    """One hidden layer of ReLU units: x (n, 1) to (n,)."""
    hidden = np.maximum(0.0, x @ weights["dense1.weight"].T + weights["dense1.bias"])
    return np.asarray((hidden @ weights["dense2.weight"].T + weights["dense2.bias"])[:, 0])


def by_hand(width: int, x: np.ndarray) -> np.ndarray:
    """`wave` by a network of this many ReLU units whose weights nobody trained; x (n, 1)."""
    knots = np.linspace(-1, 1, width + 1)
    return relu_network(written(knots, wave(knots[:, None])), x)


def by_hand_over_bound(width: int) -> float:
    """Largest error of `by_hand` over the bound $h^2/8 \\max|f''|$ of the theory."""
    x = grid(10_001, 1)
    bound = (2 / width) ** 2 / 8 * WAVE_CURVATURE
    return float(np.max(np.abs(by_hand(width, x) - wave(x))) / bound)


@dataclass(frozen=True)
class Fit:
    """Networks after training. predicted: (judging points, widths). history: [steps (s,), values (s, points)] of the
    last width at the judging points, from before the first step on, at most 100 moments."""

    predicted: np.ndarray
    steps: list[int]
    history: np.ndarray


def starting_units(seed: Seed, width: int, dimensions: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """W1 (dimensions, width), b1 (width,), W2 (width,). Slopes and offsets of 2 spread the bends over [-1, 1]."""
    rng = seed.rng("units", width)
    slopes = rng.normal(0, 2 / np.sqrt(dimensions), (dimensions, width))
    return slopes, rng.uniform(-2, 2, width), rng.normal(0, 1 / np.sqrt(width), width)


def fit(
    seed: Seed,
    target: Target,
    widths: Sequence[int],
    activation: Activation,
    *,
    steps: int,
    learning_rate: float,
    log: Log,
    name: str,
) -> Fit:
    """Train a network of each width, side by side: one layer has the units of all, and a mask says whose they are.

    The loss is the sum of the networks' losses and Adam treats each parameter by itself, so each network takes the
    steps that it would take alone. The learning rate falls to 0 along a cosine. Losses are logged as `name`.
    """
    import torch

    activations = {"identity": lambda z: z, "tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid}
    x, judge = torch.from_numpy(target.train), torch.from_numpy(target.judge)
    y = torch.from_numpy(target.function(target.train))[:, None]
    units = [starting_units(seed, width, x.shape[1]) for width in widths]
    mask = torch.zeros(sum(widths), len(widths), dtype=x.dtype)
    for network, (first, end) in enumerate(pairwise(np.cumsum([0, *widths]))):
        mask[first:end, network] = 1
    w1, b1, w2 = (torch.from_numpy(np.concatenate(part, axis=-1)) for part in zip(*units, strict=True))
    parameters = [w1, b1, w2[:, None].repeat(1, len(widths)), torch.zeros(len(widths), dtype=x.dtype)]
    w1, b1, w2, b2 = (parameter.requires_grad_() for parameter in parameters)
    optimizer = torch.optim.Adam([w1, b1, w2, b2], learning_rate, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)

    def networks(inputs: torch.Tensor) -> torch.Tensor:
        hidden: torch.Tensor = activations[activation](inputs @ w1 + b1)
        return hidden @ (w2 * mask) + b2

    def predicted() -> np.ndarray:
        with torch.no_grad():
            return np.asarray(networks(judge).numpy())

    moments = sorted({round(moment) for moment in np.geomspace(1, steps + 1, 100) - 1})
    history = []
    for step in range(steps):
        if step in moments:
            history.append(predicted()[:, -1])
        losses = torch.mean((networks(x) - y) ** 2, dim=0)
        optimizer.zero_grad()
        losses.sum().backward()
        optimizer.step()
        schedule.step()
        if step % 100 == 0:
            log(step, **{name: losses.detach().numpy()})
    last = predicted()
    return Fit(last, moments, np.array([*history, last[:, -1]]))
